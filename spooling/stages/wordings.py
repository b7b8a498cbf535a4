"""What a stage message says: as the content of a mail (Seed contract §5.4)."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Length

from earwig import domains, mailboxes
from earwig.errors import DomainNotAllowed, InvalidAddress
from spooling import errors
from spooling.models import MessageSet, StageMessage, Subscription
from spooling.models.message_sets import ContentType
from spooling.outbox.drafts import NewContent, NewFile
from spooling.stages import binary_contents
from spooling.stages.recipients import Recipient
from templates_app import rendering, templates
from templates_app.errors import TemplateError
from templates_app.models import Language

#: An image up to this size goes with the mail; a larger one is linked, as every mail would carry it.
INLINED_BYTES = 100_000
#: Of a subscription's metadata: what stands before its next message, once.
PREPEND = "prepend_next_delivery"
_IMAGE_CID = "image"


class Unusable(errors.SpoolingError):
    """The message cannot be sent as it is."""

    code = "message_unusable"


class Author(NamedTuple):
    """Who a mail is from, and the sending domain that signs it."""

    name: str
    email: str
    domain_id: int | None


@dataclass(frozen=True, slots=True)
class Wording:
    """The content that a message makes with one text before it. `personal`: it shows variables."""

    content: NewContent
    personal: bool


def messages(ids: Any) -> QuerySet[Any]:
    """Stage messages with all that `make` reads; of a file only its size."""
    found = StageMessage.objects.filter(pk__in=ids).select_related("binary_content", "template")
    return found.defer("binary_content__data").annotate(octets=Length("binary_content__data"))


def author(message_set: MessageSet) -> Author:
    """Raises Unusable when the account may not send from the set's address, or it is none."""
    try:
        return author_of(message_set.account_id, message_set.from_address)
    except (DomainNotAllowed, InvalidAddress) as refused:
        raise Unusable(f"From address: {refused.message}") from None


def author_of(account_id: int, from_address: str) -> Author:
    """The installation's where the address is empty. Raises InvalidAddress or DomainNotAllowed."""
    name, email = mailboxes.parse(from_address) if from_address else parseaddr(settings.HANDOFF_FROM)
    return Author(name, email, domains.sending_domain(account_id, email))


def prepend_of(subscription: Subscription) -> str | None:
    """What is to stand before its next message."""
    prepend = (subscription.metadata or {}).get(PREPEND)
    return None if prepend is None else str(prepend)


def text_of(message: StageMessage, prepend: str | None) -> str:
    """The words of a message of a text set."""
    text = message.text_content or ""
    return text if prepend is None else f"{prepend}\n{text}"


def media_url(message: StageMessage) -> str:
    """Where its file can be fetched by anyone; empty when it has none."""
    file = message.binary_content
    return binary_contents.url_of(file) if file is not None else ""


def speech(message: StageMessage, prepend: str | None) -> list[str]:
    """What a message of an audio set plays, in order. Raises Unusable when there is nothing."""
    url = media_url(message)
    if not url:
        raise Unusable(f"Message {message.sequence_number} of an audio set has no file.")
    return [url] if prepend is None else [prepend, url]


def make(message_set: MessageSet, message: Any, prepend: str | None, by: Author) -> Wording:
    """The content of its mails. `message` comes from `messages`. Raises Unusable, also where no mail could be made."""
    wording = _make(message_set, message, prepend, by)
    content = wording.content
    try:
        for source in (content.subject, content.text, content.html):
            rendering.check(source, content.template_language)
    except TemplateError as error:
        raise Unusable(str(error)) from None
    return wording


def _make(message_set: MessageSet, message: Any, prepend: str | None, by: Author) -> Wording:
    subject = str(message.metadata.get("subject") or message_set.label or message_set.short_name)
    if message.template is not None:
        return _templated(message, subject, by)
    content = {
        "from_email": by.email,
        "from_name": by.name,
        "subject": " ".join(subject.split()),
        "template_language": Language.PLAIN,
        "language": message.lang,
    }
    if message_set.content_type == ContentType.AUDIO:
        return Wording(NewContent(**content, text="\n".join(speech(message, prepend)) + "\n"), False)
    return Wording(NewContent(**content, **_shown(message, text_of(message, prepend))), False)


def variables(subscription: Subscription, message: StageMessage, recipient: Recipient) -> dict[str, Any]:
    """What a template may show; the nearer source wins where names meet."""
    return {
        **recipient.attributes,
        **message.metadata,
        **(subscription.metadata or {}),
        "name": recipient.name,
        "identity": subscription.identity,
        "lang": subscription.lang,
        "prepend": prepend_of(subscription) or "",
    }


def _templated(message: StageMessage, subject: str, by: Author) -> Wording:
    assert message.template is not None
    version = templates.current(message.template)
    content = NewContent(
        from_email=by.email,
        from_name=by.name or version.from_name,
        subject=version.subject or subject,
        text=version.text,
        html=version.html,
        template_language=message.template.language,
        language=message.lang,
    )
    return Wording(content, True)


def _shown(message: Any, text: str) -> Mapping[str, Any]:
    """The parts of a text with the file that goes with it: images are shown, others linked."""
    url = media_url(message)
    if not url:
        return {"text": text}
    file = message.binary_content
    linked = f"{text}\n{url}" if text else url
    if not file.type.startswith("image/"):
        return {"text": linked}
    if message.octets > INLINED_BYTES:
        return {"text": linked, "html": _page(text, url)}
    inline = NewFile(name=file.name, type=file.type, data=bytes(file.data), cid=_IMAGE_CID)
    return {"text": text or url, "html": _page(text, f"cid:{_IMAGE_CID}"), "files": (inline,)}


def _page(text: str, source: str) -> str:
    words, place = html.escape(text).replace("\n", "<br>\n"), html.escape(source)
    return f'<p>{words}</p>\n<p><img src="{place}" alt="" style="max-width: 100%"></p>\n'  # noqa: B907
