"""The page that imports message sets: a dry run first, then the same file for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import widgets
from unfold.decorators import action

from earwig import audit
from earwig.admin import pages
from spooling.admin.stages import rows
from spooling.stages import set_files, set_imports

MOST_BYTES = 20 * 1024 * 1024
#: Of a file that is read while the page waits: as many bytes in short lines take minutes and gigabytes.
MOST_LINES = 20_000
#: Lines of the report that a page shows; the command tells all.
MOST_SHOWN = 200


class ImportForm(rows.AccountForm):
    file = forms.FileField(
        widget=widgets.UnfoldAdminFileFieldWidget, help_text=f"CSV in UTF-8: {', '.join(set_files.COLUMNS)}."
    )
    dry_run = forms.BooleanField(
        required=False,
        initial=True,
        widget=widgets.UnfoldBooleanSwitchWidget,
        help_text="Tell what the file would do, and store nothing. Turn it off and choose the file again for good.",
    )

    def clean_file(self) -> str:
        upload = self.cleaned_data["file"]
        if upload.size > MOST_BYTES:
            raise forms.ValidationError(
                f"A file has at most {MOST_BYTES // 1024**2} MiB here; the command takes more."
            )
        try:
            text: str = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8.") from None
        if max(text.count("\n"), text.count("\r")) > MOST_LINES:
            raise forms.ValidationError(
                f"A file has at most {MOST_LINES:,} lines here; the command takes more."
            )
        return text


class ImportingAdmin(pages.AuditedAdmin):
    """A list with a button to import."""

    @action(description="Import", permissions=["operate", "add"])
    def upload(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST or None, request.FILES or None)
        return self.carry_out(request, form, _PAGE, lambda form, now: self._import(request, form, now))

    def _import(self, request: HttpRequest, form: forms.Form, now: datetime) -> HttpResponse:
        account, text, dry_run = (form.cleaned_data[name] for name in ("account", "file", "dry_run"))
        report = set_imports.from_csv(account, text, now=now, dry_run=dry_run)
        if not report.stored:
            context = {"form": form, "media": self.media + form.media, "report": _shown(report), **_PAGE}
            return self.answer(request, "form", context)
        audit.record(
            "import message sets",
            account,
            now=now,
            account=account,
            user=request.user,
            detail=report.figures(),
        )
        self.message_user(request, report.in_words(), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:spooling_messageset_changelist"))


def _shown(report: set_imports.Report) -> SafeString:
    lines: list[tuple[Any, Any]]
    if report.problems:
        lines = [(f"Line {line}", f"{column} {message}") for line, column, message in report.problems]
    else:
        lines = [(done.short_name, done.in_words()) for done in report.sets]
    more = [("…", f"{len(lines) - MOST_SHOWN} more")] if len(lines) > MOST_SHOWN else []
    return format_html(
        '<p class="font-semibold mb-2">{}</p>{}', report.in_words(), rows.lines([*lines[:MOST_SHOWN], *more])
    )


_PAGE = {"title": "Import message sets", "button": "Import"}
