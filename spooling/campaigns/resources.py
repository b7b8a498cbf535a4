"""Contents that clients upload for a campaign, to be named by their tokens (Octosend contract, §9)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Length

from earwig import media_types
from spooling import errors
from spooling.campaigns import locks
from spooling.models import Attachment, ContentFile, Resource, Spooler, SpoolerMessage
from spooling.models.resources import ResourceKind
from spooling.models.spoolers import Lane
from spooling.outbox import contents
from spooling.outbox.drafts import NewFile

#: Octets of one file, decoded; and of all files of one mail.
LARGEST_FILE = 2 * 1024 * 1024
LARGEST_FILES = 20 * 1024 * 1024
LONGEST_NAME = 255

#: Types of files, and the extension of a file that came without a name.
_EXTENSIONS = {
    "application/json": "json",
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "text/html": "html",
    "text/plain": "txt",
}
_PART_TYPES = ("text/html", "text/plain")
#: What comes after an unsubscription.
PAGE, REDIRECT = "text/html", "redirect"
_AFTER = {"text/html": PAGE, "html": PAGE, "redirect": REDIRECT, "url": REDIRECT}
_WEB = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What a client sends of a resource."""

    kind: str
    type: str
    content: str
    filename: str = ""
    #: Whether it is for single mails: those of a transactional campaign come after its launch too.
    for_mails: bool = False


class Wanted(NamedTuple):
    """A resource as a message names it: where, by which token, as what."""

    path: str
    token: str
    kind: str


@transaction.atomic
def upload(spooler: Spooler, given: Upload, *, now: datetime) -> Resource:
    """Keep it, word for word.

    Raises SpoolerLocked, FieldsRefused, AttachmentForbidden, AttachmentType, AttachmentTooLarge.
    """
    held = locks.taking_mail(spooler) if given.for_mails else locks.being_filled(spooler)
    resource = _READERS[given.kind](held, given)
    resource.spooler, resource.kind, resource.created_at = held, given.kind, now
    resource.save(force_insert=True)
    return resource


def body_type(type_: str, *, path: str = "type") -> str:
    """The type of a body, without its parameters. Raises FieldsRefused for another one."""
    bare = media_types.bare(type_)
    if bare not in _PART_TYPES:
        raise errors.FieldsRefused(fields={path: f"One of {', '.join(_PART_TYPES)}."})
    return bare


def _part(spooler: Spooler, given: Upload) -> Resource:
    return Resource(type=body_type(given.type), content=given.content)


def _attachment(spooler: Spooler, given: Upload) -> Resource:
    if spooler.lane != Lane.TRANSACTIONAL:
        raise errors.AttachmentForbidden
    type_ = media_types.bare(given.type)
    if type_ not in _EXTENSIONS:
        raise errors.AttachmentType(f"Files are of the types {', '.join(_EXTENSIONS)}.")
    data = _decoded(given.content)
    if len(data) > LARGEST_FILE:
        raise errors.AttachmentTooLarge
    name = _BLANKS.sub(" ", given.filename.replace("\0", "")).strip()
    if len(name) > LONGEST_NAME:
        raise errors.FieldsRefused(fields={"filename": f"At most {LONGEST_NAME} characters."})
    (file_id,) = contents.keep(spooler.account_id, [data])
    return Resource(
        type=type_,
        file_id=file_id,
        filename=name or f"attachment.{_EXTENSIONS[type_]}",
    )


def _after(spooler: Spooler, given: Upload) -> Resource:
    type_ = _AFTER.get(media_types.bare(given.type))
    if type_ is None:
        raise errors.FieldsRefused(fields={"type": f"One of {', '.join(_AFTER)}."})
    if type_ == REDIRECT and not _WEB.fullmatch(given.content.strip()):
        raise errors.FieldsRefused(fields={"content": "An http or https address is expected."})
    return Resource(type=type_, content=given.content)


_READERS: dict[str, Callable[[Spooler, Upload], Resource]] = {
    ResourceKind.PART: _part,
    ResourceKind.ATTACHMENT: _attachment,
    ResourceKind.UNSUBSCRIBE: _after,
}


def _decoded(content: str) -> bytes:
    """Of base64, with or without line breaks."""
    if len(content) > 2 * LARGEST_FILE:
        raise errors.AttachmentTooLarge
    try:
        return base64.b64decode(_BLANKS.sub("", content), validate=True)
    except ValueError:
        raise errors.FieldsRefused(fields={"content": "This is no base64."}) from None


def find(spooler: Spooler, wanted: Iterable[Wanted]) -> dict[str, Resource]:
    """The campaign's resources by token, without what they say.

    Raises UnknownResource, which names every path that asks for another one.
    """
    wanted = list(wanted)
    tokens = {want.token for want in wanted}
    rows = Resource.objects.filter(spooler=spooler, token__in=tokens).defer("content") if tokens else ()
    found = {row.token: row for row in rows}
    unknown = [want.path for want in wanted if want.token not in found or found[want.token].kind != want.kind]
    if unknown:
        raise errors.UnknownResource(fields={path: "There is no such resource." for path in unknown})
    return found


def texts(tokens: Iterable[str]) -> dict[str, str]:
    """What resources that were found say, by token."""
    return dict(Resource.objects.filter(token__in=set(tokens)).values_list("token", "content"))


def sizes(tokens: Iterable[str]) -> dict[str, int]:
    """How many characters resources that were found say, by token."""
    rows = Resource.objects.filter(token__in=set(tokens))
    return dict(rows.annotate(size=Length("content")).values_list("token", "size"))


def files(tokens: Sequence[str]) -> tuple[NewFile, ...]:
    """The files of attachments that were found, in order. Raises AttachmentTooLarge for all of them together."""
    rows = Resource.objects.filter(token__in=tokens)
    octets = dict(rows.annotate(size=Length("file__data")).values_list("token", "size"))
    if sum(octets[token] for token in tokens) > LARGEST_FILES:
        raise errors.AttachmentTooLarge
    found = {
        token: NewFile(name=name, type=type_, data=bytes(data))
        for token, name, type_, data in rows.values_list("token", "filename", "type", "file__data")
    }
    return tuple(found[token] for token in tokens)


@transaction.atomic
def erase_old(until: datetime) -> int:
    """Delete what was uploaded and told for campaigns that ended before `until`; answers how many uploads went.

    What comes after an unsubscription stays: their links work for years.
    """
    ended = Spooler.objects.filter(ended_at__lte=until).values("pk")
    SpoolerMessage.objects.filter(spooler__in=ended).delete()
    rows = Resource.objects.filter(spooler__in=ended).exclude(kind=ResourceKind.UNSUBSCRIBE)
    file_ids = set(rows.exclude(file=None).values_list("file", flat=True))
    gone, _ = rows.delete()
    drop_files(file_ids)
    return gone


def drop_files(file_ids: Collection[int]) -> None:
    """Delete the octets of those files that no content and no resource shows."""
    shown = Exists(ContentFile.objects.filter(attachment=OuterRef("pk")))
    kept = Exists(Resource.objects.filter(file=OuterRef("pk")))
    Attachment.objects.filter(~shown, ~kept, pk__in=file_ids).delete()
