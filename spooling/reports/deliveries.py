"""Reports that somebody asks for: what became of the mails of some time, as one CSV file, a mail a record."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from spooling import deliveries, job_files, subjects
from spooling.endings import Ended
from spooling.models import JobFile, JobRequest, Mail
from spooling.models.jobs import JobKind, JobState
from stats.models import EventKind

#: The job's file, which does not exist where no mail was found.
FILE = "report"
COLUMNS = ("Subject", "Sender", "SenderName", "Email", "Status", "Date", "Opens", "Clicks")
#: Mails of one slice.
SLICE = 1000
_OPEN = (JobState.WAITING, JobState.RUNNING)


def ask(
    account_id: int, *, start: datetime, end: datetime, arguments: dict[str, Any], now: datetime
) -> JobRequest:
    """The job that makes the report of the mails from `start` to before `end`.

    `arguments` are kept with it; `filter` among them is a part of subject, author or address.
    """
    span = {"start": start.astimezone(UTC).isoformat(), "end": min(end, now).astimezone(UTC).isoformat()}
    return JobRequest.objects.create(
        account_id=account_id,
        kind=JobKind.REPORT_DELIVERIES,
        arguments={**arguments, **span},
        created_at=now,
    )


def of(account_id: int) -> QuerySet[JobRequest]:
    """The account's reports."""
    return JobRequest.objects.filter(account=account_id, kind=JobKind.REPORT_DELIVERIES)


def still_open(account_id: int) -> int:
    """How many of them are yet to be made."""
    return of(account_id).filter(state__in=_OPEN).count()


def span(job: JobRequest) -> tuple[datetime, datetime]:
    """From when to before when it tells."""
    return datetime.fromisoformat(job.arguments["start"]), datetime.fromisoformat(job.arguments["end"])


def is_made(job: JobRequest) -> bool:
    return job.state not in _OPEN


def has_file(job: JobRequest) -> bool:
    """Whether it was made and a mail was found."""
    return job.state == JobState.DONE and bool(job.result.get("mails"))


def pieces(job: JobRequest) -> Iterator[bytes]:
    """The file; one piece of it at a time is in memory."""
    return job_files.pieces(job, FILE)


def work(job: JobRequest, now: datetime) -> Ended | None:
    """Write the next slice. `job.position` is the last mail's id, `job.progress` how many mails are written."""
    start, end = span(job)
    rows = deliveries.of(job.account_id, start=start, end=end, words=job.arguments.get("filter", ""))
    mails = list(deliveries.shown(rows.filter(pk__gt=job.position)).order_by("id")[:SLICE])
    if mails:
        header = [COLUMNS] if job.progress == 0 else []
        number = JobFile.objects.filter(job=job, name=FILE).count()
        job_files.append(job, FILE, _csv([*header, *_records(mails)]), number=number)
        job.position, job.progress = mails[-1].pk, job.progress + len(mails)
    return None if len(mails) == SLICE else Ended(result={"mails": job.progress})


def make_again(ids: Sequence[int]) -> None:
    """What these jobs wrote is deleted, and written anew of what is stored by then. The caller holds their rows."""
    if not ids:
        return
    JobFile.objects.filter(job__in=ids).delete()
    JobRequest.objects.filter(pk__in=ids).update(
        state=JobState.WAITING, position=0, progress=0, result={}, leased_until=None, ended_at=None
    )


def telling_of(mail_ids: Iterable[int]) -> list[uuid.UUID]:
    """The public ids of the reports of which one of these mails may be a record."""
    moments: dict[int, list[datetime]] = {}
    for account_id, moment in Mail.objects.filter(pk__in=list(mail_ids)).values_list("account", "created_at"):
        moments.setdefault(account_id, []).append(moment)
    jobs = JobRequest.objects.filter(account__in=moments, kind=JobKind.REPORT_DELIVERIES)
    return [job.public_id for job in jobs if _tells_of(job, moments[job.account_id])]


def _tells_of(job: JobRequest, moments: Iterable[datetime]) -> bool:
    start, end = span(job)
    return any(start <= moment < end for moment in moments)


def _records(mails: list[Mail]) -> Iterator[tuple[Any, ...]]:
    hits = deliveries.visits(mails)
    for mail in mails:
        yield (
            subjects.shown(mail),
            mail.content.from_email,
            mail.content.from_name,
            mail.email,
            deliveries.status(mail).capitalize(),
            mail.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            hits.get((mail.pk, EventKind.OPEN), 0),
            hits.get((mail.pk, EventKind.CLICK), 0),
        )


def _csv(records: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(records)
    return text.getvalue().encode()
