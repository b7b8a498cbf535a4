"""What this wire refuses by itself, and the tables that give every error its number (contract §1.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from earwig.errors import EarwigError
from earwig.web import errors as web_errors


class Number(NamedTuple):
    """How a kind of error is known: `status.code`."""

    status: int
    code: int


class Flaw(NamedTuple):
    """A member or parameter, and what is wrong with it."""

    key: str
    detail: str


INVALID = Number(400, 1)
UNAUTHORIZED = Number(401, 0)
BAD_CREDENTIALS = Number(401, 2)
LIMIT_REACHED = Number(402, 1)
FORBIDDEN = Number(403, 0)
NO_ROUTE = Number(404, 0)
NOT_FOUND = Number(404, 1)
TOO_MANY = Number(429, 1)

#: Every kind of error that is ever answered, by its number.
TITLES: dict[Number, str] = {
    INVALID: "Validation error",
    Number(400, 4): "Domain conflict",
    Number(400, 7): "E-mail already used",
    Number(400, 12): "Refused by policy",
    Number(400, 13): "Domain not configured",
    Number(400, 14): "Address not inactive",
    UNAUTHORIZED: "Unauthorized",
    BAD_CREDENTIALS: "Authentication error",
    Number(401, 3): "Token expired",
    LIMIT_REACHED: "Sending limit reached",
    FORBIDDEN: "Forbidden, not enough privileges",
    Number(403, 9): "Impersonation not allowed",
    NO_ROUTE: "Route Not Found",
    NOT_FOUND: "Entity Not Found",
    Number(405, 0): "Method not allowed",
    Number(413, 0): "Payload too large",
    TOO_MANY: "Too many requests",
    Number(500, 0): "Unexpected error",
    Number(503, 0): "Service unavailable",
}
_BY_STATUS = {
    400: INVALID,
    401: BAD_CREDENTIALS,
    403: FORBIDDEN,
    404: NOT_FOUND,
    # This wire knows neither.
    409: INVALID,
    415: INVALID,
    429: TOO_MANY,
}
#: By code, as every wire's table.
NUMBERS: dict[str, Number] = {
    **{code: _BY_STATUS.get(status, Number(status, 0)) for code, status in web_errors.STATUSES.items()},
    "not_authenticated": UNAUTHORIZED,
    "limit_reached": LIMIT_REACHED,
}
_JOINTS = re.compile(", |[, ]")


def page_of(number: Number) -> str:
    """The address of the page about a kind of error, after the base."""
    slug = _JOINTS.sub("-", TITLES[number].lower())
    return f"/docs/errors/{number.status}.{number.code}-{slug}"


class Refused(EarwigError):
    """The call cannot be carried out."""

    code = "invalid"
    number: ClassVar[Number] = INVALID

    @property
    def members(self) -> Mapping[str, Any]:
        """What the error document has beyond the members of all."""
        return {}


class Invalid(Refused):
    """See `errors` field for more details."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(f"{flaw.key}: {flaw.detail}" for flaw in flaws))
        self.flaws = flaws


class Forbidden(Refused):
    """Authentication is done, but you do not have enough privileges."""

    number = FORBIDDEN


class NotFound(Refused):
    """There is no such entity."""

    number = NOT_FOUND


class TokenExpired(Refused):
    """The session has expired; log in again."""

    number = Number(401, 3)


class ImpersonationRefused(Refused):
    """Only staff of the account may act for another user of it."""

    number = Number(403, 9)


class DomainConflict(Refused):
    """The default domain is neither disabled nor deleted: choose another one first."""

    number = Number(400, 4)


class RefusedByPolicy(Refused):
    """What keeps mail from this address is not the account's to lift."""

    number = Number(400, 12)


class DomainNotConfigured(Refused):
    """The account does not send from this domain."""

    number = Number(400, 13)


class AddressNotInactive(Refused):
    """Nothing keeps mail of this domain from the address."""

    number = Number(400, 14)


class TooManyResubscriptions(Refused):
    """As many addresses as a day allows were resubscribed today."""

    number = TOO_MANY


class TooManyReports(Refused):
    """Wait until some of the reports that were asked for are made."""

    number = TOO_MANY


def invalid(key: str, detail: str) -> Invalid:
    """To raise for one member or parameter."""
    return Invalid([Flaw(key, detail)])
