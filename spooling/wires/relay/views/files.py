"""`files` and `files/{id}` (contract §7.6): pictures of mails, which everybody can fetch"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from rest_framework.request import Request

from earwig.web.errors import TooLarge
from spooling import files, received
from spooling.models import HostedFile
from spooling.wires.relay import dates, errors, inputs, outputs, relations, wire

LONGEST_NAME, LONGEST_TYPE = 255, 127
MOST_BYTES = 20 * 1024 * 1024
#: What can be sorted by, and how it is where nothing is said: the newest first, names by the alphabet.
_COLUMNS = {"date": "created_at", "name": "name"}
_USUAL = {"date": "desc", "name": "asc"}
_SIGNS = {"asc": "", "desc": "-"}
#: What `media` shows as a picture.
IMAGES = tuple(f"image/{name}" for name in ("png", "jpeg", "gif", "webp", "avif", "bmp", "x-icon"))
_TRUE = ("true", "1")


class FilesView(wire.WireView):
    """The collection."""

    def get(self, request: Request) -> HttpResponse:
        page = inputs.page(request.GET)
        rows = _matching(HostedFile.objects.filter(account=self.account_id), request.GET)
        found = list(rows.order_by(*_order(request.GET)).defer("data")[page.rows])
        href = f"{self.home}/files"
        collection = outputs.Collection(
            href=href, relation="get-file-collection", page=page, query=request.GET.dict()
        )
        links = [
            relations.link(href, "get-file-collection", "self"),
            relations.link(href, "create-file"),
            *self.ways_home(),
        ]
        items = [_item(self.home, file) for file in found]
        return self.answer(collection.document(items, rows.count(), links), schema="file-collection-page")

    def post(self, request: Request) -> HttpResponse:
        upload = self._upload()
        name = received.printable(upload.name or "").strip()[-LONGEST_NAME:] or "file"
        type_ = received.printable(upload.content_type or "").strip().lower()
        with transaction.atomic():
            file = files.keep(
                self.account_id,
                name=name,
                type_=type_ if len(type_) <= LONGEST_TYPE else "",
                data=upload.read(),
                now=timezone.now(),
            )
            self.note("add", file)
        document = outputs.created(file.token, "File successfully uploaded", self._ways(file))
        return self.answer(document, schema="creation-result", status=201, location=_href(self.home, file))

    def _ways(self, file: HostedFile) -> list[relations.Link]:
        collection = relations.link(f"{self.home}/files", "get-file-collection")
        return [*_links(self.home, file), collection, *self.ways_home()]

    def _upload(self) -> UploadedFile:
        """The one file of a form. Raises Invalid, TooLarge."""
        length = self.request._request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.MAX_BODY_BYTES:
            # Files go to the disk, however long they are.
            raise TooLarge
        try:
            uploads = [file for _, each in self.request._request.FILES.lists() for file in each]
        except RequestDataTooBig:
            raise TooLarge from None
        except (MultiPartParserError, SuspiciousOperation):
            raise errors.invalid("file", "The form cannot be read.") from None
        if len(uploads) != 1:
            raise errors.invalid("file", "One file is expected, as multipart/form-data.")
        if (uploads[0].size or 0) > MOST_BYTES:
            raise TooLarge
        return uploads[0]


class FileView(wire.WireView):
    """One of them."""

    def get(self, request: Request, id: str) -> HttpResponse:
        document = _item(self.home, self._file(id))
        document["_links"] += self.ways_home()
        return self.answer(document, schema="file")

    def delete(self, request: Request, id: str) -> HttpResponse:
        file = self._file(id)
        with transaction.atomic():
            self.note("delete", file)
            file.delete()
        links = [relations.link(f"{self.home}/files", "get-file-collection"), *self.ways_home()]
        return self.answer(outputs.done("File successfully deleted", links), schema="message-result")

    def _file(self, id: str) -> HostedFile:
        own = HostedFile.objects.filter(account=self.account_id).defer("data")
        if not id.isprintable():
            raise errors.NotFound
        file: HostedFile = self.found(own, token=id)
        return file


def _matching(rows: QuerySet[HostedFile], query: Any) -> QuerySet[HostedFile]:
    """Raises Invalid."""
    if words := inputs.words(query, "query", most=LONGEST_NAME):
        rows = rows.filter(name__icontains=words)
    if query.get("onlyImages", "").lower() in _TRUE:
        rows = rows.filter(type__in=IMAGES)
    return rows


def _order(query: Any) -> tuple[str, ...]:
    """Raises Invalid."""
    by = query.get("sortBy") or "date"
    if by not in _COLUMNS:
        raise errors.invalid("sortBy", f"One of {', '.join(_COLUMNS)} is expected.")
    order = (query.get("order") or _USUAL[by]).lower()
    if order not in _SIGNS:
        raise errors.invalid("order", f"One of {', '.join(_SIGNS)} is expected.")
    return f"{_SIGNS[order]}{_COLUMNS[by]}", f"{_SIGNS[order]}id"


def _item(home: str, file: HostedFile) -> dict[str, Any]:
    return {
        "id": file.token,
        "image": file.type in IMAGES,
        "last_upload": dates.written(file.created_at),
        "name": file.name,
        "size": file.size,
        "_links": _links(home, file),
    }


def _links(home: str, file: HostedFile) -> list[relations.Link]:
    """The file shows itself in both sizes (quirk 19): whoever shows it makes it as small as it has to be."""
    public = files.url(file)
    return [
        relations.link(public, "get-file-thumbnail-small"),
        relations.link(public, "get-file-thumbnail-large"),
        relations.link(public, "get-file-content"),
        relations.link(_href(home, file), "delete-file"),
    ]


def _href(home: str, file: HostedFile) -> str:
    return f"{home}/files/{file.token}"
