"""`/api/v1/templates/`: what mails say, under a name; every change is a version."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.mixins import DestroyModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from earwig import domains
from earwig.models import Domain
from earwig.web.views import NativeView
from templates_app import conversions, previews, templates, wordings
from templates_app.api import refusals, shapes
from templates_app.api.shapes import Shown
from templates_app.models import Language, Template, TemplateVersion


class TemplateFilter(filters.FilterSet):
    domain = filters.CharFilter(field_name="domain__name", help_text="The sending domain it is named in.")

    class Meta:
        model = Template
        fields = ("name", "language")


class TemplateViewSet(NativeView, DestroyModelMixin, GenericViewSet):
    """Templates of the key's account."""

    filterset_class = TemplateFilter
    serializer_class = shapes.TemplateOutput
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    repeatable = ("create", "restore")
    queryset = Template.objects.none()

    def get_queryset(self) -> QuerySet[Template]:
        own = Template.objects.filter(account=self.credential.account_id)
        return own.select_related("domain").order_by("id")

    @extend_schema(summary="List templates", responses=shapes.TemplateItem(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        latest = templates.latest(page, bodies=False)
        # One that was removed since the page was read has none.
        rows = [Shown(template, latest[template.pk]) for template in page if template.pk in latest]
        return self.get_paginated_response(shapes.TemplateItem(rows, many=True).data)

    @extend_schema(
        summary="Add a template",
        description="Its texts are checked: what is wrong is named with its field and its line.",
        request=shapes.TemplateInput,
        responses={201: shapes.TemplateOutput},
    )
    def create(self, request: Request) -> HttpResponse:
        asked = self._asked()
        # Not inside: converting takes longer than a transaction may.
        with refusals.named():
            language = asked.validated_data.get("language", Language.MUSTACHE.value)
            texts = conversions.applied(asked.texts(), language, **asked.conversions())
        return self.once(lambda: self._add(asked.validated_data, texts))

    @extend_schema(summary="Show a template", responses=shapes.TemplateOutput)
    def retrieve(self, request: Request, id: str) -> Response:
        return Response(_document(self.get_object()))

    @extend_schema(
        summary="Change a template",
        description="What is not given stays. Makes a version, unless it says what the current one says.",
        request=shapes.TemplateInput(partial=True),
        responses=shapes.TemplateOutput,
    )
    def partial_update(self, request: Request, id: str) -> Response:
        return self._change(self.get_object(), self._asked(partial=True), {})

    @extend_schema(
        summary="Replace a template",
        description="What is not given is emptied, but the language stays.",
        request=shapes.TemplateInput,
        responses=shapes.TemplateOutput,
    )
    def update(self, request: Request, id: str) -> Response:
        return self._change(self.get_object(), self._asked(), dict.fromkeys(wordings.FIELDS, ""))

    @extend_schema(summary="Delete a template", description="409 when a message of a set uses it.")
    def destroy(self, request: Request, id: str) -> Response:
        return super().destroy(request)

    @extend_schema(
        summary="List a template's versions, newest first", responses=shapes.VersionItem(many=True)
    )
    @action(detail=True, filterset_class=None)
    def versions(self, request: Request, id: str) -> Response:
        versions = self.get_object().versions.defer("html", "text").order_by("-number")
        page = self.paginate_queryset(versions)
        return self.get_paginated_response(shapes.VersionItem(page, many=True).data)

    @extend_schema(summary="Show a version", responses=shapes.VersionOutput)
    @action(detail=True)
    def version(self, request: Request, id: str, number: str) -> Response:
        return Response(shapes.VersionOutput(self._version(number)).data)

    @extend_schema(
        summary="Restore a version",
        description="A new version says what this one said, unless the current one says it.",
        request=None,
        responses={201: shapes.TemplateOutput},
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, id: str, number: str) -> HttpResponse:
        return self.once(lambda: self._restore(number))

    @extend_schema(
        summary="Preview a template",
        description="As a recipient with these variables would see it. Nothing is sent.",
        request=shapes.PreviewInput,
        responses=shapes.PreviewOutput,
    )
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, id: str) -> Response:
        template = self.get_object()
        asked = shapes.PreviewInput(data=request.data)
        asked.is_valid(raise_exception=True)
        with refusals.named():
            version = _numbered(template, asked.validated_data.get("version"))
            texts = templates.texts_of(version)
            shown = previews.rendered(texts, template.language, asked.validated_data["variables"])
            shown = conversions.applied(shown, Language.PLAIN, **asked.conversions())
            names = previews.names(texts, template.language)
        return Response(shapes.preview(version.number, shown, names))

    @transaction.atomic
    def perform_destroy(self, instance: Template) -> None:
        self.note("delete", instance)
        with refusals.named():
            templates.remove(instance)

    @transaction.atomic
    def _add(self, given: dict[str, Any], texts: dict[str, str]) -> tuple[int, Any]:
        draft = templates.Draft(
            name=given["name"],
            domain=self._domain(given.get("domain")),
            language=given.get("language", Language.MUSTACHE.value),
            texts=texts,
        )
        with refusals.named():
            template = templates.add(self.credential.account_id, draft=draft, now=timezone.now())
        self.note("add", template, fields=self.request.data)
        return 201, _document(template)

    def _change(self, template: Template, asked: shapes.TemplateInput, missing: dict[str, str]) -> Response:
        given = {**asked.validated_data}
        if given.get("language", template.language) != template.language:
            raise refusals.of("language", "conflict", "A template's language stays; add another template.")
        if missing:
            given.setdefault("domain", None)
        with refusals.named():
            changes = self._changes(template, asked, missing)
        with refusals.named(), transaction.atomic():
            if {"name", "domain"} & given.keys():
                self._rename(template, given)
            templates.save(template, changes=changes, now=timezone.now())
            self.note("change", template, fields=self.request.data)
        return Response(_document(template))

    def _changes(
        self, template: Template, asked: shapes.TemplateInput, missing: dict[str, str]
    ) -> dict[str, str]:
        texts = {**missing, **asked.texts()}
        wanted = asked.conversions()
        if any(wanted.values()):
            texts.setdefault("html", templates.current(template).html)
        return conversions.applied(texts, template.language, **wanted)

    def _rename(self, template: Template, given: dict[str, Any]) -> None:
        name = given.get("name", template.name)
        domain = self._domain(given["domain"]) if "domain" in given else template.domain
        if (name, domain) != (template.name, template.domain):
            templates.rename(template, name=name, domain=domain, now=timezone.now())

    @transaction.atomic
    def _restore(self, number: str) -> tuple[int, Any]:
        version = self._version(number)
        with refusals.named():
            templates.restore(version, now=timezone.now())
        self.note("template.restore", version.template)
        return 201, _document(version.template)

    def _asked(self, *, partial: bool = False) -> shapes.TemplateInput:
        asked = shapes.TemplateInput(data=self.request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        return asked

    def _domain(self, name: str | None) -> Domain | None:
        if not name:
            return None
        domain = domains.find(self.credential.account_id, name)
        if domain is None:
            raise refusals.of("domain", "unknown_domain", "The account has no such domain.")
        return domain

    def _version(self, number: str) -> TemplateVersion:
        template = self.get_object()
        version = get_object_or_404(TemplateVersion, template=template, number=int(number))
        version.template = template
        return version


def _numbered(template: Template, number: int | None) -> TemplateVersion:
    if number is None:
        return templates.current(template)
    version = template.versions.filter(number=number).first()
    if version is None:
        raise refusals.of("version", "unknown_version", "The template has no such version.")
    return version


def _document(template: Template) -> Any:
    with refusals.named():
        return shapes.TemplateOutput(Shown(template, templates.current(template))).data
