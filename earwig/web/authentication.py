"""From a request to a credential: `Authorization: Token KEY` or `Bearer KEY`."""

from __future__ import annotations

import functools
import ipaddress
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from earwig import api_keys
from earwig.api_keys import Credential
from earwig.web import errors

_SCHEMES = ("token", "bearer")


def credential_of(request: HttpRequest) -> Credential:
    """Raises NotAuthenticated without a key, UnknownKey or AddressNotAllowed with a wrong one."""
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() not in _SCHEMES or not secret:
        raise errors.NotAuthenticated
    return api_keys.authenticate(secret.strip(), ip=client_ip(request), now=timezone.now())


def credential_in(request: Request) -> Credential:
    """What KeyAuthentication left in a request of DRF."""
    return cast(Credential, request.auth)


def client_ip(request: HttpRequest) -> str:
    """The caller's address: the peer's, or if that is one of TRUSTED_PROXIES, whom it forwards for."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    proxies = tuple(settings.TRUSTED_PROXIES)
    if not proxies:
        return address
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while hops and _is_trusted(address, proxies):
        hop = hops.pop().strip()
        if not hop:
            break
        address = hop
    return address


def is_forwarded(request: HttpRequest) -> bool:
    """The peer is one of TRUSTED_PROXIES: what it says of the caller's own request is true."""
    proxies = tuple(settings.TRUSTED_PROXIES)
    return bool(proxies) and _is_trusted(str(request.META.get("REMOTE_ADDR", "")), proxies)


@functools.lru_cache(maxsize=1024)
def _is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in _network(proxy) for proxy in proxies)


@functools.lru_cache(maxsize=64)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


class KeyAuthentication(BaseAuthentication):
    """`request.auth` is the credential; there is no user."""

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
