"""Fields of templates on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from earwig import errors, mailboxes

_TEXT = {"type": "string"}
_OBJECT = {
    "type": "object",
    "properties": {"email": _TEXT, "name": {**_TEXT, "nullable": True}},
    "required": ["email"],
    "additionalProperties": False,
}


@extend_schema_field(
    {"oneOf": [{**_TEXT, "description": "`a@b` or `Name <a@b>`"}, _OBJECT], "nullable": True}
)
class AuthorField(serializers.Field):
    """`a@b`, `Name <a@b>` or `{"email", "name"}`; null is nobody. Gives {"from_email", "from_name"}."""

    default_error_messages = {"wrong_type": "An address: text, or an object with email and name."}

    def to_internal_value(self, data: Any) -> dict[str, str]:
        try:
            name, email = self._parsed(data)
        except errors.InvalidAddress as error:
            raise serializers.ValidationError(error.message, code=error.code) from None
        return {"from_email": email, "from_name": name}

    def _parsed(self, data: Any) -> tuple[str, str]:
        if isinstance(data, str):
            return mailboxes.parse(data)
        if not isinstance(data, dict) or not data.keys() <= {"email", "name"}:
            self.fail("wrong_type")
        email, name = data.get("email"), data.get("name") or ""
        if not isinstance(email, str) or not isinstance(name, str):
            self.fail("wrong_type")
        return mailboxes.checked_name(name), mailboxes.normal(email)

    def to_representation(self, value: Any) -> dict[str, str] | None:
        if not value.from_email:
            return None
        return {"email": value.from_email, "name": value.from_name}


#: What no author is stored as.
NOBODY = {"from_email": "", "from_name": ""}
