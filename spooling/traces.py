"""Every column in which a person's address or name can stand, as tables; `privacy` walks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import BinaryField, F, Func, IntegerField, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan

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

#: Rows read and written at once.
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The columns of one table: free text, JSON, lists of [name, address], and lists of addresses; and those that name
    a complete message, of which the others tell what it says.
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
    Trace(model=Domain, account="account", addresses=("draft_addresses",)),
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


class Contains(Func):
    """Whether a binary column holds some bytes; bytes that a mail's encoding has not changed."""

    output_field = IntegerField()

    template = "POSITION(%(expressions)s)"
    arg_joiner = " IN "

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, Any]:
        needle, column = self.get_source_expressions()
        swapped = Contains(column, needle)
        return swapped.as_sql(compiler, connection, template="INSTR(%(expressions)s)", arg_joiner=", ")


def holding(trace: Trace, emails: Sequence[str]) -> QuerySet[Any, Any]:
    """Rows of the table that may hold one of the addresses: all that do, and few others."""
    searched = {
        f"{column}_text": Cast(F(column), TextField())
        for column in trace.data + trace.mailboxes + trace.addresses
    }
    hit = Q(pk__in=[])
    for column in (*trace.texts, *searched):
        for email in emails:
            hit |= Q(*((f"{column}__icontains", needle) for needle in erasure.needles(email)))
    rows: QuerySet[Any, Any] = trace.rows().alias(**searched).filter(hit)
    return rows


def erase(trace: Trace, rows: QuerySet[Any], words: Erasure) -> int:
    """Take the words out of the rows; answers how many changed."""
    changed = 0
    for chunk in _chunks(rows.order_by("pk").only("pk", *trace.columns, *trace.messages).iterator(CHUNK)):
        altered = [row for row in chunk if _alter(trace, row, words)]
        for column in trace.messages:
            _alter_messages([getattr(row, f"{column}_id") for row in altered], words)
        if altered:
            trace.rows().bulk_update(altered, trace.columns)
        changed += len(altered)
    return changed


def trapped(address: str) -> QuerySet[TrappedMail]:
    """Mail in the trap that went to the address or shows it."""
    needle = Value(address.encode(), output_field=BinaryField())
    return TrappedMail.objects.annotate(at=Contains(needle, F("raw"))).filter(
        Q(envelope_recipient__iexact=address) | Q(envelope_sender__iexact=address) | Q(at__gt=0)
    )


def incoming(account_id: int, emails: Iterable[str]) -> IncomingMailQuerySet:
    """Mail that came in to an account, or to none, and shows one of the addresses as it is, or in lower case."""
    shows = Q(pk__in=[])
    for spelled in {each for email in emails for each in (email, email.lower())}:
        shows |= Q(GreaterThan(Contains(Value(spelled.encode(), output_field=BinaryField()), F("raw")), 0))
    return IncomingMail.objects.filter(Q(account=account_id) | Q(account=None)).filter(shows)


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
        # What is left can still be mailed.
        kept = [address for address in getattr(row, column) if words.text(address) == address]
        setattr(row, column, kept)
    return before != [getattr(row, column) for column in trace.columns]


def _alter_messages(ids: Iterable[int | None], words: Erasure) -> None:
    for row in Attachment.objects.filter(pk__in=[pk for pk in ids if pk is not None]):
        row.data = raw_erasure.without(bytes(row.data), words)
        row.save(update_fields=["data"])


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
