"""From a claimed mail and its content to the bytes that go out: render, build, sign."""

from __future__ import annotations

import json
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from earwig import domains
from earwig import errors as earwig_errors
from earwig.models import Domain
from spooling import errors, received
from spooling.delivery import compiled, dkim
from spooling.delivery import errors as delivery_errors
from spooling.delivery import headers, mime, smtp
from spooling.delivery.compiled import Compiled
from spooling.models import Mail
from spooling.models.spoolers import Lane
from spooling.outbox import values
from spooling.outbox.drafts import Handling, NewContent, NewMail
from spooling.outbox.values import Claimed
from spooling.tracking import links, mail_addresses, tokens
from spooling.tracking.links import MailLinks
from templates_app import rendering
from templates_app.rendering import LinkKind

#: Compiled contents that a drain keeps; the memory of a worker stays flat whatever passes through it.
MOST_CONTENTS = 200
#: Messages are made ahead up to so many octets; attachments would otherwise fill a worker's memory.
MADE_OCTETS = 1024 * 1024
#: How long signing keys and return paths serve before they are read again.
SIGNERS_SECONDS = 30.0
#: What the database gives back as JSON has no blanks around it, for which `json.loads` looks first.
_decode = json.JSONDecoder().raw_decode


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


def page(mail: Mail) -> str:
    """The HTML of what was sent, its inline pictures in it; of a mail without HTML its text. Empty as with `shown`."""
    message = received.read(shown(mail))
    if message.html or not message.headers:
        return message.html_with_images()
    return f"<pre style='white-space:pre-wrap'>{escape(message.text)}</pre>"


def example(
    content: NewContent, mail: NewMail, *, domain_id: int | None, at: int, lane: str = Lane.TRANSACTIONAL
) -> bytes:
    """The complete message that this content would be to this mail, unsigned; its links lead nowhere.

    Raises ContentUnusable.
    """
    loaded = compiled.example(content)
    if domain_id is not None and isinstance(refusal := _sender_of(domain_id), str):
        raise errors.ContentUnusable(refusal)
    made = _Example(mail.email, mail.name, json.dumps(mail.variables), uuid.uuid4().hex, lane)
    built = compiled.guarded(
        lambda: _built(loaded, made, _Means(links.EXAMPLE, at, mail_addresses.host())),
        content_id=0,
    )
    return b"".join((*built.headers, b"\r\n", built.body))


class _Example(NamedTuple):
    """What a message says of its mail, of one that is not stored; `variables` are JSON."""

    email: str
    name: str
    variables: str
    public_id: str
    lane: str


class _Means(NamedTuple):
    """What a mail is made with: its links, the epoch second, and the host where mail unsubscribes, empty for none."""

    links: rendering.Links
    at: int
    unsubscribe_host: str


def _built(content: Compiled, mail: Claimed | _Example, means: _Means) -> mime.Built:
    """Raises ContentUnusable, and what making a mail raises."""
    if content.skeleton is None:
        raise errors.ContentUnusable(content.refusal)
    own, at, host = means
    unsubscribe = own(LinkKind.UNSUBSCRIBE, "") if mail.lane == Lane.BULK else ""
    return content.skeleton.build(
        mime.Values(
            to=mime.Address(mail.name, mail.email),
            message_id=f"{content.shared_id or mail.public_id}@{content.sender_domain}",
            at=at,
            variables=content.variables(_decode(mail.variables)[0], mail.email),
            links=own,
            unsubscribe=unsubscribe,
            unsubscribe_mail=mail_addresses.of_link(unsubscribe, host) if unsubscribe and host else "",
        )
    )


@dataclass(frozen=True, slots=True)
class _Sender:
    """What a sending domain adds to its mails."""

    return_path_host: str
    #: Where their tracked links lead.
    origin: str
    signers: tuple[dkim.Signer, ...]


class _Draft(NamedTuple):
    """A message short of its signatures."""

    mail_id: int
    envelope_sender: str
    recipient: str
    built: mime.Built
    signature_fields: list[dkim.Unsigned]
    handling: Handling

    def message(self) -> smtp.Message:
        signed = [field.signed() for field in self.signature_fields]
        data = b"".join((*signed, *self.built.headers, b"\r\n", self.built.body))
        return smtp.Message(
            self.mail_id,
            self.envelope_sender,
            self.recipient,
            data,
            utf8=self.built.utf8,
            eight_bit=self.built.eight_bit,
            notify=self.handling.notify,
            ret=self.handling.ret,
            envid=self.handling.envid,
            orcpt=self.handling.orcpt,
        )


class Letters:
    """The compiled contents and signing keys of one drain. `load` reads the database, `message` never does."""

    def __init__(self) -> None:
        self._contents: OrderedDict[int, Compiled] = OrderedDict()
        self._signers: dict[int, tuple[float, _Sender | str]] = {}
        # Read once: a setting takes a quarter of a microsecond, each time.
        self._of_no_domain = _Sender(settings.INBOUND_HOST, settings.TRACKING_URL, ())
        self._sign_link = tokens.signer()
        self._unsubscribe_host = mail_addresses.host()

    def load(self, mails: Iterable[Claimed]) -> dict[int, Compiled]:
        """The contents of these mails by id; what is not there yet is compiled.

        Whoever mails keeps the answer: later loads forget what they do not need themselves.
        """
        needed = {mail.content_id for mail in mails}
        if missing := needed - self._contents.keys():
            self._contents.update(compiled.load(missing))
        for domain_id in {mail.domain_id for mail in mails if mail.domain_id is not None}:
            self._load_signers(domain_id)
        found = {content_id: self._contents.get(content_id, _GONE) for content_id in needed}
        for content_id in needed & self._contents.keys():
            self._contents.move_to_end(content_id)
        while len(self._contents) > MOST_CONTENTS:
            self._contents.popitem(last=False)
        return found

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

    def refusal(self, mail: Claimed, content: Compiled, at: int) -> str:
        """Why no message can be made of the mail; empty where one can. Nothing is signed."""
        made = self._draft_or_refusal(mail, content, at)
        return str(made) if isinstance(made, errors.ContentUnusable) else ""

    def _draft_or_refusal(self, mail: Claimed, content: Compiled, at: int) -> _Draft | errors.ContentUnusable:
        try:
            return compiled.guarded(lambda: self._draft(mail, content, at), content_id=mail.content_id)
        except errors.ContentUnusable as error:
            return error

    def _draft(self, mail: Claimed, content: Compiled, at: int) -> _Draft:
        sender = self._of_no_domain if mail.domain_id is None else self._signers[mail.domain_id][1]
        if isinstance(sender, str):
            raise errors.ContentUnusable(sender)
        own = MailLinks(sender.origin, self._sign_link, mail.id, content.numbers)
        built = _built(content, mail, _Means(own, at, self._unsubscribe_host))
        signatures = dkim.fields(sender.signers, built.headers, built.body, at) if sender.signers else []
        recipient = mail.email if mail.email.isascii() else headers.encode_email(mail.email)
        handling = content.handling
        host = sender.return_path_host
        return_path = f"b-{mail.public_id}@{host}" if handling.track_bounces else handling.envelope_sender
        return _Draft(mail.id, return_path, recipient, built, signatures, handling)


_GONE = Compiled(refusal="Its content is gone.")


def _sender_of(domain_id: int) -> _Sender | str:
    """The domain's part, or why it has none: such mails are held rather than sent unsigned."""
    domain = Domain.objects.filter(pk=domain_id).first()
    if domain is None:
        return "Its sending domain was removed."
    try:
        signers = tuple(dkim.Signer(*key) for key in domains.signing_keys(domain_id, now=timezone.now()))
    except (earwig_errors.Unsealable, delivery_errors.KeyInvalid):
        return "A signing key of its domain cannot be opened."
    return _Sender(domain.return_path_host or settings.INBOUND_HOST, links.origin(domain), signers)
