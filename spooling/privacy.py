"""Ends personal data: of senders whose time has passed or who are to be forgotten, and of mails long sent.

Ids, keyed hashes and counts stay.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from earwig import errors, mailboxes, sealing, senders
from earwig.models import Sender, SenderPurge
from spooling import attempts_mail, erasure, traces
from spooling.campaigns import recipient_imports, resources
from spooling.models import (
    Content,
    ContentFile,
    DmarcReport,
    IncomingMail,
    JobFile,
    Mail,
    Suppression,
    TrappedMail,
)
from spooling.outbox import contents
from spooling.reports import files as reports
from stats import events

#: Senders whose addresses one search of an account's tables looks for.
SEARCHED_TOGETHER = 50
#: Mails that one transaction erases.
BATCH = 2_000
#: Key of a purge's record: mails to the person that had not ended; erased as soon as they have.
IN_FLIGHT = "in_flight"
#: How often `tidy` looks for old mails: that reads the whole outbox.
OLD_MAILS_EVERY = timedelta(hours=6)


def tidy(now: datetime) -> None:
    """What is due by the clock: overdue senders at each call, old mails every six hours."""
    purge_overdue(now)
    if cache.add("privacy.old_mails", 1, OLD_MAILS_EVERY.total_seconds()):
        erase_old_mails(now)


def purge_overdue(now: datetime) -> int:
    """Forget every sender whose time has passed; answers how many. Those revived meanwhile are left."""
    _finish_purges(now)
    groups: defaultdict[int, list[Sender]] = defaultdict(list)
    for sender in Sender.objects.overdue(now).order_by("email_expires_at", "pk"):
        groups[sender.account_id].append(sender)
    purged = 0
    for account_id, group in groups.items():
        for start in range(0, len(group), SEARCHED_TOGETHER):
            together = group[start : start + SEARCHED_TOGETHER]
            counts = _search(account_id, together)
            for sender in together:
                if _close(sender, now, overdue=True, counts=counts) is not None:
                    # One search serves them all; the first record shows what it found.
                    counts = Counter()
                    purged += 1
    return purged


def forget(sender: Sender, *, now: datetime) -> SenderPurge | None:
    """Forget one sender at once, whatever time it has left. None: it was forgotten already."""
    if sender.email is None:
        return None
    counts = _search(sender.account_id, [sender])
    return _close(sender, now, counts=counts)


def erase_old_mails(now: datetime) -> int:
    """Erase address, variables and replies of mails MAIL_RETENTION days after their end.

    Then the contents that only such mails used. Answers how many mails. Reads the outbox up to that day.
    """
    until = now - timedelta(days=settings.MAIL_RETENTION)
    kept = Mail.objects.filter(erased_at=None).order_by("pk").values_list("pk", "created_at", "ended_at")
    erased, floor = 0, 0
    while batch := list(kept.filter(pk__gt=floor)[:BATCH]):
        floor, newest, _ = batch[-1]
        due = [pk for pk, _, ended_at in batch if ended_at is not None and ended_at <= until]
        erased += _erase_mails(due, now)
        if newest > until:
            break
    IncomingMail.objects.filter(received_at__lte=until).delete()
    DmarcReport.objects.filter(received_at__lte=until).delete()
    resources.erase_old(until)
    _erase_contents(until, now)
    return erased


def _search(account_id: int, people: Sequence[Sender]) -> Counter[str]:
    """Take the addresses out of all that the account stores; answers the number of rows by table."""
    emails = [sender.email for sender in people if sender.email]
    words = erasure.of_addresses(emails)
    counts: Counter[str] = Counter()
    for trace in traces.SEARCHED:
        rows = traces.holding(trace, emails)
        if trace.account:
            rows = rows.filter(**{trace.account: account_id})
        counts[_table(trace)] += traces.erase(trace, rows, words)
    counts[TrappedMail._meta.db_table] += traces.trapped(emails).delete()[0]
    counts[IncomingMail._meta.db_table] += traces.incoming(account_id, emails).erase()
    counts[JobFile._meta.db_table] += recipient_imports.forget(account_id, emails)
    return counts


@transaction.atomic
def _close(
    sender: Sender, now: datetime, *, counts: Counter[str], overdue: bool = False
) -> SenderPurge | None:
    """Erase what is linked to the sender, its mails and its row, and leave a record. None: nothing was
    due.
    """
    due = Sender.objects.overdue(now) if overdue else Sender.objects.filter(email__isnull=False)
    locked = due.select_for_update().filter(pk=sender.pk, email=sender.email).first()
    if locked is None:
        return None
    counts = Counter(counts)
    counts.update(_erase_linked(locked))
    counts[Mail._meta.db_table] += _erase_mails_to(locked, now)
    counts[Suppression._meta.db_table] += _hash_only(locked)
    reports.forget_account(locked.account_id)
    erased: dict[str, object] = {table: number for table, number in counts.items() if number}
    if waiting := list(_mails_to(locked).filter(ended_at=None).values_list("pk", flat=True)):
        erased[IN_FLIGHT] = waiting
    senders.forget(locked, now=now)
    return SenderPurge.objects.create(sender=locked, at=now, erased=erased)


def _erase_linked(sender: Sender) -> Counter[str]:
    words = erasure.of_person(sender.email or "", sender.name)
    counts = Counter({TrappedMail._meta.db_table: _empty_trap(sender.pk)})
    _neutralise(sender.pk)
    told = traces.EVENTS.rows().filter(mail_id__in=_mails_to(sender).values("pk"))
    counts[IncomingMail._meta.db_table] += traces.incoming_about(sender.pk).erase()
    for trace, rows in (*traces.of_sender(sender.pk), (traces.EVENTS, told)):
        counts[_table(trace)] += traces.erase(trace, rows, words)
    return counts


def _neutralise(sender_id: int) -> None:
    """Mails still to be rendered show a neutral name (handoff contract §4.3)."""
    mails = list(Mail.objects.filter(attempt__recipient__message__sender=sender_id).only("variables"))
    for mail in mails:
        mail.variables = attempts_mail.without_sender(mail.variables)
    Mail.objects.bulk_update(mails, ["variables"], batch_size=BATCH)


def _empty_trap(sender_id: int) -> int:
    """Delete what the trap caught of mails about the person: their bytes cannot be searched for a name."""
    mails = Mail.objects.filter(attempt__recipient__message__sender=sender_id)
    ids = {public_id.hex for public_id in mails.values_list("public_id", flat=True)}
    caught = TrappedMail.objects.filter(envelope_recipient__in=mails.values("email"))
    about = [
        trapped.pk
        for trapped in caught.iterator()
        if any(word.encode() in bytes(trapped.raw) for word in ids)
    ]
    return TrappedMail.objects.filter(pk__in=about).delete()[0]


def _empty_trap_of(ids: Sequence[int]) -> None:
    ended = Mail.objects.filter(pk__in=ids, ended_at__isnull=False)
    if addresses := set(ended.values_list("email", flat=True)):
        traces.trapped(addresses).delete()


def _mails_to(sender: Sender) -> QuerySet[Mail]:
    return Mail.objects.filter(account=sender.account_id).to_addresses(_spellings(sender.email or ""))


def _spellings(email: str) -> set[str]:
    try:
        return {email, mailboxes.normal(email)}
    except errors.InvalidAddress:
        return {email}


def _erase_mails_to(sender: Sender, now: datetime) -> int:
    """Mails to the person that have ended. The others still need the address; they follow when they end."""
    return _erase_mails(
        list(_mails_to(sender).filter(ended_at__isnull=False).values_list("pk", flat=True)), now
    )


@transaction.atomic
def _erase_mails(ids: Sequence[int], now: datetime) -> int:
    due = Mail.objects.filter(pk__in=ids, ended_at__isnull=False).order_by("pk")
    # Whoever follows a link meanwhile comes before or after, with an event that is found or that names nobody.
    held = list(due.select_for_update().values_list("pk", flat=True))
    ended = Mail.objects.filter(pk__in=held)
    _keep_hashes(ended)
    events.forget_visitors(held)
    erased = ended.update(email="", name="", variables={}, last_reply="", erased_at=now)
    IncomingMail.objects.filter(mail_id__in=held).erase()
    reports.forget_mails(ids)
    return erased


#: Functions that make rows of an object, by database.
_MEMBERS = {"postgresql": "json_each_text(%s::json)", "sqlite": "json_each(%s)"}


def _keep_hashes(mails: QuerySet[Mail]) -> None:
    """Of the addresses that are about to go: who unsubscribes by an old link still does."""
    emails = mails.exclude(email="").values_list("pk", "email")
    hashes = json.dumps({pk: sealing.address_hash(email) for pk, email in emails})
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE spooling_mail SET address_hash = kept.value FROM {_MEMBERS[connection.vendor]} AS kept
            WHERE spooling_mail.id = CAST(kept.key AS bigint)
            """,
            [hashes],
        )


def _hash_only(sender: Sender) -> int:
    digest = sealing.address_hash(sender.email or "")
    return Suppression.objects.filter(address_hash=digest).exclude(address="").update(address="")


def _finish_purges(now: datetime) -> None:
    """Erase the mails that had not ended when their addressee was forgotten, as far as they have now."""
    for purge in SenderPurge.objects.filter(erased__has_key=IN_FLIGHT):
        ids = purge.erased.pop(IN_FLIGHT)
        table = Mail._meta.db_table
        with transaction.atomic():
            _empty_trap_of(ids)
            purge.erased[table] = purge.erased.get(table, 0) + _erase_mails(ids, now)
            left = list(Mail.objects.filter(pk__in=ids, ended_at=None).values_list("pk", flat=True))
            purge.erased |= {IN_FLIGHT: left} if left else {}
            purge.save(update_fields=["erased"])


@transaction.atomic
def _erase_contents(until: datetime, now: datetime) -> None:
    mails = Mail.objects.filter(content=OuterRef("pk"))
    # What says the rest of another one goes after it.
    leaning = Content.objects.filter(base=OuterRef("pk"))
    done = Content.objects.filter(
        Exists(mails) | Exists(leaning),
        ~Exists(mails.filter(erased_at=None)),
        ~Exists(leaning.filter(erased_at=None)),
        erased_at=None,
        created_at__lte=until,
    )
    ids = list(done.values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        _erase_content_rows(ids[start : start + BATCH], now)


def _erase_content_rows(ids: Sequence[int], now: datetime) -> None:
    files = ContentFile.objects.filter(content__in=ids)
    attachments = set(files.values_list("attachment_id", flat=True))
    files.delete()
    resources.drop_files(attachments)
    contents.drop_raws(ids)
    Content.objects.filter(pk__in=ids).update(
        **{column: "" for column in ("subject", "from_name", "from_email", "to_name", "text", "html")},
        **{column: [] for column in ("reply_to", "to", "cc", "headers")},
        variables={},
        handling=None,
        erased_at=now,
    )


def _table(trace: traces.Trace) -> str:
    return trace.model._meta.db_table
