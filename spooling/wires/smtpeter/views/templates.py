"""`templates` and `template`: what mails say, as open documents (contract §5.5, §6.2)"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from spooling.wires.smtpeter import bodies, errors, sources, template_drafts, template_forms, wire
from templates_app import templates
from templates_app.models import Language, Template, TemplateVersion

#: Templates of one answer: as many as are asked for, up to the second.
USUAL, MOST = 100, 1000
#: Names of the document itself among the forms.
_JSON = ("", "json")


class TemplatesView(wire.WireView):
    """Numbers and names, from the one at `start` on."""

    scopes = wire.READS
    http_method_names = ["get", "head"]

    def get(self, request: Request, start: str = "0", length: str = "") -> HttpResponse:
        first, many = int(start or 0), min(int(length) if length else USUAL, MOST)
        rows = Template.objects.filter(account=self.account_id).order_by("id").values("id", "name")
        return wire.answer(list(rows[first : first + many]))


class TemplateView(wire.WireView):
    """One template by its id or name, in the form that the path names; of POST and PUT the path names only a form."""

    def get(self, request: Request, which: str = "", form: str = "") -> HttpResponse:
        template = self.template(which)
        version = self.version(template)
        if form in _JSON:
            return wire.answer(template_drafts.shown(version))
        pairs = [(name, value) for name, value in request.GET.items() if name != "access_token"]
        return template_forms.answer(version, form, bodies.nested(pairs), now=timezone.now())

    def post(self, request: Request, which: str = "", form: str = "") -> HttpResponse:
        draft = template_drafts.new(self.document(), language=Language.SMARTY)
        self._require_form(which, form)
        with transaction.atomic():
            template = templates.add(self.account_id, draft=draft, now=timezone.now())
            self.note("add", template)
        return self._stored(template, which)

    def put(self, request: Request, which: str = "", form: str = "") -> HttpResponse:
        document = self.document()
        self._require_form(which, form)
        template = self.template(_named(document))
        try:
            with transaction.atomic():
                self._change(template, document)
        except Template.DoesNotExist:
            raise _unknown() from None
        return self._stored(template, which)

    def delete(self, request: Request, which: str = "", form: str = "") -> HttpResponse:
        if form:
            raise errors.NotFound
        template = self.template(which)
        number = template.pk
        try:
            with transaction.atomic():
                self.note("delete", template)
                templates.remove(template)
        except Template.DoesNotExist:
            raise _unknown() from None
        return wire.answer({"id": number})

    def template(self, which: str) -> Template:
        """Raises NotFound."""
        found = sources.find(self.account_id, which) if which else None
        if found is None:
            raise _unknown()
        return found

    def version(self, template: Template) -> TemplateVersion:
        """What the template says now. Raises NotFound."""
        try:
            version = templates.current(template)
        except TemplateVersion.DoesNotExist:
            raise _unknown() from None
        version.template = template
        return version

    def document(self) -> dict[str, Any]:
        """Of the body, which must be JSON: nothing else has the nesting. Raises Refused, UnknownType."""
        if self.request._request.content_type not in ("", bodies.JSON):
            raise errors.UnknownType
        return bodies.read(self.request._request)

    def _change(self, template: Template, document: dict[str, Any]) -> None:
        # Two changes at once come one after the other.
        Template.objects.select_for_update(no_key=True).get(pk=template.pk)
        draft = template_drafts.changed(self.version(template), document)
        now = timezone.now()
        if draft.name != template.name:
            templates.rename(template, name=draft.name, domain=template.domain, now=now)
        templates.save(template, changes=draft.texts, source=draft.source, now=now)
        self.note("change", template)

    def _require_form(self, which: str, form: str) -> None:
        if form or which not in (*_JSON, *template_forms.FORMS):
            raise errors.NotFound("There is no such form of a template.")

    def _stored(self, template: Template, form: str) -> HttpResponse:
        """Where it is from now on, with the token, as clients follow it."""
        path = "/".join(part for part in ("template", str(template.pk), form) if part)
        token = quote(wire.token_of(self.request._request), safe="")
        headers = {"Location": f"{self.address(path)}?access_token={token}"}
        return wire.answer({"id": template.pk}, status=HTTPStatus.CREATED, headers=headers)


def _named(document: dict[str, Any]) -> str:
    """The id of a document, or else its name. Raises InvalidField."""
    told = document.get("id", document.get("name"))
    if isinstance(told, bool) or not isinstance(told, (int, str)) or told == "":
        raise errors.InvalidField("id", "The id or the name of a template is expected.")
    return str(told)


def _unknown() -> errors.NotFound:
    return errors.NotFound("There is no such template.")
