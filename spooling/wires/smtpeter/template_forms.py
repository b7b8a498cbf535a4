"""A template as one recipient would see it, in the forms that a path names (contract §6.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponse

from earwig import errors as earwig_errors
from earwig import mailboxes
from earwig.web import customer_content
from spooling import errors as spooling_errors
from spooling.delivery import letters
from spooling.outbox.drafts import NewContent, NewMail
from spooling.wires.smtpeter import errors, sources, wire
from templates_app import previews
from templates_app import text as plain
from templates_app.models import Language, TemplateVersion

#: Whom a message is shown to where the variables name nobody.
NOBODY = "recipient@example.com"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a version says with some variables."""

    texts: Mapping[str, str]
    author: str
    recipient: str
    now: datetime


def answer(
    version: TemplateVersion, form: str, variables: Mapping[str, Any], *, now: datetime
) -> HttpResponse:
    """Raises NotFound, TemplateRefused, Refused."""
    write = FORMS.get(form)
    if write is None:
        raise errors.NotFound("There is no such form of a template.")
    source = sources.read(sources.document(version), language=version.template.language)
    texts = {"from_email": "", "from_name": source.author, "subject": source.subject}
    known = {"recipient": NOBODY, "envelope": "", **variables}
    shown = previews.rendered(
        {**texts, "html": source.html, "text": source.text}, version.template.language, known
    )
    return write(Seen(texts=shown, author=shown["from_name"], recipient=str(known["recipient"]), now=now))


def _html(seen: Seen) -> HttpResponse:
    return customer_content.page(seen.texts["html"])


def _text(seen: Seen) -> HttpResponse:
    return wire.text(seen.texts["text"] or plain.of_html(seen.texts["html"]))


def _message(seen: Seen) -> HttpResponse:
    """Complete; pictures stay where the HTML has them."""
    try:
        name, author = mailboxes.parse(seen.author)
        content = NewContent(
            from_email=author,
            from_name=name,
            subject=seen.texts["subject"],
            html=seen.texts["html"],
            text=seen.texts["text"],
            template_language=Language.PLAIN,
        )
        mail = NewMail(mailboxes.normal(seen.recipient))
        data = letters.example(content, mail, domain_id=None, at=int(seen.now.timestamp()))
    except earwig_errors.InvalidAddress as error:
        raise errors.Refused(f"from, recipient: {error.message}") from None
    except spooling_errors.ContentUnusable as error:
        raise errors.Refused(f"No message can be made of it: {error}") from None
    return wire.text(data.decode("utf-8", "replace"))


#: `json` is the document itself.
FORMS: dict[str, Callable[[Seen], HttpResponse]] = {
    "html": _html,
    "webversion": _html,
    "mime": _message,
    "embedded": _message,
    "text": _text,
}
