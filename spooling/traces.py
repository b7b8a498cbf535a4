"""Every column in which a person's address or name can stand, as tables; `privacy` walks them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import F, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from earwig.models import (
    AuditEntry,
    DeliveryAttempt,
    Domain,
    HandoffMessage,
    IdempotencyKey,
    Reply,
)
from spooling import attempts_mail, erasure, raw_erasure
from spooling.erasure import Erasure
from spooling.models import (
    Attachment,
    BinaryContent,
    Content,
    ContentLink,
    HostedFile,
    IncomingMail,
    JobRequest,
    Mail,
    MessageSet,
    Resend,
    Resource,
    SendFailure,
    Spooler,
    SpoolerMessage,
    StageMessage,
    Submission,
    Subscription,
    TrappedMail,
)
from spooling.models.inbound import IncomingMailQuerySet
from stats.models import Event
from templates_app.models import TemplateVersion

#: Rows read and written at once, and complete messages, which are large.
CHUNK, MESSAGES_AT_ONCE = 500, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The columns of one table: free text, JSON, lists of [name, address], and lists of addresses, also in an object;
    and those that name a complete message, of which the others tell a part.
    """

    model: type[Model]
    account: str = ""
    texts: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.texts + self.data + self.mailboxes + self.addresses

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


MESSAGES = Trace(model=HandoffMessage, account="account", texts=("subject", "message"))
REPLIES = Trace(model=Reply, account="recipient__message__account", texts=("subject", "body"))
ATTEMPTS = Trace(model=DeliveryAttempt, account="recipient__message__account", texts=("feedback_note",))
MAILS = Trace(model=Mail, account="account", texts=("name", "last_reply"), data=("variables", "tags"))
CONTENTS = Trace(
    model=Content,
    account="account",
    texts=("subject", "from_name", "from_email", "to_name", "text", "html"),
    data=("headers", "variables", "handling"),
    mailboxes=("to", "cc", "reply_to"),
    messages=("raw",),
)
EVENTS = Trace(model=Event, account="account_id", data=("detail",))

#: Searched for an address, row by row of the account. Not among them: people and their contacts, who are
#: recipients in their own right and end with the import that brought them.
SEARCHED: tuple[Trace, ...] = (
    MESSAGES,
    REPLIES,
    ATTEMPTS,
    MAILS,
    CONTENTS,
    Trace(model=ContentLink, account="content__account", texts=("target",)),
    Trace(
        model=SpoolerMessage,
        account="spooler__account",
        texts=("sender", "recipient", "subject"),
        data=("headers", "variables"),
    ),
    Trace(model=Resource, account="spooler__account", texts=("content", "filename")),
    Trace(model=Domain, account="account", addresses=("draft_addresses", "dmarc_policy")),
    Trace(model=Submission, account="account", texts=("client_reference",), data=("tags", "metadata")),
    Trace(model=Spooler, account="account", texts=("name",), data=("tags", "headers", "variables")),
    Trace(model=Subscription, account="account", texts=("identity",), data=("metadata",)),
    Trace(model=SendFailure, account="account", texts=("reason",)),
    Trace(model=Resend, account="subscription__account", texts=("outbound_id",)),
    Trace(model=BinaryContent, account="account", texts=("name",)),
    Trace(model=HostedFile, account="account", texts=("name",)),
    Trace(model=MessageSet, account="account", texts=("label", "notes")),
    Trace(model=StageMessage, account="messageset__account", texts=("text_content",), data=("metadata",)),
    Trace(
        model=TemplateVersion,
        account="template__account",
        texts=("from_email", "from_name", "subject", "html", "text"),
        data=("source",),
    ),
    Trace(model=JobRequest, account="account", data=("arguments", "result")),
    Trace(model=IdempotencyKey, account="account", texts=("path", "key", "answer")),
    Trace(model=AuditEntry, account="account", texts=("subject",), data=("detail",)),
    Trace(model=LogEntry, texts=("object_repr", "change_message")),
)


def holding(trace: Trace, emails: Sequence[str]) -> QuerySet[Any, Any]:
    """Rows of the table that may hold one of the addresses: all that do, and few others. No query can read a complete
    message, so all rows with one are among them.
    """
    searched = {
        f"{column}_text": Cast(F(column), TextField())
        for column in trace.data + trace.mailboxes + trace.addresses
    }
    hit = Q(pk__in=[])
    for column in (*trace.texts, *searched):
        for email in emails:
            hit |= Q(*((f"{column}__icontains", needle) for needle in erasure.needles(email)))
    for column in trace.messages:
        hit |= Q((f"{column}__isnull", False))
    rows: QuerySet[Any, Any] = trace.rows().alias(**searched).filter(hit)
    return rows


def erase(trace: Trace, rows: QuerySet[Any], words: Erasure) -> int:
    """Take the words out of the rows; answers how many changed."""
    changed = 0
    for chunk in _chunks(rows.order_by("pk").only("pk", *trace.columns, *trace.messages).iterator(CHUNK)):
        altered = [row for row in chunk if _alter(trace, row, words)]
        if altered:
            trace.rows().bulk_update(altered, trace.columns)
        written = {row.pk for row in altered}
        for column in trace.messages:
            written |= _alter_messages({getattr(row, f"{column}_id"): row.pk for row in chunk}, words)
        changed += len(written)
    return changed


def trapped(emails: Collection[str]) -> QuerySet[TrappedMail]:
    """Mail in the trap that went to one of the addresses or shows it."""
    found = Q(pk__in=_showing(TrappedMail.objects.all(), emails))
    for each in emails:
        found |= Q(envelope_recipient__iexact=each) | Q(envelope_sender__iexact=each)
    return TrappedMail.objects.filter(found)


def incoming(account_id: int, emails: Collection[str]) -> IncomingMailQuerySet:
    """Mail that came in to an account, or to none, and shows one of the addresses."""
    theirs = IncomingMail.objects.filter(Q(account=account_id) | Q(account=None)).exclude(raw=b"")
    return IncomingMail.objects.filter(pk__in=_showing(theirs, emails))


def _showing(rows: QuerySet[Any], emails: Iterable[str]) -> list[int]:
    words = erasure.of_addresses(emails)
    read = rows.values_list("pk", "raw").iterator(MESSAGES_AT_ONCE)
    return [pk for pk, raw in read if raw_erasure.holds(bytes(raw), words)]


def incoming_about(sender_id: int) -> IncomingMailQuerySet:
    """Mail that came in on what the person wrote, and what it wrote itself."""
    mails = Mail.objects.filter(attempt__recipient__message__sender=sender_id)
    return IncomingMail.objects.filter(mail_id__in=mails.values("pk"))


def of_sender(sender_id: int) -> Iterator[tuple[Trace, QuerySet[Any]]]:
    """What the person wrote, and what was written about it: where the name goes too."""
    mails = Mail.objects.filter(attempt__recipient__message__sender=sender_id)
    yield MESSAGES, HandoffMessage.objects.filter(sender=sender_id)
    yield REPLIES, Reply.objects.filter(recipient__message__sender=sender_id)
    yield ATTEMPTS, DeliveryAttempt.objects.filter(recipient__message__sender=sender_id)
    yield MAILS, mails
    yield MAILS, _passed_on(sender_id)
    yield CONTENTS, Content.objects.filter(pk__in=mails.values("content_id"))
    yield EVENTS, Event.objects.filter(mail_id__in=mails.values("pk"))


def _passed_on(sender_id: int) -> QuerySet[Mail]:
    """Mails by which the replies on the person's threads were passed on."""
    answered = Reply.objects.filter(recipient__message__sender=sender_id).values_list("recipient", flat=True)
    references = [attempts_mail.thread_reference(recipient_id) for recipient_id in answered.distinct()]
    wire = attempts_mail.WIRE
    return Mail.objects.filter(submission__wire=wire, submission__client_reference__in=references)


def _alter(trace: Trace, row: Any, words: Erasure) -> bool:
    before = [getattr(row, column) for column in trace.columns]
    for column in trace.texts:
        longest = row._meta.get_field(column).max_length
        text = getattr(row, column)
        setattr(row, column, text if text is None else words.text(text)[:longest])
    for column in trace.data:
        setattr(row, column, words.data(getattr(row, column)))
    for column in trace.mailboxes:
        setattr(row, column, words.mailboxes(getattr(row, column)))
    for column in trace.addresses:
        setattr(row, column, _mailable(getattr(row, column), words))
    return before != [getattr(row, column) for column in trace.columns]


def _mailable(value: Any, words: Erasure) -> Any:
    """Without the addresses that go: what is left can still be mailed."""
    if isinstance(value, dict):
        return {name: _mailable(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [address for address in value if words.text(address) == address]
    return value


def _alter_messages(holders: Mapping[int | None, int], words: Erasure) -> set[int]:
    """`holders` are rows by the message that is theirs; answers those whose message changed."""
    changed = set()
    for row in Attachment.objects.filter(pk__in=[pk for pk in holders if pk is not None]).iterator(
        MESSAGES_AT_ONCE
    ):
        before = bytes(row.data)
        row.data = raw_erasure.without(before, words)
        if row.data != before:
            row.save(update_fields=["data"])
            changed.add(holders[row.pk])
    return changed


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
