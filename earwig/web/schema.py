"""How the OpenAPI document speaks of keys, errors and calls that may be repeated."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "1 to 200 characters of your choice. The same key with the same body within 24 h gets the first "
        "answer again, with `Idempotent-Replayed: true`; with another body 409; while the first call runs "
        "409 with `Retry-After`."
    ),
)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "earwig.web.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token KEY` or `Bearer KEY`; keys are issued in the admin. "
            "A user may send name and password by HTTP Basic instead.",
        }


class ErrorItem(serializers.Serializer):
    index = serializers.IntegerField(allow_null=True, help_text="Which object of the body, from 0.")
    field = serializers.CharField(allow_null=True, help_text="Path of the field, such as recipients.3.email.")
    code = serializers.CharField(help_text="Stable; for programs.")
    message = serializers.CharField(help_text="For people.")


class Errors(serializers.Serializer):
    errors = ErrorItem(many=True)  # type: ignore[assignment]


class NativeSchema(AutoSchema):
    """Adds to each operation the errors that every call can answer, each as a document of the class `error`."""

    error: ClassVar[type[serializers.Serializer]] = Errors

    def get_override_parameters(self) -> list[Any]:
        names = getattr(self.view, "repeatable", ())
        return [IDEMPOTENCY_KEY] if getattr(self.view, "action", None) in names else []

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._error_statuses():
            body = self._get_response_for_code(self.error, status)  # type: ignore[no-untyped-call]
            bodies.setdefault(status, body)
        return dict(sorted(bodies.items()))

    def _error_statuses(self) -> list[str]:
        common = ["400", "401", "403", "429"]
        if "{" in self.path:
            common.append("404")
        if self.method in ("POST", "PUT", "PATCH"):
            common += ["409", "413", "415"]
        if self.method == "DELETE":
            common.append("409")
        return common
