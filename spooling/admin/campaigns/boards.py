"""All that a campaign's page shows and shows anew every other second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from spooling import ledger
from spooling.admin.campaigns import charts, failures, figures, findings, words
from spooling.campaigns import progress
from spooling.campaigns.progress import Progress
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerState

#: Of what the bar is made; what waits or is being sent leaves it empty.
_SETTLED = ("delivered", "failed", "expired", "blocked", "quarantined", "cancelled", "in_doubt")
_LABELS = {"in_doubt": "in doubt", "sending": "being sent"}


def of(spooler: Spooler, *, may_name: bool, job_id: str = "", now: datetime) -> dict[str, Any]:
    """The context of the live part: a bounded number of queries, none of which grows with the mails.

    Without `may_name` it holds no recipient's address. `job_id` names the look ahead to be shown, if any.
    """
    pace = progress.of(spooler, now=now)
    counts = dict(pace.figures)
    settled = {state: counts[state] for state in _SETTLED}
    providers = figures.by_provider(spooler.pk)
    return {
        "spooler": spooler,
        "state": words.state_of(spooler, now=now),
        "pause": words.pause_of(spooler),
        "counts": counts,
        "mails_per_minute": pace.mails_per_minute,
        "predicted_end": _end_of(spooler, pace),
        "ledger": [(_LABELS.get(state, state), counts[state], state) for state in ledger.STATES],
        "may_name": may_name,
        "adds_up": ledger.adds_up(counts),
        "done_percent": _percent(sum(settled.values()), counts["spooled"]),
        "done": sum(settled.values()),
        "pieces": charts.shares(settled, total=counts["spooled"]),
        "findings": findings.of(spooler, job_id),
        "cards": figures.cards(figures.total(providers)),
        "providers": providers,
        "timeline": figures.timeline(spooler.pk, now=now),
        "failures": failures.of_spooler(spooler.pk, counts, may_name=may_name),
    }


def is_over(spooler: Spooler) -> bool:
    """Whether nothing on the page changes by itself any more."""
    return spooler.ended_at is not None and (
        spooler.state != SpoolerState.CANCELLED or spooler.swept_at is not None
    )


def _end_of(spooler: Spooler, pace: Progress) -> str:
    """When its last mail will have left, as far as that can be told; empty: nothing to tell."""
    if pace.predicted_end_at is None or spooler.ended_at is not None:
        return ""
    return words.moment(pace.predicted_end_at)


def _percent(part: int, whole: int) -> float:
    """Rounded down, so that 100 is said when all are done."""
    return (1000 * part // whole) / 10 if whole else 0.0


def answer_of(board: Mapping[str, Any], html: str) -> dict[str, Any]:
    """What the page polls."""
    spooler: Spooler = board["spooler"]
    return {"state": spooler.state, "ended": is_over(spooler), "html": html}
