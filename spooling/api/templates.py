"""`POST /api/v1/templates/{id}/test/`: a template sent to somebody who wants to see it in a mail program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from earwig import variables as bounds
from earwig.models.api_keys import Scope
from earwig.web.errors import Rejected
from earwig.web.serializers import StrictSerializer, VariablesField
from earwig.web.views import NativeView
from spooling.api import mail_parser, outputs, sending
from templates_app.api.fields import AuthorField
from templates_app.models import Template

#: What tells tests from the rest in lists and reports.
TAG = "template-test"


class TestInput(StrictSerializer):
    to = serializers.CharField(max_length=500, help_text="`a@b` or `Name <a@b>`")
    variables = VariablesField(most=bounds.OF_A_MAIL, default=dict)
    version = serializers.IntegerField(min_value=1, required=False, help_text="Without it the current one.")

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of the language, so it cannot be declared above.
        author = AuthorField(required=False, allow_null=True, help_text="Without it the template's.")
        return {**super().get_fields(), "from": author}


class TemplateTestViewSet(NativeView, GenericViewSet):
    """Test sends of the account's templates."""

    scopes = {"POST": Scope.SEND}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    repeatable = ("test",)
    queryset = Template.objects.none()
    serializer_class = TestInput

    def get_queryset(self) -> QuerySet[Template]:
        return Template.objects.filter(account=self.credential.account_id)

    @extend_schema(
        summary="Send a template to one address",
        description=f"One ordinary mail with these variables, tagged `{TAG}`.",
        request=TestInput,
        responses={201: outputs.Accepted},
    )
    def test(self, request: Request, id: str) -> HttpResponse:
        return self.once(self._send)

    @transaction.atomic
    def _send(self) -> tuple[int, Any]:
        template = self.get_object()
        asked = TestInput(data=self.request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        try:
            letters = mail_parser.parse(_mail(template, asked.validated_data), now=now)
            accepted = sending.accept(letters, self.credential, now)
        except Rejected as error:
            raise _of_a_test(error) from None
        self.note("template.test", template)
        return 201, sending.document(accepted)


def _mail(template: Template, asked: dict[str, Any]) -> dict[str, Any]:
    """The test as a body of `POST /api/v1/mails/`."""
    author = asked.get("from")
    return {
        "template": template.public_id.hex,
        "template_version": asked.get("version"),
        "from": author and {"email": author["from_email"], "name": author["from_name"]},
        "to": asked["to"],
        "variables": asked["variables"],
        "tags": [TAG],
    }


def _of_a_test(error: Rejected) -> Rejected:
    """Problems of the mail by the fields of the test."""
    fields = {"template_version": "version", "to.0": "to"}
    return Rejected(
        [
            replace(problem, index=None, field=fields.get(problem.field or "", problem.field))
            for problem in error.problems
        ]
    )
