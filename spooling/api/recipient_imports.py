"""`/api/v1/spoolers/{token}/recipients/`: who gets a campaign, by the call or by the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from earwig import media_types
from earwig.models.api_keys import Scope
from earwig.web import errors
from earwig.web.errors import Problem, Rejected
from earwig.web.views import JsonOnly
from spooling.api import campaign_inputs, campaign_outputs, examples, mail_fields, outputs, uploads
from spooling.api.notes import Notes, Work
from spooling.api.spoolers import SpoolerView
from spooling.campaigns import filling, recipient_imports

#: Recipients of one call; more come as a file.
MOST_RECIPIENTS = 5_000
_RECIPIENT = frozenset(("email", "name", "variables", "tags"))


class CsvParser(uploads.FileParser):
    """The body as the file of a form."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, UploadedFile]:
        return {"file": super().parse(stream, media_type, parser_context)}


class CsvIn(JsonOnly):
    """A CSV file in, by itself or in a form; JSON out."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        media_type = media_types.bare(request.content_type)
        for parser in parsers:
            if parser.media_type == media_type:
                return parser
        raise UnsupportedMediaType(request.content_type, "Send text/csv, or multipart/form-data with a file.")


class RecipientView(SpoolerView):
    """Recipients of a campaign. Adding one stores a mail."""

    scopes = {"POST": Scope.SEND}
    repeatable = ("create",)
    serializer_class = campaign_outputs.FilledOutput

    @extend_schema(
        summary="Add recipients to a campaign",
        description=(
            f"1 to {MOST_RECIPIENTS:,}, all or none. Who is suppressed is stored as blocked; a bulk campaign takes an "
            "address once. 409 once it was launched, unless its lane is transactional."
        ),
        request=examples.RECIPIENTS,
        responses={201: campaign_outputs.FilledOutput},
    )
    def create(self, request: Request, token: str) -> HttpResponse:
        return self.once(self._add)

    @transaction.atomic
    def _add(self) -> tuple[int, Any]:
        spooler = self.get_object()
        entries = read(self.request.data)
        with campaign_inputs.named_fields():
            outcomes = filling.add(spooler, entries, api_key_id=self.credential.key_id, now=timezone.now())
        counts = Counter(outcome.status for outcome in outcomes)
        words = (filling.SPOOLED, filling.BLOCKED, filling.DUPLICATE)
        return 201, {
            **{word: counts[word] for word in words},
            "recipients": [outcome._asdict() for outcome in outcomes],
        }


class RecipientImportView(SpoolerView):
    """Recipients from a CSV file."""

    scopes = {"POST": Scope.SEND}
    repeatable = ("create",)
    parser_classes = [CsvParser, MultiPartParser]
    content_negotiation_class = CsvIn
    serializer_class = outputs.AcceptedJob

    @extend_schema(
        summary="Import recipients from a CSV file",
        description=(
            "As `text/csv`, or as `file` of a form; UTF-8, or the `charset` of its content type (iso-8859-1, "
            "windows-1252). Cells stand between commas, semicolons or tabs. The first line names the columns: `email`, "
            "`name`, `tags` (between commas); each other one is a variable, for which an empty cell says nothing. "
            "`/jobs/{id}/` counts `spooled`, `blocked`, `duplicate` and `refused`; `/jobs/{id}/errors/` is a CSV file "
            "of the refused lines, kept for 7 days."
        ),
        request={
            "text/csv": OpenApiTypes.STR,
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
            },
        },
        responses={202: outputs.AcceptedJob},
    )
    def create(self, request: Request, token: str) -> HttpResponse:
        self.get_object()
        # Before the transaction: SQLite has one writer at a time.
        upload = self._upload()
        return self.once(lambda: self._ask(upload))

    @transaction.atomic
    def _ask(self, upload: recipient_imports.Upload) -> tuple[int, Any]:
        spooler, key_id = self.get_object(), self.credential.key_id
        job = recipient_imports.ask(spooler, upload, api_key_id=key_id, now=timezone.now())
        self.note("spooler.import", spooler)
        return 202, {"job": job.public_id.hex, "state": job.state}

    def _upload(self) -> recipient_imports.Upload:
        form: Mapping[str, Any] = self.request.data  # type: ignore[assignment]  # both parsers give one
        file = form.get("file")
        if not isinstance(file, UploadedFile):
            raise Rejected([Problem(None, "file", "required", "A CSV file.")])
        if (file.size or 0) > settings.MAX_BODY_BYTES:
            # What Django bounds is the rest of a form.
            raise errors.TooLarge
        return recipient_imports.read(file.read(), charset=self._charset(file))

    def _charset(self, file: UploadedFile) -> str:
        """Of the file in a form, or of the body."""
        declared = (file.content_type_extra or {}).get("charset", b"").decode("latin-1") or file.charset
        return declared or (self.request._request.content_params or {}).get("charset", "")


def read(body: Any) -> list[filling.Entry]:
    """The recipients of a body. Raises Rejected with all problems, at most 100."""
    notes = Notes(None, [], Work())
    listed = body.get("recipients") if isinstance(body, dict) else None
    if isinstance(body, dict):
        for name in body.keys() - {"recipients"}:
            notes.add(name[:200], "unknown_field", "There is no such field.")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_RECIPIENTS:
        notes.add("recipients", "invalid", f"A list of 1 to {MOST_RECIPIENTS} recipients.")
        listed = []
    entries = [_entry(value, f"recipients.{number}", notes) for number, value in enumerate(listed)]
    if notes.problems:
        raise Rejected(notes.problems)
    return [entry for entry in entries if entry is not None]


def _entry(value: Any, field: str, notes: Notes) -> filling.Entry | None:
    if not isinstance(value, dict):
        notes.add(field, "wrong_type", "An object with email, and name, variables and tags.")
        return None
    if not value.keys() <= _RECIPIENT:
        mail_fields.unknown(value, _RECIPIENT, field, notes)
    pair = mail_fields.named_address(value, field, notes)
    own, tags = value.get("variables"), value.get("tags")
    own = {} if own is None else mail_fields.variables(own, f"{field}.variables", notes)
    tags = () if tags is None else mail_fields.tags(tags, f"{field}.tags", notes)
    return pair and filling.Entry(email=pair[1], name=pair[0], variables=own, tags=tags)
