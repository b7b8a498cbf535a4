"""`templates/domain/{d}/…`"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import media_types
from earwig.models import Domain
from spooling.wires.octosend import errors, filters, inputs, outputs, wire
from templates_app import templates
from templates_app.models import Language, Template

#: Where a template of each type keeps what it says (quirk 15).
FIELDS = {outputs.HTML: "html", outputs.TEXT: "text"}


def _named(domain: Domain, parameters: inputs.Parameters) -> Template:
    """Raises MissingField, NotFound."""
    name = parameters.text("name", required=True)
    template = Template.objects.filter(account=domain.account_id, domain=domain, name=name).first()
    if template is None:
        raise errors.NotFound("There is no such template.")
    return template


def _field_of(template: Template) -> str:
    return "html" if templates.current(template).html else "text"


def _metadata(template: Template) -> HttpResponse:
    return wire.answer(outputs.template(template, is_html=_field_of(template) == "html"))


class CountView(wire.WireView):
    """How many templates match."""

    scopes = wire.READS

    def post(self, request: Request, name: str) -> HttpResponse:
        domain = self.domain(name)
        return wire.answer(filters.templates(domain, self.parameters()).count())

    get = post


class FetchView(wire.WireView):
    """The templates that match, by name."""

    scopes = wire.READS

    def post(self, request: Request, name: str) -> HttpResponse:
        domain, parameters = self.domain(name), self.parameters()
        page = parameters.page()
        order = ("-name", "-id") if page.reverse else ("name", "id")
        rows = filters.templates(domain, parameters).order_by(*order)[page.rows]
        return wire.answer([outputs.template(row, is_html=row.is_html) for row in rows])


class GetView(wire.WireView):
    """One template, without what it says."""

    scopes = wire.READS

    def post(self, request: Request, name: str) -> HttpResponse:
        domain = self.domain(name)
        return _metadata(_named(domain, self.parameters()))


class GetContentView(wire.WireView):
    """What a template says."""

    scopes = wire.READS

    def post(self, request: Request, name: str) -> HttpResponse:
        domain = self.domain(name)
        version = templates.current(_named(domain, self.parameters()))
        return wire.answer(version.html or version.text)


class CreateView(wire.WireView):
    """A new template."""

    def post(self, request: Request, name: str) -> HttpResponse:
        domain, parameters = self.domain(name), self.parameters()
        parameters.require("name", "type", "content")
        kind = media_types.bare(parameters.text("type"))
        if kind not in FIELDS:
            raise parameters.invalid("type", f"One of {', '.join(FIELDS)}.")
        draft = templates.Draft(
            name=parameters.text("name"),
            domain=domain,
            language=Language.BRACES,
            texts={FIELDS[kind]: parameters.text("content")},
        )
        with transaction.atomic():
            template = templates.add(self.account_id, draft=draft, now=timezone.now())
            self.note("add", template)
        return wire.answer(outputs.template(template, is_html=kind == outputs.HTML))


class SetContentView(wire.WireView):
    """Another wording, of the same type."""

    def post(self, request: Request, name: str) -> HttpResponse:
        domain, parameters = self.domain(name), self.parameters()
        parameters.require("name", "content")
        template = _named(domain, parameters)
        changes = {_field_of(template): parameters.text("content")}
        with transaction.atomic():
            templates.save(template, changes=changes, now=timezone.now())
            self.note("change", template, fields=["content"])
        return _metadata(template)


class RemoveView(wire.WireView):
    """Deletes a template."""

    def post(self, request: Request, name: str) -> HttpResponse:
        domain = self.domain(name)
        template = _named(domain, self.parameters())
        with transaction.atomic():
            self.note("delete", template)
            templates.remove(template)
        return wire.answer(True)
