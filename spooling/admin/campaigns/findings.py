"""What a look ahead found out about a campaign, and the score of its message, in words for its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime

from spooling.admin.campaigns import words
from spooling.models import JobRequest, Spooler
from spooling.models.jobs import JobKind, JobState
from spooling.models.suppressions import SuppressionReason

#: Mails of which the page tells what is wrong with them; the job has more.
MOST_SHOWN = 10
_SKIPPED = {
    "expired": "Expired before they can leave",
    "erased": "Erased",
    "no_router": "Without a router for their provider",
    "unrenderable": "Cannot be made",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """One look ahead. While it goes on, its figures are of what it has seen."""

    job: JobRequest
    is_over: bool
    rows: tuple[tuple[str, int], ...]
    missing: tuple[tuple[str, int], ...]
    flaws: tuple[tuple[str, str], ...]
    errors: tuple[tuple[str, str], ...]
    end: str
    is_late: bool
    score: Mapping[str, Any] | None


def of(spooler: Spooler, job_id: str) -> Findings | None:
    """Those of the spooler's job of this id. None: there is no such job."""
    if not job_id.isdecimal() or len(job_id) > 18:
        return None
    jobs = JobRequest.objects.filter(pk=job_id, account=spooler.account_id, kind=JobKind.PREFLIGHT)
    job = jobs.first()
    if job is None or job.arguments["spooler"] != spooler.pk:
        return None
    result = job.result
    ends_at = parse_datetime(result.get("predicted_end_at") or "")
    return Findings(
        job=job,
        is_over=job.state in (JobState.DONE, JobState.FAILED),
        rows=tuple(_rows(result)),
        missing=tuple(sorted(result["missing_variables"].items())),
        flaws=tuple(result.get("message", {}).items()),
        errors=tuple((error["mail"], error["message"]) for error in result["errors"][:MOST_SHOWN]),
        end=words.moment(ends_at) if ends_at else "",
        is_late=ends_at is not None and not result["ends_in_time"],
        score=result.get("score"),
    )


def _rows(result: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "Would leave", result["sendable"]
    for reason, count in sorted(result["skipped"]["suppressed"].items()):
        label = dict(SuppressionReason.choices).get(reason, reason)
        yield f"Suppressed: {str(label).lower()}", count
    for name, label in _SKIPPED.items():
        if result["skipped"][name]:
            yield label, result["skipped"][name]
    if result.get("over_limit"):
        yield "Wait for the account's limits", result["over_limit"]
