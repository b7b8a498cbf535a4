"""Serializers of native resources: unknown fields are errors."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer):
    """Refuses what it does not know, by name (`unknown_field`)."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(
                {str(name)[:200]: "There is no such field." for name in unknown}, code="unknown_field"
            )
        return super().to_internal_value(data)
