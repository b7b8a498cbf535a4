"""Mail on the thread of one recipient of a handed-over message, and mail that only looks like it (handoff contract
§9.2).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from earwig import addresses, sealing
from earwig.errors import DomainNotAllowed
from earwig.messages import replies
from earwig.models import Account, DeliveryAttempt, HandoffMessage, MessageRecipient
from earwig.models.messages import AttemptStatus
from spooling import attempts, attempts_mail
from spooling.errors import LimitReached
from spooling.inbound import automatic, destinations, marks, thread_mails
from spooling.inbound.sorting import Content
from spooling.inbound.thread_mails import Answer, Passed
from spooling.models import Mail
from spooling.received import decoded
from templates_app import errors as template_errors
from templates_app import text

#: An author is told the same once in this time.
ANSWERED_EVERY = timedelta(days=1)
#: Answers of the installation in an hour: forged authors are others' mailboxes.
MOST_ANSWERS_AN_HOUR = 200
#: Characters of HTML that text is made of.
_MOST_HTML = 200_000
_ANSWERS_KEY = "inbound.answers"
#: The subject by which a recipient stops all mail, whatever else it says (contract §12).
_STOP = "unsubscribe"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came in on a thread: from whom, as its author says, and what."""

    author: str
    content: Content
    #: No person wrote it.
    automatic: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """Whose it was, and the mail of ours that it answers. Not kept: its author is nobody we know."""

    account_id: int | None = None
    mail_id: int | None = None
    kept: bool = True


@transaction.atomic
def take(thread_id: int, reply: Reply, *, now: datetime) -> Taken:
    """Store what one party wrote, and pass it on to the other. A stranger is told once that it goes nowhere.

    Raises LimitReached and DomainNotAllowed: then nothing is stored.
    """
    row = replies.thread(thread_id)
    if row is None:
        return take_unsolicited(reply, now=now)
    account_id = row.message.account_id
    if reply.automatic or automatic.runs_in_circles(reply.content.fields):
        attempt = replies.answered_attempt(row, reply.author)
        return Taken(account_id, _note_response(attempt, automatic=True, now=now))
    from_sender = replies.is_from_sender(row, reply.author, now=now)
    if from_sender is None:
        _answer_once(account_id, thread_mails.NOT_YOURS, reply, now)
        return Taken(account_id, kept=False)
    if not from_sender and decoded(reply.content.fields.first("Subject")).strip().lower() == _STOP:
        return Taken(account_id, _unsubscribe(replies.answered_attempt(row, reply.author), now))
    _store(row, reply, from_sender=from_sender, now=now)
    attempt = replies.answered_attempt(row, reply.author)
    return Taken(account_id, _mail_of(attempt) if from_sender else _note_answer(attempt, now))


def take_unsolicited(reply: Reply, *, now: datetime) -> Taken:
    """Mail to no thread: its author is told once that nobody reads it."""
    account_id = _account_of_unsolicited()
    if account_id is not None and not reply.automatic:
        _answer_once(account_id, thread_mails.NOT_MONITORED, reply, now)
    return Taken(account_id, kept=False)


def _store(row: MessageRecipient, reply: Reply, *, from_sender: bool, now: datetime) -> None:
    content = reply.content
    draft = replies.Draft(
        from_sender=from_sender,
        subject=decoded(content.fields.first("Subject")),
        body=_body(content),
        written_at=content.fields.written_at(now),
    )
    replies.store(row, draft)
    to = replies.other_address(row, from_sender=from_sender, now=now)
    if to:
        passed = Passed(row=row, draft=draft, to=to, had_files=bool(content.received.files))
        thread_mails.pass_on(passed, now=now)


def _body(content: Content) -> str:
    """The text, with all that it quotes; made of the HTML where there is none."""
    if content.received.text.strip() or not content.received.html:
        return content.received.text
    try:
        return text.of_html(content.received.html[:_MOST_HTML])
    except template_errors.TemplateError:
        return ""


def _note_answer(attempt: DeliveryAttempt | None, now: datetime) -> int | None:
    """The recipient's word proves that the attempt reached it (contract §6.1)."""
    if attempt is not None:
        attempts.learn({attempt.pk: AttemptStatus.SUCCESS}, now=now)
    return _note_response(attempt, automatic=False, now=now)


def _note_response(attempt: DeliveryAttempt | None, *, automatic: bool, now: datetime) -> int | None:
    mail_id = _mail_of(attempt)
    if mail_id is not None:
        marks.respond(mail_id, automatic=automatic, now=now)
    return mail_id


def _mail_of(attempt: DeliveryAttempt | None) -> int | None:
    """The mail that the thread began with, or that its author answers."""
    mails = Mail.objects.filter(attempt=attempt) if attempt else Mail.objects.none()
    return mails.values_list("pk", flat=True).first()


def _unsubscribe(attempt: DeliveryAttempt | None, now: datetime) -> int | None:
    if attempt is None:
        return None
    attempts.unsubscribe(attempt, now=now)
    return _mail_of(attempt)


def _account_of_unsolicited() -> int | None:
    """Who pays for answers that belong to no thread: the account of calls without a key, else the first that hands
    messages over.
    """
    if settings.EARWIG_HANDOFF_ACCOUNT:
        return (
            Account.objects.filter(slug=settings.EARWIG_HANDOFF_ACCOUNT).values_list("pk", flat=True).first()
        )
    accounts = HandoffMessage.objects.order_by("account_id").values_list("account_id", flat=True)
    return accounts.first()


def _answer_once(account_id: int, said: Answer, reply: Reply, now: datetime) -> None:
    author = reply.author
    key = f"{_ANSWERS_KEY}.{said.name}.{sealing.address_hash(author)}"
    if not author or _is_own(author) or automatic.wants_no_answer(reply.content.fields):
        return
    if cache.get(key) or not _may_answer():
        return
    try:
        with transaction.atomic():
            thread_mails.answer(account_id, said, to=author, now=now)
    except (LimitReached, DomainNotAllowed) as error:
        log.info("An author was not answered.", extra={"error": type(error).__name__})
        return
    transaction.on_commit(_remembers(key))


def _remembers(key: str) -> Callable[[], None]:
    def remember() -> None:
        cache.set(key, 1, ANSWERED_EVERY.total_seconds())
        cache.set(_ANSWERS_KEY, cache.get(_ANSWERS_KEY, 0) + 1, 3600)

    return remember


def _may_answer() -> bool:
    return int(cache.get(_ANSWERS_KEY, 0)) < MOST_ANSWERS_AN_HOUR


def _is_own(author: str) -> bool:
    """One of ours: an answer would come back."""
    own = addresses.canonical(attempts_mail.from_address()[1])
    return addresses.canonical(author) == own or destinations.is_ours(addresses.domain_of(author))
