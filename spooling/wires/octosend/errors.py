"""What this wire refuses by itself: each carries its status, its slug and what is wrong with which field."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from earwig.errors import EarwigError


class Refused(EarwigError):
    """The call cannot be carried out."""

    code = "invalid"

    def __init__(  # noqa: B042  # never pickled
        self,
        slug: str,
        sentence: str = "",
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence or str(type(self).__doc__))
        self.slug = slug
        self.status = int(status)
        self.fields = dict(fields or {})


class NotFound(Refused):
    """There is nothing here."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__("not-found", sentence, status=HTTPStatus.NOT_FOUND)


class MissingField(Refused):
    """A field is missing."""

    def __init__(self, name: str) -> None:
        super().__init__("missing-field", f"“{name}” is missing.", fields={name: "This field is required."})


class InvalidField(Refused):
    """A field has a value that it cannot have."""

    def __init__(self, name: str, reason: str = "Invalid.") -> None:
        super().__init__("invalid-field", f"“{name}” is invalid: {reason}", fields={name: reason})
