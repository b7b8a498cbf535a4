"""Where the caller reached us: the scheme, host and prefix that absolute URLs of an answer begin with."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from earwig.web import authentication

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


def origin_of(request: HttpRequest) -> str:
    """`https://mail.example` and a proxy's prefix. One of TRUSTED_PROXIES is asked what its own caller used, nobody
    else: whoever could write that field could make our links lead elsewhere.
    """
    if not authentication.is_forwarded(request):
        return f"{request.scheme}://{request.get_host()}"
    scheme = _forwarded(request, "PROTO").lower()
    if scheme not in _DEFAULT_PORTS:
        scheme = request.scheme or "http"
    return f"{scheme}://{_host(request, scheme)}{_prefix(request)}"


def absolute(request: HttpRequest, path: str) -> str:
    """A path of ours as the caller can ask for it."""
    return origin_of(request) + path


def _host(request: HttpRequest, scheme: str) -> str:
    host = _forwarded(request, "HOST")
    domain, port = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return request.get_host()
    named = _forwarded(request, "PORT")
    if port or not named.isdecimal() or named == _DEFAULT_PORTS[scheme]:
        return host
    return f"{host}:{named}"


def _prefix(request: HttpRequest) -> str:
    prefix = _forwarded(request, "PREFIX").rstrip("/")
    return prefix if _PREFIX.fullmatch(prefix) else ""


def _forwarded(request: HttpRequest, name: str) -> str:
    """What the nearest proxy wrote: the last value."""
    return str(request.META.get(f"HTTP_X_FORWARDED_{name}", "")).rpartition(",")[2].strip()
