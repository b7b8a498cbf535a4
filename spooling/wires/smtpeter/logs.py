"""The logs of the wire: what each tells of, in which columns, and what its lines are called as events (contract §5.4,
§6.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from spooling.webhooks.smtpeter_payloads import KINDS
from stats.models import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """`event` is empty for what is no event of the wire."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    event: str = ""


def _log(name: str, event: str, kinds: tuple[str, ...], columns: str) -> Log:
    return Log(name=name, event=event, kinds=kinds, columns=tuple(columns.split()))


DMARC = Log(
    name="dmarc",
    columns=(
        *("time", "organizationName", "email", "reportId", "begin", "end", "domain", "sendingDomain"),
        *("messages", "failedSpf", "failedDkim"),
    ),
)
OF_MAILS = (
    _log(
        "attempts",
        "attempt",
        (EventKind.SPOOLED,),
        "id time envelope recipient properties tags templateid",
    ),
    _log(
        "deliveries",
        "delivery",
        KINDS["delivery"],
        "id time envelope recipient from to attempt tags templateid",
    ),
    _log(
        "failures",
        "failure",
        KINDS["failure"],
        "id time envelope recipient attempt from to type code status description state tags templateid",
    ),
    _log("bounces", "bounce", KINDS["bounce"], "id time envelope recipient mime tags templateid"),
    _log("responses", "response", (EventKind.RESPONSE,), "id time envelope recipient mime tags templateid"),
    _log(
        "clicks",
        "click",
        KINDS["click"],
        "id time headers ip url destination tags recipient city countryname countrycode regioncode templateid",
    ),
    _log(
        "opens",
        "open",
        KINDS["open"],
        "id time headers ip protocol tags recipient city countryname countrycode regioncode templateid",
    ),
    _log("abuses", "", KINDS["abuse"], "id time envelope recipient tags templateid"),
)
ALL = {log.name: log for log in (*OF_MAILS, DMARC)}
#: What `events` shows.
EVENTS = tuple(log for log in OF_MAILS if log.event)


def kinds_of(logs: tuple[Log, ...]) -> frozenset[str]:
    """What the logs tell of."""
    return frozenset(kind for log in logs for kind in log.kinds)
