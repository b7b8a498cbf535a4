"""How a client says who it is: PLAIN, and the LOGIN that many clients know alone."""

from __future__ import annotations

import base64

from spooling.smtpd.dialogue import Dialogue


async def plain(server: Dialogue, given: list[str]) -> tuple[str, str] | None:
    """RFC 4616."""
    if given:
        response = _from_base64(given[0])
        if response is None:
            await server.push("501 5.5.2 This is no base64")
            return None
    else:
        challenged = await server.challenge_auth("")
        if not isinstance(challenged, bytes):
            return None
        response = challenged
    parts = response.split(b"\0")
    if len(parts) != 3:
        await server.push("501 5.5.2 PLAIN has three parts")
        return None
    return _text(parts[1]), _text(parts[2])


async def login(server: Dialogue, given: list[str]) -> tuple[str, str] | None:
    """As draft-murchison-sasl-login-00 writes it down."""
    user = _from_base64(given[0]) if given else await server.challenge_auth(server.AuthLoginUsernameChallenge)
    if user is None:
        await server.push("501 5.5.2 This is no base64")
    if not isinstance(user, bytes):
        return None
    secret = await server.challenge_auth(server.AuthLoginPasswordChallenge)
    return (_text(user), _text(secret)) if isinstance(secret, bytes) else None


def _from_base64(text: str) -> bytes | None:
    """RFC 4954 §4: `=` is an empty response."""
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
