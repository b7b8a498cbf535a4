"""Templates: what they say, every version of it, how it looks with sample variables, and what changed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import Max, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action

from earwig.admin import pages
from earwig.errors import EarwigError
from earwig.web import customer_content
from templates_app import differences, previews, templates
from templates_app.admin import editing, versions
from templates_app.admin.forms import ComparisonForm, PreviewForm, TemplateForm
from templates_app.errors import TemplateRefused
from templates_app.models import Template, TemplateVersion


class VersionInline(TabularInline):
    """Versions are read, never written."""

    model = TemplateVersion
    verbose_name_plural = "Versions"
    hide_title = True
    extra = 0
    can_delete = False
    ordering = ("-number",)
    per_page = 20
    fields = readonly_fields = ("page", "subject", "created_at", "changes")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TemplateVersion]:
        versions: QuerySet[TemplateVersion] = super().get_queryset(request)
        return versions.defer("html", "text")

    @admin.display(description="Version")
    def page(self, version: TemplateVersion) -> SafeString:
        return format_html(
            '<a class="underline" href="{}">{}</a>', pages.page_of(version), f"Version {version.number}"
        )

    @admin.display(description="What it changed")
    def changes(self, version: TemplateVersion) -> SafeString | str:
        if version.number == 1:
            return "It is the first."
        before = version.number - 1
        page = reverse("admin:templates_app_template_compare", args=(version.template_id,))
        link = '<a class="underline" href="{}?old={}&amp;new={}">From version {}</a>'
        return format_html(link, page, before, version.number, before)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Template)
class TemplateAdmin(pages.AuditedAdmin):
    form = TemplateForm
    list_display = ("name", "account", "domain", "language", "version", "updated_at")
    list_filter = ("language", "account")
    list_select_related = ("account", "domain")
    search_fields = ("name",)
    ordering = ("account", "name")
    actions_detail = ("preview", "compare")
    # Labels stand above: what is typed has the width.
    compressed_fields = False
    change_form_after_template = "templates_app/admin/editor.html"
    inlines = (VersionInline,)
    fieldsets = (
        (None, {"fields": (("account", "domain"), ("name", "language"))}),
        ("What it says", {"fields": (("from_email", "from_name"), "subject", "html", "text", "seen")}),
        ("When it is saved", {"fields": ("inline_css", "text_from_html")}),
    )

    class Media:
        css = {"all": ("templates_app/editor.css",)}
        js = ("templates_app/editor.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        return super().get_queryset(request).annotate(latest=Max("versions__number"))  # type: ignore[no-any-return]

    @admin.display(description="Version")
    def version(self, template: Any) -> int:
        return int(template.latest)

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> tuple[str, ...]:
        return ("account", "language") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Template | None) -> Any:
        return self.inlines if obj else ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = self._editor(request, object_id) | (extra_context or {})
        try:
            return super().changeform_view(request, object_id, form_url, context)  # type: ignore[no-any-return]
        except EarwigError as refused:
            # Somebody took the name since the form looked.
            self.message_user(request, refused.message, messages.ERROR)
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        now = timezone.now()
        if not change:
            obj.pk = templates.add(obj.account_id, draft=form.draft, now=now).pk
            return
        if {"name", "domain"} & set(form.changed_data):
            templates.rename(obj, name=form.draft.name, domain=form.draft.domain, now=now)
        templates.save(obj, changes=form.draft.texts, now=now)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Versions are deleted by nobody, but go with their template."""
        deleted, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, forbidden - {TemplateVersion._meta.verbose_name}, protected

    def get_urls(self) -> list[URLPattern]:
        views = (("frame", "<int:pk>/frame/", self.show_frame), ("draft", "draft/", self.show_draft))
        own = [
            path(route, self.admin_site.admin_view(view), name=self._name(what))
            for what, route, view in views
        ]
        return [*own, *super().get_urls()]

    def _name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def _editor(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """For the page of a form, not of a template that is only looked at."""
        allowed = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        if not allowed:
            return {}
        template = self.get_object(request, object_id) if object_id else None
        samples = editing.samples(template) if template else {}
        typed = request.POST.get("sample_variables")
        return {
            "editor_href": reverse(f"admin:{self._name('draft')}"),
            "samples": typed or json.dumps(samples, indent=2, ensure_ascii=False),
        }

    def show_draft(self, request: HttpRequest) -> HttpResponse:
        """What the editor asks while somebody types: the mail as it would be, or what is wrong with it."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        answer = JsonResponse(editing.answer(editing.DraftForm(request.POST)))
        answer["Cache-Control"] = "private, no-store"
        return answer

    @action(description="Preview", permissions=["view"])
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        template = pages.row_or_404(Template, object_id)
        form = PreviewForm(_asked(request, "number"), template=template, initial=_samples(template))
        shown = self._rendered(form)
        query = urlencode({name: request.GET.get(name, "") for name in form.fields})
        frame = f"{reverse('admin:' + self._name('frame'), args=(template.pk,))}?{query}"
        context = {"title": f"Preview of {template.name}", "form": form, "shown": shown, "frame": frame}
        return self._page(request, "preview", template, context)

    def show_frame(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The preview's HTML, which is the customer's and goes into a frame alone."""
        if not self.has_view_permission(request):
            raise Http404
        shown = self._rendered(PreviewForm(request.GET, template=pages.row_or_404(Template, pk)))
        if shown is None:
            raise Http404
        return customer_content.page(shown["html"])

    @action(description="Compare", permissions=["view"])
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        template = pages.row_or_404(Template, object_id)
        number = templates.current(template).number
        initial = {"old": max(number - 1, 1), "new": number}
        form = ComparisonForm(_asked(request, "old") or initial, template=template)
        changes = None
        if form.is_valid():
            old, new = (templates.texts_of(form.version(field)) for field in ("old", "new"))
            changes = {name: versions.shown(lines) for name, lines in differences.between(old, new).items()}
        context = {"title": f"Versions of {template.name}", "form": form, "changes": changes}
        return self._page(request, "comparison", template, context)

    def _rendered(self, form: PreviewForm) -> dict[str, str] | None:
        """What the form asks for; None where it, or the rendering, is refused, which the form tells."""
        if not (form.is_bound and form.is_valid()):
            return None
        texts = templates.texts_of(form.version("number"))
        try:
            return previews.rendered(texts, form.template.language, form.cleaned_data["variables"])
        except TemplateRefused as refused:
            form.add_error(None, refused.message)
            return None

    def _page(
        self, request: HttpRequest, name: str, template: Template, context: dict[str, Any]
    ) -> HttpResponse:
        form: forms.Form = context["form"]
        frame = self.admin_site.each_context(request) | {"opts": self.opts, "original": template}
        media = {"media": self.media + form.media}
        return TemplateResponse(request, f"templates_app/admin/{name}.html", frame | media | context)


def _asked(request: HttpRequest, field: str) -> QueryDict | None:
    """The query as a form's data; None where the page was opened without one."""
    return request.GET if field in request.GET else None


def _samples(template: Template) -> dict[str, Any]:
    """To begin with: the current version, each variable with its own name for a value."""
    return {
        "number": templates.current(template).number,
        "variables": json.dumps(editing.samples(template), indent=2, ensure_ascii=False),
    }
