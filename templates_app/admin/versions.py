"""One version of a template, to be read, compared with the one before, and restored."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from earwig.admin import pages
from earwig.errors import EarwigError
from earwig.models import Account
from templates_app import differences, templates
from templates_app.models import TemplateVersion

_COLOURS = {"+": "background: #16a34a33", "-": "background: #dc262633", "@": "opacity: 0.5"}


@admin.register(TemplateVersion)
class TemplateVersionAdmin(pages.ReadOnlyAdmin):
    list_select_related = ("template",)
    actions_detail = ("restore",)
    fieldsets = (
        (None, {"fields": ("page", ("number", "created_at"), ("from_email", "from_name"), "subject")}),
        ("HTML", {"fields": ("html_source",), "classes": ("tab",)}),
        ("Text", {"fields": ("text_source",), "classes": ("tab",)}),
        ("Changes", {"fields": ("changes",), "classes": ("tab",)}),
    )

    def account_of(self, obj: TemplateVersion) -> Account:
        account: Account = obj.template.account
        return account

    def has_module_permission(self, request: HttpRequest) -> bool:
        """They are reached from their template."""
        return False

    @admin.display(description="Template")
    def page(self, version: TemplateVersion) -> SafeString:
        link = '<a class="underline" href="{}">{}</a>'
        return format_html(link, pages.page_of(version.template), version.template.name)

    @admin.display(description="HTML")
    def html_source(self, version: TemplateVersion) -> SafeString:
        return _source(version.html)

    @admin.display(description="Text")
    def text_source(self, version: TemplateVersion) -> SafeString:
        return _source(version.text)

    @admin.display(description="From the version before")
    def changes(self, version: TemplateVersion) -> SafeString | str:
        before = version.template.versions.filter(number__lt=version.number).order_by("number").last()
        if before is None:
            return "It is the first."
        changes = differences.between(templates.texts_of(before), templates.texts_of(version))
        parts = ((field, shown(lines)) for field, lines in changes.items())
        return format_html_join("", '<p class="font-semibold">{}</p>{}', parts)

    @action(
        description="Restore",
        permissions=["operate"],
        dialog=pages.asks("Restore", "A new version says what this one says; mails say so from now on."),
    )
    def restore(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        version = pages.row_or_404(TemplateVersion.objects.select_related("template"), object_id)
        try:
            restored = templates.restore(version, now=timezone.now())
        except EarwigError as refused:
            self.message_user(request, refused.message, messages.ERROR)
        else:
            self.note(request, "template.restore", version)
            self.message_user(request, f"It is version {restored.number} now.", messages.SUCCESS)
        return pages.moved_to(version.template)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("template__account")


def shown(lines: list[differences.Line]) -> SafeString:
    """Changed lines, everything escaped."""
    rows = ((_COLOURS.get(line.kind, ""), f"{line.kind} {line.text}".lstrip("@")) for line in lines)
    joined = format_html_join("", '<div style="{}">{}</div>', rows)
    return format_html(
        '<pre class="mb-4 whitespace-pre-wrap break-words" style="font-family: monospace">{}</pre>', joined
    )


def _source(text: str) -> SafeString:
    return format_html(
        '<pre class="whitespace-pre-wrap break-words" style="font-family: monospace">{}</pre>', text
    )
