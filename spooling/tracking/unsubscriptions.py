"""Unsubscribing by a link or by mail: what happens, and where the person ends up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from spooling import suppressions
from spooling.models import Content, Mail, Resource
from spooling.models.suppressions import SuppressionReason
from spooling.tracking import hits
from spooling.tracking.hits import Place
from spooling.tracking.tokens import Token
from spooling.tracking.visitors import Visitor
from templates_app import errors as template_errors
from templates_app import rendering
from templates_app.rendering import links

_PAGES = ("text/html", "html")


@dataclass(frozen=True, slots=True)
class Landing:
    """What is shown once it is done: the page at `url`, else the HTML of `page`, else one of ours."""

    url: str = ""
    page: str = ""


@transaction.atomic
def unsubscribe(token: Token, visitor: Visitor, *, source: str = "link", now: datetime) -> Place:
    """Send the mail's recipient no more bulk mail of its sending domain. Repeating it changes nothing.

    Raises LinkUnknown.
    """
    place = hits.record(token, visitor, now=now)
    suppressions.learn(place.mail, reason=SuppressionReason.UNSUBSCRIBE, source=source, now=now)
    return place


def landing(place: Place) -> Landing:
    """Where the link leads that was followed; else what the content says that its unsubscriptions end at."""
    if place.target:
        return Landing(url=place.target)
    mail = Mail.objects.select_related("content").only("variables", "content").get(pk=place.mail.mail_id)
    resource = _resource(mail)
    if resource is None:
        return Landing()
    said = _rendered(resource.content, mail)
    if resource.type in _PAGES:
        return Landing(page=said)
    return Landing(url=links.url_of(said.strip(), html=False))


def _resource(mail: Mail) -> Resource | None:
    content: Content | None = mail.content
    if mail.content.unsubscribe_id is None and mail.content.base_id is not None:
        content = Content.objects.filter(pk=mail.content.base_id).first()
    if content is None or content.unsubscribe_id is None:
        return None
    return Resource.objects.filter(pk=content.unsubscribe_id).first()


def _rendered(source: str, mail: Mail) -> str:
    """With the mail's values, as far as they are still known."""
    try:
        program = rendering.compile(
            source,
            language=mail.content.template_language,
            escape=rendering.Escape.HTML,
            transfer=rendering.Transfer.PLAIN,
        )
        return program.render({**mail.content.variables, **mail.variables})
    except template_errors.TemplateError:
        return source
