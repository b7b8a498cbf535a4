"""The geometry of a campaign's drawings: its bar and its timeline. Pure; the templates draw them as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

#: A drawing is so wide and so high; the page stretches it.
WIDTH, HEIGHT = 1000, 160
#: More bars than these are too thin to point at.
MOST_BARS = 60
#: Fewer leave the rest of the drawing empty.
LEAST_BARS = 12
#: The blank between two bars, as a share of their width.
_GAP = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A rectangle of one kind of mails."""

    kind: str
    x: float = 0
    y: float = 0
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What became of mails from a moment on."""

    at: datetime
    title: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All bars; the highest stands for `highest` mails."""

    bars: tuple[Bar, ...]
    highest: int
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def first(self) -> datetime:
        return self.bars[0].at

    @property
    def last(self) -> datetime:
        return self.bars[-1].at


def shares(counts: Mapping[str, int], *, total: int) -> tuple[Piece, ...]:
    """One bar as wide as `total`, its pieces side by side; what is left over stays empty."""
    ends = list(accumulate(counts.values()))
    scale = WIDTH / max(total, 1)
    return tuple(
        Piece(kind=kind, x=round((end - count) * scale, 2), width=round(count * scale, 2), height=1)
        for (kind, count), end in zip(counts.items(), ends, strict=True)
        if count
    )


def timeline(buckets: Sequence[tuple[datetime, Mapping[str, int]]]) -> Timeline | None:
    """Bars of stacked counts in order of time, neighbours joined where there are too many. None: nothing to draw."""
    joined = _joined(buckets)
    highest = max((sum(counts.values()) for _, counts in joined), default=0)
    if not highest:
        return None
    step = WIDTH / max(len(joined), LEAST_BARS)
    bars = (_bar(place * step, step, bucket, highest) for place, bucket in enumerate(joined))
    return Timeline(bars=tuple(bars), highest=highest)


def _joined(buckets: Sequence[tuple[datetime, Mapping[str, int]]]) -> list[tuple[datetime, dict[str, int]]]:
    together = -(-len(buckets) // MOST_BARS) or 1
    groups = (buckets[start : start + together] for start in range(0, len(buckets), together))
    return [(group[0][0], _sum(counts for _, counts in group)) for group in groups]


def _sum(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        for kind, count in row.items():
            total[kind] = total.get(kind, 0) + count
    return total


def _bar(x: float, step: float, bucket: tuple[datetime, Mapping[str, int]], highest: int) -> Bar:
    at, counts = bucket
    pieces, top = [], float(HEIGHT)
    for kind, count in counts.items():
        height = HEIGHT * count / highest
        top -= height
        if count:
            pieces.append(
                Piece(
                    kind=kind,
                    x=round(x, 2),
                    y=round(top, 2),
                    width=round(step * (1 - _GAP), 2),
                    height=round(height, 2),
                )
            )
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "nothing"
    return Bar(at=at, title=f"{at:%d %b %H:%M}: {told}", pieces=tuple(pieces))
