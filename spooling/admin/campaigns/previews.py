"""The preview of a campaign's mail: its text and header fields on a page of ours, its HTML in frames that are fenced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest

from earwig.admin import pages
from spooling import received
from spooling.campaigns import previews
from spooling.campaigns.filling import Entry
from spooling.models import Mail, Spooler
from templates_app.admin.forms import VariablesField

#: Header fields that a reader sees.
_SHOWN = ("from", "to", "cc", "reply-to", "subject")


class Width(NamedTuple):
    """A window in CSS pixels."""

    title: str
    pixels: int


WIDTHS = (Width("Phone", 375), Width("Desktop", 700))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose mail is shown, with which values instead of its own, and whether its remote images are loaded."""

    mail: Mail | None
    variables: Mapping[str, Any]
    images: bool

    def query(self, **changes: bool) -> str:
        """What `asked` reads."""
        images = changes.get("images", self.images)
        said = {
            "mail": self.mail and self.mail.pk,
            "variables": json.dumps(self.variables) if self.variables else "",
            "images": "1" if images else "",
        }
        return urlencode({name: value for name, value in said.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The mail, read as a mail program does. `missing` names values that nobody gave."""

    message: received.Received
    missing: tuple[str, ...]

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.message.headers if name.lower() in _SHOWN]


def asked(request: HttpRequest, spooler: Spooler, *, may_name: bool) -> Asked:
    """What the query names. Raises Http404 for what no page of ours links to."""
    query = request.GET
    mail_id = query.get("mail", "")
    return Asked(
        mail=_mail(spooler, mail_id, may_name) if mail_id else None,
        variables=_variables(query.get("variables", "")),
        images=query.get("images") == "1",
    )


def _mail(spooler: Spooler, mail_id: str, may_name: bool) -> Mail:
    if not may_name:
        raise Http404
    return pages.row_or_404(Mail.objects.filter(spooler=spooler).select_related("spooler__domain"), mail_id)


def _variables(text: str) -> dict[str, Any]:
    try:
        return VariablesField(required=False).clean(text)
    except ValidationError:
        raise Http404 from None


def shown(spooler: Spooler, wanted: Asked, *, now: datetime) -> Shown:
    """The mail as it would be now. Raises what `campaigns.previews` does."""
    if wanted.mail is None:
        entry = Entry(previews.NOBODY, variables=wanted.variables)
        preview = previews.preview(spooler, entry, now=now)
    else:
        preview = previews.of_mail(wanted.mail, variables=wanted.variables, now=now)
    return Shown(message=received.read(preview.source.encode()), missing=preview.missing)
