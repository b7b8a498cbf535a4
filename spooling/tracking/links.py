"""The tracked links of one mail, as the programs of its content ask for them."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from earwig.models import Domain
from spooling.tracking import tokens
from templates_app import rendering
from templates_app.rendering import LinkKind

#: The letter of each kind, in the path and in the token.
LETTERS = {LinkKind.CLICK: b"c", LinkKind.UNSUBSCRIBE: b"u", LinkKind.MIRROR: b"m", LinkKind.PIXEL: b"p"}
_WAYS = {kind: (letter, f"/t/{letter.decode()}/") for kind, letter in LETTERS.items()}

#: Numbers of a content's links with targets that all recipients share.
Numbers = Mapping[tuple[LinkKind, str], int]


class MailLinks:
    """Gives one mail's URLs; holds no quote, `&`, `<`, `>` nor blank. The same mail has the same ones on every try."""

    __slots__ = ("_origin", "_sign", "_mail_id", "_numbers")

    def __init__(self, origin: str, sign: tokens.Sign, mail_id: int, numbers: Numbers) -> None:
        self._origin, self._sign, self._mail_id, self._numbers = origin, sign, mail_id, numbers

    def __call__(self, kind: LinkKind, target: str) -> str:
        number = self._numbers.get((kind, target)) if target else 0
        if number is None:
            return self._own(kind, target)
        letter, path = _WAYS[kind]
        return f"{self._origin}{path}{self._sign(letter, self._mail_id, number)}"

    def _own(self, kind: LinkKind, target: str) -> str:
        """The link to a target that only this recipient has. Too long a click is not counted, as it must still work."""
        if len(target.encode("utf-8", "replace")) <= tokens.LONGEST_SEALED:
            letter, path = _WAYS[kind]
            return f"{self._origin}{path}{tokens.seal(letter, self._mail_id, target)}"
        return rendering.direct(target) if kind is LinkKind.CLICK else self(kind, "")


def origin(domain: Domain) -> str:
    """Where the links of a domain lead: its own host, or the installation's."""
    if not domain.tracking_host:
        return str(settings.TRACKING_URL)
    return f"{'https' if domain.tracking_https else 'http'}://{domain.tracking_host}"


def _example(kind: LinkKind, target: str) -> str:
    return f"{settings.TRACKING_URL}{_WAYS[kind][1]}{'A' * 28}"


#: Well-formed URLs for previews, which lead nowhere.
EXAMPLE: rendering.Links = _example
