"""Fields of Seed's resources where DRF's own differ from what its clients know."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from earwig.web import bodies, errors

#: What the database keeps in an integer column, whatever the database.
WHOLE = {"min_value": -(2**31), "max_value": 2**31 - 1}


def own(field: serializers.Field, rows: Any) -> QuerySet[Any]:
    """Those of the caller's account: another account's are as unknown as none."""
    found: QuerySet[Any] = rows.filter(account=field.context["view"].credential.account_id)
    return found


class OwnKey(serializers.PrimaryKeyRelatedField):
    """The id of a row of the caller's account."""

    def get_queryset(self) -> QuerySet[Any]:
        return own(self, super().get_queryset())


@extend_schema_field(OpenApiTypes.STR)
class OwnPublicId(serializers.RelatedField):
    """The public id, in hex digits, of a row of the caller's account."""

    default_error_messages = dict(serializers.PrimaryKeyRelatedField.default_error_messages)

    def get_queryset(self) -> QuerySet[Any]:
        return own(self, super().get_queryset())

    def to_internal_value(self, data: Any) -> Any:
        try:
            row = self.get_queryset().filter(public_id=uuid.UUID(data)).first()
        except (AttributeError, TypeError, ValueError):
            row = None
        if row is None:
            self.fail("does_not_exist", pk_value=str(data)[:100])
        return row

    def to_representation(self, value: Any) -> str:
        return str(value.public_id.hex)


class Truth(serializers.BooleanField):
    """In a form, what is not there is not false but not given."""

    default_empty_html = empty


class ObjectField(serializers.JSONField):
    """A JSON object; in a form its text, read with the same bounds as a body."""

    default_error_messages = {"not_an_object": "Expected a JSON object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if getattr(data, "is_json_string", False):
            try:
                data = bodies.load(data.encode())
            except errors.InvalidJson:
                self.fail("invalid")
        if not isinstance(data, dict):
            self.fail("not_an_object")
        return data
