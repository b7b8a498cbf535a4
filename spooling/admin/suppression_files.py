"""Suppressions in and out of the admin: the forms, and files that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from unfold import widgets

from earwig import errors
from earwig.models import Account
from spooling import job_records, suppression_imports, suppressions
from spooling.admin.fields import AddressField
from spooling.admin.stages.rows import AccountForm
from spooling.models import Suppression
from spooling.models.spoolers import Lane
from spooling.models.suppressions import SuppressionReason
from spooling.stages.set_files import FORMULA_STARTS

#: Rows of an export that are in memory at once.
CHUNK = 1000
_STREAMS = [("", "All streams"), *Lane.choices]
#: An apostrophe that `lines` put there, at the beginning of a record.
_NEUTRALISED = re.compile(rb"(?m)^(\xef\xbb\xbf)?(\"?)'(?=[=+@-])")


class SuppressionForm(forms.ModelForm):
    stream = forms.ChoiceField(choices=_STREAMS, required=False, widget=widgets.UnfoldAdminSelectWidget)

    class Meta:
        field_classes = {"address": AddressField}

    def clean_domain(self) -> str:
        try:
            return suppressions.checked_domain(self.cleaned_data["domain"])
        except errors.InvalidDomain as refused:
            raise forms.ValidationError(refused.message, code=refused.code) from None


class ImportForm(AccountForm):
    file = forms.FileField(widget=widgets.UnfoldAdminFileFieldWidget)

    def clean_file(self) -> tuple[bytes, job_records.Form]:
        """The file with a header, which one address a line has not."""
        upload = self.cleaned_data["file"]
        if upload.size > settings.MAX_BODY_BYTES:
            raise forms.ValidationError(f"A file has at most {filesizeformat(settings.MAX_BODY_BYTES)}.")
        if upload.name.lower().endswith((".json", ".jsonl", ".ndjson")):
            return upload.read(), job_records.Form.JSON_LINES
        data = _NEUTRALISED.sub(rb"\1\2", upload.read())
        first = data.split(b"\n", 1)[0]
        return (b"address\n" + data if b"@" in first else data), job_records.Form.CSV


class ExportForm(forms.Form):
    account = forms.ModelChoiceField(
        Account.objects.order_by("slug"),
        required=False,
        empty_label="All accounts, and what holds for the whole installation",
        widget=widgets.UnfoldAdminSelectWidget,
    )
    reason = forms.ChoiceField(
        choices=[("", "All reasons"), *SuppressionReason.choices],
        required=False,
        widget=widgets.UnfoldAdminSelectWidget,
    )
    stream = forms.ChoiceField(choices=_STREAMS, required=False, widget=widgets.UnfoldAdminSelectWidget)


def lines(rows: QuerySet[Suppression]) -> Iterator[bytes]:
    """A file of `suppression_imports.COLUMNS`, by CHUNK rows: however many there are, they are never all in memory."""
    yield _csv([suppression_imports.COLUMNS])
    left = rows.exclude(address="").order_by("id")
    chunk = list(left[:CHUNK])
    while chunk:
        yield _csv([_cell(getattr(row, name)) for name in suppression_imports.COLUMNS] for row in chunk)
        chunk = list(left.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def _cell(value: Any) -> str:
    text = value.isoformat() if isinstance(value, datetime) else str(value or "")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv(records: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(records)
    return text.getvalue().encode()
