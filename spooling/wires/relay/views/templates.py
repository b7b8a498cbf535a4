"""`templates`, `templates/{id}` and `templates/{id}/body` (contract §4)"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.wires.relay import dates, inputs, outputs, relations, template_texts, wire
from spooling.wires.relay.relations import Link
from templates_app import templates
from templates_app.models import Template, TemplateVersion


class TemplatesView(wire.WireView):
    """The collection."""

    reads = "template"

    def get(self, request: Request) -> HttpResponse:
        page = inputs.page(request.GET, inputs.MOST_ITEMS)
        own = template_texts.of(self.account_id)
        rows = list(own.order_by("-updated_at", "-id")[page.rows])
        versions = templates.latest(rows)
        # One that was removed meanwhile has none.
        items = [_item(self.home, row, versions[row.pk]) for row in rows if row.pk in versions]
        href = f"{self.home}/templates"
        collection = outputs.Collection(
            href=href, relation="get-template-collection", page=page, query=request.GET.dict()
        )
        links = [
            relations.link(href, "experimental", "get-template-collection", "self"),
            relations.link(href, "create-template"),
            *self.ways_home(),
        ]
        return self.answer(collection.document(items, own.count(), links), schema="template-collection-page")

    def post(self, request: Request) -> HttpResponse:
        said = template_texts.read(self.fields(), complete=True)
        with transaction.atomic():
            template = template_texts.add(self.account_id, said, now=timezone.now())
            self.note("add", template)
        href = _href(self.home, template)
        document = outputs.created(
            str(template.public_id),
            "Template successfully created",
            _links_of_creation(self.home, href),
        )
        return self.answer(document, schema="creation-result", status=201, location=href)


class TemplateView(wire.WireView):
    """One of them."""

    reads = "template"

    def get(self, request: Request, id: str) -> HttpResponse:
        template = template_texts.find(self.account_id, id)
        document = _item(self.home, template, templates.current(template))
        document["_links"] += _links_of_body(_href(self.home, template))
        return self.answer(document, schema="template")

    def put(self, request: Request, id: str) -> HttpResponse:
        template = template_texts.find(self.account_id, id)
        said = template_texts.read(self.fields(), complete=False)
        with transaction.atomic():
            template_texts.change(template, said, now=timezone.now())
            self.note("change", template, fields=said)
        return _updated(self, template)

    def delete(self, request: Request, id: str) -> HttpResponse:
        template = template_texts.find(self.account_id, id)
        with transaction.atomic():
            self.note("delete", template)
            templates.remove(template)
        collection = relations.link(f"{self.home}/templates", "experimental", "get-template-collection")
        document = outputs.done("Template successfully deleted", [collection, *self.ways_home()])
        return self.answer(document, schema="message-result")


class BodyView(wire.WireView):
    """What it shows, and what the client's editor wants back."""

    reads = "template-body"

    def get(self, request: Request, id: str) -> HttpResponse:
        template = template_texts.find(self.account_id, id)
        shown = template_texts.shown(template, templates.current(template))
        document: dict[str, Any] = {"name": shown.name, "html": shown.body}
        if shown.mseditor is not None:
            document["mseditor"] = shown.mseditor
        href = _href(self.home, template)
        links = [*_links_of_body(href), relations.link(href, "get-template"), *self.ways_home()]
        return self.answer(document | {"_links": links}, schema="template-body")

    def put(self, request: Request, id: str) -> HttpResponse:
        template = template_texts.find(self.account_id, id)
        fields = self.fields()
        html = fields.text("html")
        if fields.value("html") is None:
            fields.require("html")
        mseditor = template_texts.editors_document(fields)
        fields.finish()
        with transaction.atomic():
            template_texts.change_body(template, html, mseditor, now=timezone.now())
            self.note("change", template, fields=["body"])
        return _updated(self, template)


def _updated(view: wire.WireView, template: Template) -> HttpResponse:
    href = _href(view.home, template)
    links = [relations.link(href, "get-template", "related"), *_links_of_body(href), *view.ways_home()]
    return view.answer(outputs.done("Template successfully updated", links), schema="message-result")


def _href(home: str, template: Template) -> str:
    return f"{home}/templates/{template.public_id}"


def _item(home: str, template: Template, version: TemplateVersion) -> dict[str, Any]:
    shown, href = template_texts.shown(template, version), _href(home, template)
    return {
        "from_name": shown.from_name,
        "from_email": shown.from_email,
        "subject": shown.subject,
        "body": shown.body,
        "name": shown.name,
        "id": str(template.public_id),
        "last_updated": dates.written(template.updated_at),
        "created_at": dates.written(template.created_at),
        "bodyType": shown.body_type,
        "_links": [
            relations.link(href, "get-template"),
            relations.link(f"{href}/message", "create-template-message"),
            relations.link(href, "delete-template"),
            relations.link(href, "edit-template"),
        ],
    }


def _links_of_body(href: str) -> list[Link]:
    return [
        relations.link(f"{href}/body", "get-template-body"),
        relations.link(f"{href}/body", "edit-template-body"),
    ]


def _links_of_creation(home: str, href: str) -> list[Link]:
    """In the order of the source document."""
    collection = f"{home}/templates"
    return [
        relations.link(href, "get-template", "related"),
        relations.link(collection, "create-template", "self"),
        relations.link(href, "delete-template"),
        relations.link(href, "edit-template"),
        relations.link(collection, "experimental", "get-template-collection"),
        relations.link(f"{href}/message", "create-template-message"),
        relations.account_home(home),
        relations.INDEX,
    ]
