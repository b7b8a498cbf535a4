"""What only this wire refuses. The docstring is the start of the answer; the field's name follows."""

from __future__ import annotations


class WireError(Exception):
    """invalid request"""

    status = 400

    def __str__(self) -> str:
        said = self.__doc__ or ""
        return f"{said}: {self.args[0]}" if self.args else said


class MissingParameter(WireError):
    """missing parameter"""


class InvalidParameter(WireError):
    """invalid parameter"""


class InvalidType(WireError):
    """invalid type"""


class InvalidSender(WireError):
    """invalid sender"""


class InvalidSenderJson(WireError):
    """invalid sender JSON"""


class SenderFieldMissing(WireError):
    """sender payload missing field"""


class MalformedBody(WireError):
    """malformed body"""


class BodyTooLarge(WireError):
    """the body is larger than this installation takes"""

    status = 413


class SenderDomainNotAllowed(WireError):
    """the key may not send from this installation's address"""

    status = 403


class NoSuchAttempt(WireError):
    """no such attempt"""


class InvalidSecret(WireError):
    """invalid secret"""


class NoSuchObject(WireError):
    """no such object"""

    status = 404


class FormOutOfDate(WireError):
    """this form is out of date; open the link again"""

    status = 403
