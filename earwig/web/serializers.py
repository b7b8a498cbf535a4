"""Serializers of native resources: unknown fields are errors, and objects of any values are bounded."""

from __future__ import annotations

from itertools import islice
from typing import Any

from rest_framework import serializers

from earwig import variables

#: Unknown fields that an answer names: describing a body's million of them took half a minute.
MOST_NAMED = 100


class StrictSerializer(serializers.Serializer):
    """Refuses what it does not know, by name (`unknown_field`); at most MOST_NAMED of it."""

    def to_internal_value(self, data: Any) -> Any:
        given = data if isinstance(data, dict) else {}
        unknown = list(islice((name for name in given if name not in self.fields), MOST_NAMED))
        if unknown:
            raise serializers.ValidationError(
                {str(name)[:200]: "There is no such field." for name in unknown}, code="unknown_field"
            )
        return super().to_internal_value(data)


class VariablesField(serializers.DictField):
    """An object of any values, of at most `most` bytes as JSON, and within the other bounds of variables."""

    def __init__(self, *, most: int, **options: Any) -> None:
        told = f"At most {most // 1024:,} KiB as JSON, {variables.MOST_VALUES:,} values, {variables.MOST_LEVELS} levels."
        super().__init__(**{"help_text": told, **options})
        self.most = most

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (why := variables.flaw(data, self.most)):
            raise serializers.ValidationError(why, code="variables_refused")
        return super().to_internal_value(data)
