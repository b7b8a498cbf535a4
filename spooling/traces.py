"""Every column in which a person's address or name can stand, as tables; `privacy` walks them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import BinaryField, F, Func, IntegerField, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from earwig.models import (
    AuditEntry,
    DeliveryAttempt,
    HandoffMessage,
    IdempotencyKey,
    Reply,
)
from spooling import erasure
from spooling.erasure import Erasure
from spooling.models import (
    BinaryContent,
    Content,
    JobRequest,
    Mail,
    MessageSet,
    Resend,
    SendFailure,
    Spooler,
    StageMessage,
    Submission,
    Subscription,
    TrappedMail,
)
from stats.models import Event
from templates_app.models import TemplateVersion

#: Rows read and written at once.
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The columns of one table: free text, JSON, and lists of [name, address]."""

    model: type[Model]
    account: str = ""
    texts: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.texts + self.data + self.mailboxes

    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


MESSAGES = Trace(model=HandoffMessage, account="account", texts=("subject", "message"))
REPLIES = Trace(model=Reply, account="recipient__message__account", texts=("subject", "body"))
ATTEMPTS = Trace(model=DeliveryAttempt, account="recipient__message__account", texts=("feedback_note",))
MAILS = Trace(model=Mail, account="account", texts=("name", "last_reply"), data=("variables",))
CONTENTS = Trace(
    model=Content,
    account="account",
    texts=("subject", "from_name", "from_email", "text", "html"),
    data=("headers",),
    mailboxes=("to", "cc", "reply_to"),
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
    Trace(model=Submission, account="account", texts=("client_reference",), data=("tags", "metadata")),
    Trace(model=Spooler, account="account", texts=("name",), data=("tags", "headers", "variables")),
    Trace(model=Subscription, account="account", texts=("identity",), data=("metadata",)),
    Trace(model=SendFailure, account="account", texts=("reason",)),
    Trace(model=Resend, account="subscription__account", texts=("outbound_id",)),
    Trace(model=BinaryContent, account="account", texts=("name",)),
    Trace(model=MessageSet, account="account", texts=("label", "notes")),
    Trace(model=StageMessage, account="messageset__account", texts=("text_content",), data=("metadata",)),
    Trace(
        model=TemplateVersion,
        account="template__account",
        texts=("from_email", "from_name", "subject", "html", "text"),
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
    searched = {f"{column}_text": Cast(F(column), TextField()) for column in trace.data + trace.mailboxes}
    hit = Q(pk__in=[])
    for column in (*trace.texts, *searched):
        for email in emails:
            hit |= Q(*((f"{column}__icontains", needle) for needle in erasure.needles(email)))
    rows: QuerySet[Any, Any] = trace.rows().alias(**searched).filter(hit)
    return rows


def erase(trace: Trace, rows: QuerySet[Any], words: Erasure) -> int:
    """Take the words out of the rows; answers how many changed."""
    changed = 0
    for chunk in _chunks(rows.order_by("pk").only("pk", *trace.columns).iterator(CHUNK)):
        altered = [row for row in chunk if _alter(trace, row, words)]
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


def of_sender(sender_id: int) -> Iterator[tuple[Trace, QuerySet[Any]]]:
    """What the person wrote, and what was written about it: where the name goes too."""
    mails = Mail.objects.filter(attempt__recipient__message__sender=sender_id)
    yield MESSAGES, HandoffMessage.objects.filter(sender=sender_id)
    yield REPLIES, Reply.objects.filter(recipient__message__sender=sender_id)
    yield ATTEMPTS, DeliveryAttempt.objects.filter(recipient__message__sender=sender_id)
    yield MAILS, mails
    yield CONTENTS, Content.objects.filter(pk__in=mails.values("content_id"))
    yield EVENTS, Event.objects.filter(mail_id__in=mails.values("pk"))


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
    return before != [getattr(row, column) for column in trace.columns]


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
