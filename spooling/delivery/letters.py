"""From a claimed mail and its content to the bytes that go out: render, build, sign."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from django.conf import settings

from earwig import domains
from earwig import errors as earwig_errors
from earwig.models import Domain
from spooling import errors
from spooling.delivery import dkim
from spooling.delivery import errors as delivery_errors
from spooling.delivery import headers, mime, smtp
from spooling.models import Content, ContentFile, Mail
from spooling.outbox import values
from spooling.outbox.values import Claimed
from templates_app import errors as template_errors

#: Compiled contents that a drain keeps; the memory of a worker stays flat whatever passes through it.
MOST_CONTENTS = 200
#: Messages are made ahead up to so many octets; attachments would otherwise fill a worker's memory.
MADE_OCTETS = 1024 * 1024
#: How long signing keys and return paths serve before they are read again.
SIGNERS_SECONDS = 30.0

Made = TypeVar("Made")
log = logging.getLogger(__name__)

#: Why a content cannot be made into a mail: such mails are held, not lost.
_REFUSALS = (template_errors.TemplateError, delivery_errors.MimeError, errors.ContentUnusable)


def shown(mail: Mail) -> bytes:
    """What was sent, or will be, made again from what is kept; empty where that is erased or cannot be made."""
    (claimed,) = values.claimed(Mail.objects.filter(pk=mail.pk))
    letters = Letters()
    content = letters.load([claimed])[claimed.content_id]
    if content.erased or not claimed.email:
        return b""
    try:
        return letters.message(claimed, content, int((mail.ended_at or mail.created_at).timestamp())).data
    except errors.ContentUnusable:
        return b""


@dataclass(frozen=True, slots=True)
class _Sender:
    """What a sending domain adds to its mails."""

    return_path_host: str
    signers: tuple[dkim.Signer, ...]


class _Draft(NamedTuple):
    """A message short of its signatures."""

    mail_id: int
    envelope_sender: str
    recipient: str
    built: mime.Built
    signature_fields: list[dkim.Unsigned]

    def message(self) -> smtp.Message:
        signed = [field.signed() for field in self.signature_fields]
        data = b"".join((*signed, *self.built.headers, b"\r\n", self.built.body))
        return smtp.Message(self.mail_id, self.envelope_sender, self.recipient, data, utf8=self.built.utf8)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content ready for mailing, or why it is not."""

    skeleton: mime.Skeleton | None = None
    sender_domain: str = ""
    refusal: str = ""
    erased: bool = False


class Letters:
    """The compiled contents and signing keys of one drain. `load` reads the database, `message` never does."""

    def __init__(self) -> None:
        self._contents: OrderedDict[int, Compiled] = OrderedDict()
        self._signers: dict[int, tuple[float, _Sender | str]] = {}

    def load(self, mails: Iterable[Claimed]) -> dict[int, Compiled]:
        """The contents of these mails by id; what is not there yet is compiled.

        Whoever mails keeps the answer: later loads forget what they do not need themselves.
        """
        needed = {mail.content_id for mail in mails}
        if missing := needed - self._contents.keys():
            self._compile(missing)
        for domain_id in {mail.domain_id for mail in mails if mail.domain_id is not None}:
            self._load_signers(domain_id)
        found = {content_id: self._contents.get(content_id, _GONE) for content_id in needed}
        for content_id in needed & self._contents.keys():
            self._contents.move_to_end(content_id)
        while len(self._contents) > MOST_CONTENTS:
            self._contents.popitem(last=False)
        return found

    def _compile(self, content_ids: set[int]) -> None:
        files = _files(content_ids)
        for content in Content.objects.filter(pk__in=content_ids):
            self._contents[content.pk] = _compile(content, files.get(content.pk, ()))

    def _load_signers(self, domain_id: int) -> None:
        known = self._signers.get(domain_id)
        if known is not None and time.monotonic() - known[0] < SIGNERS_SECONDS:
            return
        self._signers[domain_id] = (time.monotonic(), _sender_of(domain_id))

    def message(self, mail: Claimed, content: Compiled, at: int) -> smtp.Message:
        """The complete message of one mail, built at epoch second `at`. Raises ContentUnusable."""
        (made,) = self.messages([(mail, content)], at)
        if isinstance(made, errors.ContentUnusable):
            raise made
        return made

    def messages(
        self, mails: Iterable[tuple[Claimed, Compiled]], at: int
    ) -> list[smtp.Message | errors.ContentUnusable]:
        """The complete messages of these mails in order, or why one has none; of one at least, and of as many more as
        MADE_OCTETS hold.

        First all are built, then all are signed: an RSA signature drives what else the processor was doing out of its
        caches, which made the next mail's building half as slow again.
        """
        drafts: list[_Draft | errors.ContentUnusable] = []
        octets = 0
        for mail, content in mails:
            draft = self._draft_or_refusal(mail, content, at)
            drafts.append(draft)
            octets += 0 if isinstance(draft, errors.ContentUnusable) else len(draft.built.body)
            if octets >= MADE_OCTETS:
                break
        return [draft if isinstance(draft, errors.ContentUnusable) else draft.message() for draft in drafts]

    def _draft_or_refusal(self, mail: Claimed, content: Compiled, at: int) -> _Draft | errors.ContentUnusable:
        try:
            return guarded(lambda: self._draft(mail, content, at), content_id=mail.content_id)
        except errors.ContentUnusable as error:
            return error

    def _draft(self, mail: Claimed, content: Compiled, at: int) -> _Draft:
        if content.skeleton is None:
            raise errors.ContentUnusable(content.refusal)
        own_id = mail.public_id
        built = content.skeleton.build(
            mime.Values(
                to=mime.Address(mail.name, mail.email),
                message_id=f"{own_id}@{content.sender_domain}",
                at=at,
                variables=json.loads(mail.variables),
            )
        )
        host, fields = self._signature_fields(mail, built, at)
        recipient = mail.email if mail.email.isascii() else headers.encode_email(mail.email)
        return _Draft(mail.id, f"b-{own_id}@{host}", recipient, built, fields)

    def _signature_fields(self, mail: Claimed, built: mime.Built, at: int) -> tuple[str, list[dkim.Unsigned]]:
        """The host of the return path, and the signature fields of the sending domain."""
        if mail.domain_id is None:
            return settings.INBOUND_HOST, []
        sender = self._signers[mail.domain_id][1]
        if isinstance(sender, str):
            raise errors.ContentUnusable(sender)
        host = sender.return_path_host or settings.INBOUND_HOST
        return host, dkim.fields(sender.signers, built.headers, built.body, at)


_GONE = Compiled(refusal="Its content is gone.")


def _sender_of(domain_id: int) -> _Sender | str:
    """The domain's part, or why it has none: such mails are held rather than sent unsigned."""
    domain = Domain.objects.filter(pk=domain_id).first()
    if domain is None:
        return "Its sending domain was removed."
    try:
        signers = tuple(dkim.Signer(*key) for key in domains.signing_keys(domain_id))
    except (earwig_errors.Unsealable, delivery_errors.KeyInvalid):
        return "A signing key of its domain cannot be opened."
    return _Sender(domain.return_path_host, signers)


def _files(content_ids: Iterable[int]) -> dict[int, tuple[mime.File, ...]]:
    files: dict[int, tuple[mime.File, ...]] = {}
    rows = ContentFile.objects.filter(content_id__in=list(content_ids)).select_related("attachment")
    for row in rows.order_by("content_id", "position"):
        file = mime.File(name=row.name, type=row.type, data=bytes(row.attachment.data), content_id=row.cid)
        files[row.content_id] = (*files.get(row.content_id, ()), file)
    return files


def _compile(content: Content, files: tuple[mime.File, ...]) -> Compiled:
    erased = content.erased_at is not None
    try:
        skeleton = guarded(lambda: mime.Skeleton.compile(_parts(content, files)), content_id=content.pk)
    except errors.ContentUnusable as error:
        return Compiled(refusal=str(error), erased=erased)
    return Compiled(skeleton, headers.encode_email(content.from_email).rpartition("@")[2], erased=erased)


def _parts(content: Content, files: tuple[mime.File, ...]) -> mime.Parts:
    return mime.Parts(
        subject=content.subject,
        from_name=content.from_name,
        from_email=content.from_email,
        reply_to=tuple(mime.Address(*pair) for pair in content.reply_to),
        to=tuple(mime.Address(*pair) for pair in content.to),
        cc=tuple(mime.Address(*pair) for pair in content.cc),
        text=content.text,
        html=content.html,
        headers=tuple((name, value) for name, value in content.headers),
        files=files,
        template_language=content.template_language,
        language=content.language,
    )


def guarded(make: Callable[[], Made], *, content_id: int) -> Made:
    """What `make` makes. Whatever is wrong with one content, it raises ContentUnusable and stops no other mail."""
    try:
        return make()
    except _REFUSALS as error:
        raise errors.ContentUnusable(str(error)) from error
    except Exception as error:
        # The one place that catches all: else rescue returns the mail, and the next drain dies of it too.
        where = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "A content broke its making.",
            extra={
                "content": content_id,
                "error": type(error).__name__,
                "where": f"{where.filename}:{where.lineno}",
            },
        )
        raise errors.ContentUnusable("It broke its making; the log says where.") from error
