"""Handed-over messages to the outbox, and what became of their mails back to the attempts (handoff contract
§5, §6).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from earwig import domains
from earwig.errors import DomainNotAllowed
from earwig.messages import attempts, contacts, feedback
from earwig.models import DeliveryAttempt, MessageRecipient
from earwig.models.messages import AttemptStatus, FeedbackType, MessageType, RecipientStatus
from spooling import attempts_mail, outcomes, suppressions
from spooling.errors import LimitReached
from spooling.models import Mail
from spooling.models.mails import MailState
from spooling.models.suppressions import SuppressionReason
from spooling.outbox import intake

#: Rows that one transaction schedules, and transactions of one account in a tick.
BATCH = 500
MOST_BATCHES = 10
#: Attempts under way whose mails a tick looks at; where more are, the next ticks go on behind them.
MOST_OPEN = 5_000
#: A mail that is still to leave after this time shows that something is stuck.
STALLED_AFTER = timedelta(hours=1)
#: How far back the quick tick looks for bounces; `tidy` looks at all.
BOUNCES_WITHIN = timedelta(hours=1)

#: An account that may not send now does not hold up the others; its rows stay until it may.
_REFUSED = (LimitReached, DomainNotAllowed)

#: A try failed for now.
_DEFERRED_NEWS = Q(state=MailState.WAITING, tries__gt=0)
_ENDED_NEWS = Q(state__in=outcomes.ENDED)

#: The last attempt that a tick looked at, while more are behind it.
_POSITION_KEY = "attempts.position"
#: The number of stalled attempts that was last told.
_STALLED_KEY = "attempts.stalled"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tidied:
    """What a round of the janitor found: attempts given their missing mail, and attempts that are stuck."""

    requeued: int
    stalled: int


def spool_due(now: datetime) -> int:
    """Give every `unscheduled` recipient its first attempt and mail; answers how many rows moved.

    Messages of type `removed` stay. One person who cannot be reached becomes `expired` and stops nobody.
    """
    accounts = _unscheduled().values_list("message__account_id", flat=True).order_by().distinct()
    return sum(_spool_account(account_id, now) for account_id in accounts)


def collect(now: datetime) -> int:
    """Bring what became of mails to their attempts and rows, and spool what follows; answers how many attempts.

    A tick costs the same however many are under way: it looks at the next few thousand of them.
    """
    mails = _news_of(_next_open())
    mails += _bounced_mails(Q(bounced_at__gt=now - BOUNCES_WITHIN))
    return _conclude(mails, now)


def tidy(now: datetime) -> Tidied:
    """The janitor: outcomes that `collect` missed, attempts without a mail, attempts stuck for an hour."""
    _conclude(list(_bounced_mails(Q(bounced_at__isnull=False))), now)
    ids = list(_open_attempts().order_by("pk"))
    for start in range(0, len(ids), MOST_OPEN):
        together = ids[start : start + MOST_OPEN]
        _conclude(_news_of(together), now)
    tidied = Tidied(_requeue(now), stalled(now).count())
    if cache.get(_STALLED_KEY, 0) != tidied.stalled:
        cache.set(_STALLED_KEY, tidied.stalled, timeout=None)
        log.warning("The number of stalled attempts has changed.", extra={"stalled": tidied.stalled})
    return tidied


def stalled(now: datetime) -> QuerySet[DeliveryAttempt]:
    """Attempts that have been waiting to leave for more than an hour."""
    return DeliveryAttempt.objects.filter(status=AttemptStatus.SCHEDULED, created_at__lt=now - STALLED_AFTER)


@transaction.atomic
def flag(attempt: DeliveryAttempt, *, kind: str, note: str = "", now: datetime) -> None:
    """Take a recipient's feedback with all its consequences at once. Raises AlreadyFlagged."""
    following = feedback.record(attempt, kind=kind, note=note, now=now)
    if kind == FeedbackType.UNSUBSCRIBE:
        _suppress(attempt, now)
    _hand_over_all(following, now)


@transaction.atomic
def unsubscribe(attempt: DeliveryAttempt, *, now: datetime) -> None:
    """One-click unsubscription (RFC 8058): works whatever was said before, and any number of times."""
    feedback.unsubscribe(attempt, now=now)
    _suppress(attempt, now)


def learn(told: Mapping[int, AttemptStatus], *, now: datetime) -> int:
    """Record what became of attempts, by id, and spool what follows; answers how many it was news of.

    What is known or comes too late changes nothing.
    """
    news = attempts.new_among(told)
    for start in range(0, len(news), BATCH):
        with transaction.atomic():
            following = attempts.conclude(dict(news[start : start + BATCH]), now=now)
            _hand_over_all(following, now)
    return len(news)


def _unscheduled() -> QuerySet[MessageRecipient]:
    return MessageRecipient.objects.filter(status=RecipientStatus.UNSCHEDULED).exclude(
        message__type=MessageType.REMOVED
    )


def _spool_account(account_id: int, now: datetime) -> int:
    spooled = 0
    for _ in range(MOST_BATCHES):
        try:
            moved = _spool_batch(account_id, now)
        except _REFUSED as error:
            _note_refusal(account_id, error)
            return spooled
        spooled += moved
        if moved < BATCH:
            break
    return spooled


@transaction.atomic
def _spool_batch(account_id: int, now: datetime) -> int:
    # The senders are locked too, so that a purge either sees these mails or is seen by them.
    rows = list(
        _unscheduled()
        .filter(message__account=account_id)
        .select_related("message__sender")
        .select_for_update(skip_locked=True, no_key=True, of=("self", "message__sender"))
        .order_by("id")[:BATCH]
    )
    _hand_over(account_id, attempts.begin(rows, now=now), now)
    return len(rows)


def _hand_over(account_id: int, new: Sequence[DeliveryAttempt], now: datetime) -> None:
    """One mail for each attempt. Raises LimitReached and DomainNotAllowed."""
    if not new:
        return
    domain_id = domains.sending_domain(account_id, attempts_mail.from_address()[1])
    send = attempts_mail.compose(new, domain_id=domain_id, now=now)
    submission = intake.NewSubmission(account_id=account_id, wire=attempts_mail.WIRE, bounded=False)
    intake.accept(submission, [send], now=now)


def _hand_over_all(new: Iterable[DeliveryAttempt], now: datetime) -> int:
    """As `_hand_over`, for several accounts; what an account may not send now is left to `tidy`."""
    handed = 0
    for account_id, group in _by_account(new).items():
        try:
            with transaction.atomic():
                _hand_over(account_id, group, now)
        except _REFUSED as error:
            _note_refusal(account_id, error)
        else:
            handed += len(group)
    return handed


def _by_account(new: Iterable[DeliveryAttempt]) -> dict[int, list[DeliveryAttempt]]:
    by_recipient = {attempt.recipient_id: attempt for attempt in new}
    owners = MessageRecipient.objects.filter(pk__in=by_recipient).values_list("pk", "message__account_id")
    groups: defaultdict[int, list[DeliveryAttempt]] = defaultdict(list)
    for recipient_id, account_id in owners if by_recipient else ():
        groups[account_id].append(by_recipient[recipient_id])
    return groups


def _note_refusal(account_id: int, error: Exception) -> None:
    log.info("An account may not send now.", extra={"account": account_id, "error": type(error).__name__})


def _open_attempts() -> QuerySet[DeliveryAttempt, int]:
    """Ids of attempts of which nothing final is known."""
    return DeliveryAttempt.objects.filter(status__in=attempts.OPEN).values_list("pk", flat=True)


def _next_open() -> list[int]:
    """The open attempts behind those that the tick before looked at, and from the first again after the last."""
    behind = _open_attempts().filter(pk__gt=cache.get(_POSITION_KEY, 0)).order_by("pk")
    ids = list(behind[:MOST_OPEN])
    cache.set(_POSITION_KEY, ids[-1] if len(ids) == MOST_OPEN else 0, timeout=None)
    return ids


def _news_of(attempt_ids: Sequence[int]) -> list[Mail]:
    return list(_news().filter(_ENDED_NEWS | _DEFERRED_NEWS, attempt__in=attempt_ids)) if attempt_ids else []


def _bounced_mails(when: Q) -> QuerySet[Mail]:
    reached = _news().filter(when, attempt__status__in=attempts.REACHED)
    return reached.exclude(bounce_class__in=outcomes.SILENT)


def _news() -> QuerySet[Mail]:
    return Mail.objects.only(
        "attempt_id", "state", "tries", "last_code", "last_reply", "bounced_at", "bounce_class"
    )


def _conclude(mails: Sequence[Mail], now: datetime) -> int:
    told = {mail.attempt_id: outcomes.of(mail) for mail in mails}
    return learn(
        {pk: status for pk, status in told.items() if pk is not None and status is not None}, now=now
    )


def _requeue(now: datetime) -> int:
    """Give attempts that have no mail theirs; those whose contact went meanwhile make way for the next."""
    rows = _without_mail().values_list("pk", "contact__value", "contact__blocked")[:BATCH]
    # Staff may have made a telephone number of the contact since.
    gone = [pk for pk, value, blocked in rows if value is None or blocked or not contacts.is_address(value)]
    with transaction.atomic():
        attempts.conclude({pk: AttemptStatus.INVALID for pk in gone}, now=now)
    with transaction.atomic():
        missing = _without_mail().filter(contact__blocked=False).order_by("pk")
        return _hand_over_all(missing.select_for_update(skip_locked=True, of=("self",))[:BATCH], now)


def _without_mail() -> QuerySet[DeliveryAttempt]:
    mails = Mail.objects.filter(attempt=OuterRef("pk"))
    return DeliveryAttempt.objects.filter(~Exists(mails), status=AttemptStatus.SCHEDULED)


def _suppress(attempt: DeliveryAttempt, now: datetime) -> None:
    # Staff may have made a telephone number of the contact since; that never stops an unsubscription.
    if attempt.contact is None or not contacts.is_address(attempt.contact.value):
        return
    scope = suppressions.Scope(account_id=attempt.recipient.message.account_id)
    suppressions.suppress(
        scope, attempt.contact.value, reason=SuppressionReason.UNSUBSCRIBE, source="feedback page", now=now
    )
