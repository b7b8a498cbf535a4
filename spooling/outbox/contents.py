"""Contents as rows: what a new one says, by the names of its columns; what a stored one says, and its base for it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from spooling.erasure import ERASED
from spooling.models import Attachment, Content, ContentFile
from spooling.outbox.drafts import USUAL, Handling, NewContent, NewFile

#: What both a new content and its row have.
SAID: tuple[str, ...] = (
    *("subject", "from_name", "from_email", "reply_to", "to", "cc", "text", "html", "headers", "language"),
    *("template_language", "base_id", "to_name", "variables", "tracked", "track_opens"),
    *("track_clicks", "unsubscribe_id"),
)
_PAIRS = ("reply_to", "to", "cc", "headers")


def said(content: NewContent) -> dict[str, Any]:
    """The columns of a content."""
    return {name: getattr(content, name) for name in SAID}


def rows(account_id: int, contents: Iterable[NewContent], *, now: datetime) -> list[Content]:
    """Rows to be stored; their files are stored apart."""
    return [Content(account_id=account_id, created_at=now, **said(content)) for content in contents]


def has_more(content: NewContent) -> bool:
    """Whether there is something to store beside its columns."""
    return bool(content.files or content.raw or content.handling != USUAL)


class Detail(NamedTuple):
    """What few contents have: a complete message, and how its mails are handled (JSON); empty without."""

    content_id: int
    digest: str
    raw: bytes
    handling: str


def details(new: Sequence[NewContent], content_ids: Sequence[int]) -> list[Detail]:
    """Those of new contents that have any.

    Each message is its content's alone, so that it goes with it, and nobody has to look who else shows it.
    """
    return [
        Detail(content_id, _own_digest(content_id, content.raw), content.raw, _told(content.handling))
        for content, content_id in zip(new, content_ids, strict=True)
        if content.raw or content.handling != USUAL
    ]


def _own_digest(content_id: int, raw: bytes) -> str:
    """No file's, and no other content's."""
    return hashlib.sha256(b"%d\0%b" % (content_id, raw)).hexdigest()


def _told(handling: Handling) -> str:
    """What is not as usual, as JSON."""
    if handling == USUAL:
        return ""
    names = (field.name for field in dataclasses.fields(handling))
    said = {name: getattr(handling, name) for name in names}
    return json.dumps({name: value for name, value in said.items() if value != getattr(USUAL, name)})


def attach(account_id: int, new: Sequence[NewContent], content_ids: Sequence[int]) -> None:
    """Store the files of new contents."""
    told = [(content_ids[n], *pair) for n, content in enumerate(new) for pair in enumerate(content.files)]
    if not told:
        return
    stored = keep(account_id, [file.data for _, _, file in told])
    ContentFile.objects.bulk_create(
        ContentFile(
            content_id=content_id,
            attachment_id=attachment_id,
            position=position,
            name=file.name,
            type=file.type,
            cid=file.cid,
        )
        for (content_id, position, file), attachment_id in zip(told, stored, strict=True)
    )


def keep(account_id: int, files: Sequence[bytes]) -> list[int]:
    """Store each file's bytes, once per account; answers the ids of their attachments."""
    digests = [hashlib.sha256(data).hexdigest() for data in files]
    Attachment.objects.bulk_create(
        [
            Attachment(account_id=account_id, digest=digest, data=data)
            for digest, data in dict(zip(digests, files, strict=True)).items()
        ],
        ignore_conflicts=True,
    )
    rows = Attachment.objects.filter(account_id=account_id, digest__in=digests)
    ids = dict(rows.values_list("digest", "id"))
    return [ids[digest] for digest in digests]


def of_row(row: Content, files: tuple[NewFile, ...] = (), raw: bytes = b"") -> NewContent:
    """What a stored content says, with those of its files, and the message, that were read."""
    columns = {name: getattr(row, name) for name in SAID}
    pairs = {name: tuple((first, second) for first, second in columns[name]) for name in _PAIRS}
    return NewContent(**columns | pairs, files=files, raw=raw, handling=handling_of(row))


def handling_of(row: Content) -> Handling:
    """How the mails of a stored content are handled, as it was given; an address that was erased is none."""
    if not row.handling:
        return USUAL
    return Handling(**{name: value for name, value in row.handling.items() if value != ERASED})


def raws(rows: Iterable[Content]) -> dict[int, bytes]:
    """The complete messages of those contents that have one, by the contents' ids."""
    wanted = {row.raw_id: row.pk for row in rows if row.raw_id is not None}
    if not wanted:
        return {}
    found = Attachment.objects.filter(pk__in=wanted).values_list("pk", "data")
    return {wanted[pk]: bytes(data) for pk, data in found}


def drop_raws(content_ids: Iterable[int]) -> None:
    """Delete the complete messages of these contents."""
    rows = Content.objects.filter(pk__in=list(content_ids)).exclude(raw=None)
    messages = list(rows.values_list("raw", flat=True))
    rows.update(raw=None)
    Attachment.objects.filter(pk__in=messages).delete()


def files(content_ids: Iterable[int]) -> dict[int, tuple[NewFile, ...]]:
    """The files of stored contents by their ids, in order; empty without any."""
    found: defaultdict[int, tuple[NewFile, ...]] = defaultdict(tuple)
    rows = ContentFile.objects.filter(content_id__in=list(content_ids)).select_related("attachment")
    for row in rows.order_by("content_id", "position"):
        file = NewFile(name=row.name, type=row.type, data=bytes(row.attachment.data), cid=row.cid)
        found[row.content_id] += (file,)
    return found


def overlaid(base: NewContent, own: NewContent) -> NewContent:
    """What `own` says, and `base` where it says nothing: bodies and files go together, headers and variables merge."""
    body = own if own.text or own.html or own.files or own.raw else base
    # A name belongs to its address: an author's without one is not called as the others' author is.
    sender = own if own.from_email else base
    shown = own if own.to or own.to_name else base
    return dataclasses.replace(
        own,
        base_id=None,
        from_name=sender.from_name,
        from_email=sender.from_email,
        to=shown.to,
        to_name=shown.to_name,
        subject=own.subject or base.subject,
        text=body.text,
        html=body.html,
        files=body.files,
        raw=body.raw,
        handling=base.handling if own.handling == USUAL else own.handling,
        reply_to=own.reply_to or base.reply_to,
        cc=own.cc or base.cc,
        headers=_merged(base.headers, own.headers),
        variables={**base.variables, **own.variables},
        language=own.language or base.language,
        tracked=own.tracked and base.tracked,
        track_opens=body.track_opens,
        track_clicks=body.track_clicks,
        unsubscribe_id=own.unsubscribe_id or base.unsubscribe_id,
    )


def _merged(
    base: tuple[tuple[str, str], ...], own: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """All of `own`, and of `base` what has another name."""
    names = {name.lower() for name, _ in own}
    return (*((name, value) for name, value in base if name.lower() not in names), *own)
