"""The figures of mails: how many were spooled, and what became of them. Each is a sum over events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from stats.models import EventKind


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of mails, never of repetitions. A mail that is retried leaves the figure it stood in."""

    spooled: int = 0
    blocked: int = 0
    quarantined: int = 0
    delivered: int = 0
    #: Whose last outcome is a temporary failure; in a timeline, temporary failures.
    deferred: int = 0
    #: Refused for good, given up, or expired.
    failed: int = 0
    open: int = 0
    click: int = 0
    mirror: int = 0
    unsubscribe: int = 0
    complaint: int = 0
    #: Came back after its server had taken it: among the delivered ones.
    bounce: int = 0
    #: Answered, by a person or for one.
    response: int = 0

    @property
    def handled(self) -> int:
        """Mails that a router dealt with."""
        return self.delivered + self.failed + self.deferred


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Figures))
#: Of figures that are not called as the one kind of event they sum.
_KINDS: dict[str, tuple[str, ...]] = {
    "deferred": (EventKind.TEMPFAIL.value,),
    "failed": (EventKind.FAILED.value, EventKind.EXPIRED.value),
}


def sums(*, increments: bool = False) -> str:
    """The columns of SQL that make a `Figures` of rows with `kind`, `counted` and `ended`.

    `increments`: count temporary failures instead of mails that are deferred.
    """
    return ", ".join(
        _sum(_KINDS.get(name, (name,)), lasting=increments and name == "deferred") for name in NAMES
    )


def _sum(kinds: Sequence[str], *, lasting: bool) -> str:
    value = "counted" if lasting else "counted - ended"
    words = ", ".join(map(repr, kinds))
    # PostgreSQL adds up bigint as numeric, which is slow and large; doubles are exact up to 2**53.
    return f"CAST(coalesce(sum(CAST({value} AS double precision)) FILTER (WHERE kind IN ({words})), 0) AS bigint)"
