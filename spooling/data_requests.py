"""Requests of people for what is stored of them. Nothing is copied: what is there when it is asked for is shown, so
what is erased meanwhile is in none of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import QuerySet

from earwig import addresses, errors, fetching, mailboxes, sealing
from earwig.models import ContactDetail, Domain
from spooling import errors as spooling_errors
from spooling.endings import Ended
from spooling.models import JobRequest, Mail, Suppression
from spooling.models.jobs import JobKind, JobState
from spooling.outbox import intake, public_ids

#: How long a request can be looked at.
KEPT = timedelta(days=30)
#: Monitors that one round tells, for so many seconds each, and rounds that try it.
MOST_TOLD, SECONDS, TRIES = 3, 3.0, 5

log = logging.getLogger(__name__)


def ask(account_id: int, *, email: str, monitor: str, now: datetime) -> JobRequest:
    """Accept a request. `monitor` is a URL or an address that is told when it is done; empty for none.

    Raises InvalidAddress, InvalidUrl, TargetRefused.
    """
    email = mailboxes.normal(email)
    if "@" in monitor and "://" not in monitor:
        monitor = mailboxes.normal(monitor)
    elif monitor:
        fetching.require_callable(monitor)
    return JobRequest.objects.create(
        account_id=account_id,
        kind=JobKind.DATA_REQUEST,
        arguments={"email": email, "monitor": monitor},
        created_at=now,
    )


def number(job: JobRequest) -> str:
    """What a request is called outside."""
    return public_ids.letter_first(job.public_id)


def of(account_id: int) -> QuerySet[JobRequest]:
    """The account's requests."""
    return JobRequest.objects.filter(account=account_id, kind=JobKind.DATA_REQUEST)


def work(job: JobRequest, now: datetime) -> Ended:
    """Count what there is, and write to the monitor if it is an address."""
    monitor = job.arguments.get("monitor", "")
    if "@" in monitor and "://" not in monitor:
        _write(job, monitor, now)
    mails = mails_to(job.account_id, job.arguments["email"]).count()
    return Ended(result={"mails": mails, "told": "://" not in monitor, "tries": 0})


def mails_to(account_id: int, email: str) -> QuerySet[Mail]:
    """All mails to the address, oldest first."""
    told = {email, addresses.canonical(email)}
    return Mail.objects.filter(account_id=account_id, email__in=told).order_by("id")


def facts(account_id: int, email: str) -> Iterator[dict[str, str]]:
    """What else is stored of the address: people who have it, why it gets no mail, and domains that write to it."""
    told = {email, addresses.canonical(email)}
    contacts = ContactDetail.objects.filter(person__account=account_id, value__in=told)
    for contact in contacts.select_related("person").order_by("id"):
        yield {"type": "person", "id": contact.person.external_id, "name": contact.person.name}
    digest = sealing.address_hash(email)
    for row in Suppression.objects.filter(account=account_id, address_hash=digest).order_by("id"):
        yield {"type": "suppression", "reason": row.reason, "since": row.created_at.isoformat()}
    yield from _uses(account_id, told)


def _uses(account_id: int, told: set[str]) -> Iterator[dict[str, str]]:
    for domain in Domain.objects.filter(account=account_id).order_by("id"):
        uses = {
            "reports on DMARC": domain.dmarc_policy.get("addresses", ()),
            "drafts": domain.draft_addresses,
        }
        for use, known in uses.items():
            if told & {spelled for each in known for spelled in (each, addresses.canonical(each))}:
                yield {"type": "domain", "name": domain.name, "use": use}


def tidy(*, now: datetime) -> None:
    """Tell monitors by their URL, a few at a time; forget requests after KEPT."""
    done = JobRequest.objects.filter(kind=JobKind.DATA_REQUEST, state=JobState.DONE)
    for job in done.filter(result__told=False).order_by("ended_at", "id")[:MOST_TOLD]:
        _call(job)
    JobRequest.objects.filter(kind=JobKind.DATA_REQUEST, created_at__lte=now - KEPT).delete()


def _call(job: JobRequest) -> None:
    body = json.dumps({"id": number(job), "status": "ready"}).encode()
    headers = {"Content-Type": "application/json"}
    call = fetching.Call(method="POST", url=job.arguments["monitor"], headers=headers, body=body)
    taken = False
    try:
        taken = fetching.request(call, fetching.Bounds(seconds=SECONDS)).status // 100 == 2
    except (errors.InvalidUrl, errors.TargetRefused, errors.TargetUnanswered) as refused:
        log.info("A monitor of a data request was not told", extra={"job": job.pk, "reason": refused.code})
    tries = job.result["tries"] + 1
    job.result = {**job.result, "tries": tries, "told": taken or tries >= TRIES}
    job.save(update_fields=["result"])


def _write(job: JobRequest, monitor: str, now: datetime) -> None:
    """From the account's default domain; without one there is nobody to write as."""
    own = Domain.objects.filter(account=job.account_id, removed_at=None, disabled=False)
    domain = own.filter(verified_at__isnull=False).order_by("-default", "id").first()
    if domain is None:
        return
    content = intake.NewContent(
        from_email=f"no-reply@{domain.name}",
        subject="A data request is ready",
        text=f"The data of request {number(job)} can be read now.\n",
        template_language="plain",
    )
    send = intake.NewSend(content=content, mails=(intake.NewMail(monitor),), domain_id=domain.pk)
    try:
        intake.accept(intake.NewSubmission(account_id=job.account_id, wire="system"), [send], now=now)
    except spooling_errors.LimitReached:
        log.info("A monitor of a data request was not written to", extra={"job": job.pk})
