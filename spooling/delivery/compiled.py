"""Contents as they are mailed: a row with what its base says for it, compiled, and its links numbered."""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from spooling import errors
from spooling.delivery import errors as delivery_errors
from spooling.delivery import headers, mime, verbatim
from spooling.models import Content
from spooling.outbox import contents
from spooling.outbox.drafts import USUAL, Handling, NewContent
from spooling.tracking import targets
from spooling.tracking.links import Numbers
from templates_app import errors as template_errors

Made = TypeVar("Made")
log = logging.getLogger(__name__)

#: Why a content cannot be made into a mail: such mails are held, not lost.
_REFUSALS = (template_errors.TemplateError, delivery_errors.MimeError, errors.ContentUnusable)
#: The name that every recipient's own address has without anybody saying so, by language (Octosend contract §19,
#: SMTPeter contract §4.4).
_NAMES_OF_RECIPIENT = {"braces": "email", "smarty": "recipient"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A content ready for mailing, or why it is not."""

    skeleton: mime.Skeleton | verbatim.Skeleton | None = None
    sender_domain: str = ""
    refusal: str = ""
    erased: bool = False
    #: Values where a mail brings none.
    defaults: Mapping[str, object] = field(default_factory=dict)
    #: The name that the recipient's address has without anybody saying so, if any.
    name_of_recipient: str = ""
    #: What the Message-ID says instead of the mail's own id.
    shared_id: str = ""
    numbers: Numbers = field(default_factory=dict)
    handling: Handling = USUAL

    def variables(self, own: dict[str, object], email: str) -> dict[str, object]:
        """All values of a mail to `email` with values of its `own`."""
        values = {**self.defaults, **own} if self.defaults else own
        if self.name_of_recipient:
            values.setdefault(self.name_of_recipient, email)
        return values


def load(content_ids: Iterable[int]) -> dict[int, Compiled]:
    """The contents of these ids that there are, compiled."""
    rows = {row.pk: row for row in Content.objects.filter(pk__in=content_ids)}
    base_ids = {row.base_id for row in rows.values() if row.base_id is not None}
    bases = {row.pk: row for row in Content.objects.filter(pk__in=base_ids)} if base_ids else {}
    files = contents.files([*rows, *bases])
    raws = contents.raws([*rows.values(), *bases.values()])
    made = {}
    for pk, row in rows.items():
        content = contents.of_row(row, files[pk], raws.get(pk, b""))
        erased = row.erased_at is not None
        if row.base_id is not None:
            base = bases.get(row.base_id, _GONE)
            said = contents.of_row(base, files[row.base_id], raws.get(row.base_id, b""))
            content = contents.overlaid(said, content)
            erased = erased or base.erased_at is not None
        made[pk] = replace(
            _compile(content, content_id=pk, erased=erased), shared_id=_shared_id(row, content)
        )
    numbers = targets.numbered({pk: each.skeleton.links for pk, each in made.items() if each.skeleton})
    return made | {pk: replace(made[pk], numbers=found) for pk, found in numbers.items()}


_GONE = Content()
_SHARED = uuid.UUID("b9f2f0a6-6f0b-4d55-9d0c-5f3a5c0c2d1e")


def _shared_id(row: Content, content: NewContent) -> str:
    """One Message-ID for all who see each other in a message: their answers make one conversation."""
    if len(content.to) + len(content.cc) < 2:
        return ""
    return uuid.uuid5(_SHARED, f"{row.pk} {row.created_at.isoformat()}").hex


def example(content: NewContent) -> Compiled:
    """A content that is not stored and has no base, compiled as if it were."""
    return _compile(content, content_id=0, erased=False)


def _compile(content: NewContent, *, content_id: int, erased: bool) -> Compiled:
    try:
        skeleton = guarded(lambda: _skeleton(content), content_id=content_id)
    except errors.ContentUnusable as error:
        return Compiled(refusal=str(error), erased=erased)
    return Compiled(
        skeleton,
        headers.encode_email(content.from_email).rpartition("@")[2],
        erased=erased,
        defaults=_defaults(content),
        name_of_recipient=_NAMES_OF_RECIPIENT.get(content.template_language, ""),
        handling=content.handling,
    )


def _defaults(content: NewContent) -> Mapping[str, object]:
    """The content's values; in SMTPeter's language the sender of its envelope is one, empty where none was said."""
    if content.template_language != "smarty":
        return content.variables
    return {"envelope": content.handling.envelope_sender, **content.variables}


def _skeleton(content: NewContent) -> mime.Skeleton | verbatim.Skeleton:
    parts = _parts(content)
    if content.raw:
        return verbatim.Skeleton.compile(content.raw, mime.bodies(parts))
    return mime.Skeleton.compile(parts)


def _parts(content: NewContent) -> mime.Parts:
    return mime.Parts(
        subject=content.subject,
        from_name=content.from_name,
        from_email=content.from_email,
        reply_to=tuple(mime.Address(*pair) for pair in content.reply_to),
        to=tuple(mime.Address(*pair) for pair in content.to),
        cc=tuple(mime.Address(*pair) for pair in content.cc),
        text=content.text,
        html=content.html,
        headers=content.headers,
        files=tuple(
            mime.File(name=file.name, type=file.type, data=file.data, content_id=file.cid)
            for file in content.files
        ),
        template_language=content.template_language,
        language=content.language,
        to_name=content.to_name,
        tracked=content.tracked,
        track_opens=content.track_opens,
        track_clicks=content.track_clicks,
        spare_shown=content.handling.spare_shown_links,
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
