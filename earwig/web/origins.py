"""Where a call comes from, and where it reached us. Of both, TRUSTED_PROXIES are believed and nobody else."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


def client_ip(request: HttpRequest) -> str:
    """The caller's address: the peer's, or if that is one of TRUSTED_PROXIES, whom it forwards for."""
    return peer(request.META)


def peer(meta: Mapping[str, Any]) -> str:
    """As `client_ip`, by the WSGI environment alone."""
    address = str(meta.get("REMOTE_ADDR", ""))
    proxies = tuple(settings.TRUSTED_PROXIES)
    if not proxies:
        return address
    hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while hops and _is_trusted(address, proxies):
        hop = hops.pop().strip()
        if not hop:
            break
        address = hop
    return address


def absolute(request: HttpRequest, path: str) -> str:
    """A path of ours under the scheme, host and prefix that the caller used."""
    return _origin(request) + path


def is_secure(request: HttpRequest) -> bool:
    """Whether the caller used HTTPS, to us or to the proxy before us."""
    return _scheme(request) == "https"


def _origin(request: HttpRequest) -> str:
    """`https://mail.example` and a proxy's prefix. Whoever else could write them could make our links lead elsewhere."""
    scheme = _scheme(request)
    if not _is_forwarded(request):
        return f"{scheme}://{request.get_host()}"
    return f"{scheme}://{_host(request, scheme)}{_prefix(request)}"


def _scheme(request: HttpRequest) -> str:
    own = request.scheme or "http"
    forwarded = _forwarded(request, "PROTO").lower() if _is_forwarded(request) else ""
    return forwarded if forwarded in _DEFAULT_PORTS else own


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


def _is_forwarded(request: HttpRequest) -> bool:
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
