"""The jobs that make reporting files, which keep them too: one for each domain and day; asked for, found, forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import TruncDate

from earwig import sealing
from spooling.models import JobRequest
from spooling.models.jobs import JobKind, JobState
from spooling.reports import deliveries
from stats.models import DailyRollup, Event

#: Jobs that keep files of what happened to mails.
KINDS = (JobKind.REPORT, JobKind.REPORT_DELIVERIES)
#: How long a file is kept. It is made again for whoever asks later.
KEPT = timedelta(days=30)
#: After its end, what happened on a day may take so long to be told.
GRACE = timedelta(minutes=2)
#: After a day's end, its figures are rolled up by then.
ROLLED_UP = timedelta(minutes=10)
#: How often `tidy` looks whether a file of yesterday is missing.
ASKED_EVERY = timedelta(hours=1)
#: Jobs of one statement.
BATCH = 500


def ask(account_id: int, domain_id: int, day: date, *, now: datetime) -> JobRequest:
    """The job that makes, or has made, the files of a day that is over; there is never a second one.

    They are its own, named by their family of events: gzip (RFC 1952) of one JSON object a line.
    """
    job, _ = JobRequest.objects.get_or_create(
        public_id=_public_id(domain_id, day),
        defaults={
            "account_id": account_id,
            "kind": JobKind.REPORT,
            "arguments": {"domain": domain_id, "day": day.isoformat()},
            "leased_until": _end_of(day) + GRACE,
            "created_at": now,
        },
    )
    return job


def is_made(job: JobRequest) -> bool:
    """Whether the job has made its files, as of this moment."""
    return JobRequest.objects.filter(pk=job.pk, state=JobState.DONE).exists()


def tidy(*, now: datetime) -> None:
    """Ask once an hour for the files of yesterday that nobody has asked for; delete old ones."""
    day = now.astimezone(UTC).date() - timedelta(days=1)
    if now >= _end_of(day) + ROLLED_UP and cache.add(f"reports.{day}", 1, ASKED_EVERY.total_seconds()):
        ask_for(day, now=now)
    _delete(JobRequest.objects.filter(kind__in=KINDS, created_at__lte=now - KEPT))


def ask_for(day: date, *, now: datetime) -> None:
    """Ask for the files of each domain with events of the day."""
    told = DailyRollup.objects.filter(day=day, domain_id__gt=0).values_list("account_id", "domain_id")
    for account_id, domain_id in told.distinct().iterator():
        ask(account_id, domain_id, day, now=now)


def forget_account(account_id: int) -> None:
    """Delete every file of the account: some may hold what was erased just now. Who asks gets them anew, without it;
    reports of deliveries are made again by themselves.

    Belongs into the transaction that erases. It is done once more behind it, for what was begun meanwhile.
    """

    def forget() -> None:
        _forget(JobRequest.objects.filter(account=account_id, kind__in=KINDS))

    forget()
    transaction.on_commit(forget)


def forget_mails(mail_ids: Iterable[int]) -> None:
    """As `forget_account`, but only the files that tell of these mails."""
    told = Event.objects.filter(mail_id__in=mail_ids, domain_id__isnull=False)
    days = told.annotate(day=TruncDate("at", tzinfo=UTC)).values_list("domain_id", "day").distinct()
    public_ids = [_public_id(domain_id, day) for domain_id, day in days if domain_id]
    public_ids += deliveries.telling_of(mail_ids)

    def forget() -> None:
        for start in range(0, len(public_ids), BATCH):
            _forget(JobRequest.objects.filter(public_id__in=public_ids[start : start + BATCH]))

    forget()
    transaction.on_commit(forget)


@transaction.atomic
def _forget(jobs: QuerySet[JobRequest]) -> None:
    held = _held(jobs)
    _drop([pk for pk, kind in held if kind == JobKind.REPORT])
    deliveries.make_again([pk for pk, kind in held if kind == JobKind.REPORT_DELIVERIES])


@transaction.atomic
def _delete(jobs: QuerySet[JobRequest]) -> None:
    _drop([pk for pk, _ in _held(jobs)])


def _held(jobs: QuerySet[JobRequest]) -> list[tuple[int, str]]:
    """Numbers and kinds. Locked: a slice that is at work ends before, and its piece goes too."""
    return list(jobs.select_for_update().values_list("pk", "kind"))


def _drop(ids: Sequence[int]) -> None:
    for start in range(0, len(ids), BATCH):
        JobRequest.objects.filter(pk__in=ids[start : start + BATCH]).delete()


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def _public_id(domain_id: int, day: date) -> uuid.UUID:
    """The same for the same files, so that they are made once."""
    return uuid.UUID(hex=sealing.token_of("report", f"{domain_id} {day}"))
