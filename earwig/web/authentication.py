"""From a request to a credential: `Authorization: Token KEY`, `Bearer KEY`, or HTTP Basic with a user's name and
password.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, cast

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from earwig import api_keys, logins
from earwig.credentials import Credential
from earwig.web import errors, origins


def credential_of(request: HttpRequest) -> Credential:
    """Raises NotAuthenticated without a key or a password, UnknownKey (WrongLogin), AddressNotAllowed or
    TooManyLogins with a wrong one.
    """
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    read = _SCHEMES.get(scheme.lower())
    if read is None:
        raise errors.NotAuthenticated
    return read(_one_word(scheme.lower(), given), origins.client_ip(request), timezone.now())


def _one_word(scheme: str, given: str) -> str:
    words = given.split()
    if not words:
        raise errors.MalformedAuthorization(f"Invalid {scheme} header. No credentials provided.")
    if len(words) > 1:
        word = "Credentials" if scheme == "basic" else "Token"
        raise errors.MalformedAuthorization(
            f"Invalid {scheme} header. {word} string should not contain spaces."
        )
    return words[0]


def _by_key(secret: str, ip: str, now: datetime) -> Credential:
    return api_keys.authenticate(secret, ip=ip, now=now)


def _by_password(encoded: str, ip: str, now: datetime) -> Credential:
    username, password = _decoded(encoded)
    return logins.authenticate(username, password, ip=ip, now=now)


def _decoded(encoded: str) -> tuple[str, str]:
    """RFC 7617: base64 of `name:password`, in UTF-8 or, from old clients, Latin-1."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise errors.MalformedAuthorization(
            "Invalid basic header. Credentials not correctly base64 encoded."
        ) from None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    username, _, password = text.partition(":")
    return username, password


_SCHEMES = {"token": _by_key, "bearer": _by_key, "basic": _by_password}


def credential_in(request: Request) -> Credential:
    """What KeyAuthentication left in a request of DRF."""
    return cast(Credential, request.auth)


class KeyAuthentication(BaseAuthentication):
    """`request.auth` is the credential; `request.user` stays empty."""

    def authenticate(self, request: Request) -> tuple[Any, Credential]:
        return None, credential_of(request._request)

    def authenticate_header(self, request: Request) -> str:
        return "Token"


class HasScope(BasePermission):
    """The key has the scope that the view's `scopes` names for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in view.scopes:
            credential_in(request).require(view.scopes[request.method])
        return True
