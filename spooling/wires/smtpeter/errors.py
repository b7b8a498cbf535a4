"""What this wire refuses by itself: each carries its status and says what is wrong."""

from __future__ import annotations

from http import HTTPStatus

from earwig.errors import EarwigError


class Refused(EarwigError):
    """The call cannot be carried out."""

    code = "invalid"

    def __init__(self, sentence: str = "", *, status: int = HTTPStatus.BAD_REQUEST) -> None:  # noqa: B042
        super().__init__(sentence or str(type(self).__doc__))
        self.status = int(status)


class NotSecure(Refused):
    """Only HTTPS connections are accepted."""


class NotFound(Refused):
    """There is nothing here."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence, status=HTTPStatus.NOT_FOUND)


class NoSuchMessage(NotFound):
    """No such message"""


class UnknownType(Refused):
    """Send the body as application/json or application/x-www-form-urlencoded."""

    def __init__(self) -> None:
        super().__init__(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


class InvalidField(Refused):
    """A field has a value that it cannot have."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")


class DomainNotConfigured(Refused):
    """The author's domain is not the account's."""

    def __init__(self, domain: str) -> None:
        # Clients look for this sentence.
        super().__init__(f"You cannot send mailings from {domain} without configuring it as sender domain")
