"""What a measurement gets: its own installation, a sink to send to, and how much to send."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import rig
from tests.benchmarks.report import Figure
from tests.installation import Installation


class CountsWrong(Exception):
    """Not every mail was delivered once, or the ledger does not add up."""


@dataclass(frozen=True, slots=True)
class Options:
    """How large a run is. `counting`: only what arrived is of interest, and the sink counts it."""

    mails: int
    rounds: int
    counting: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """This process is part of `installation`, whose default router leads to `sink`."""

    installation: Installation
    sink: rig.Sink
    options: Options


def against_rig(name: str, bench: Bench, send: Callable[[], rig.Pace]) -> Figure:
    """How fast `send` is as a share of the rig's limit just before and after; the median of the rounds.

    Others load the machine too, so a ratio holds only for what was measured side by side.
    """
    paces, limits = [], []
    for _ in range(bench.options.rounds):
        before = bench.sink.limit(bench.options.mails // 2)
        paces.append(send())
        after = bench.sink.limit(bench.options.mails // 2)
        limits.append(rig.Pace(rate=(before.rate + after.rate) / 2, cpu=(before.cpu + after.cpu) / 2))
    ratios = [pace.rate / limit.rate for pace, limit in zip(paces, limits, strict=True)]
    raw = summary("sent", paces) | summary("limit", limits)
    return Figure(name, statistics.median(ratios), raw, ratios)


def summary(what: str, paces: list[rig.Pace]) -> dict[str, float]:
    return {
        f"{what} /s": statistics.median(pace.rate for pace in paces),
        f"{what} cpu µs": statistics.median(pace.cpu for pace in paces),
    }
