"""What narrows a key, and how it answers: checked, and written as it is stored. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from earwig import addresses, errors
from earwig.models.api_keys import Scope, SendAnswer
from earwig.networks import Network


class Restrictions(TypedDict, total=False):
    """What narrows a key; each may be left out."""

    user: Any
    expires_at: datetime | None
    allowed_ips: Iterable[str]
    allowed_sender_domains: Iterable[str]
    requests_per_minute: int | None
    wire_settings: dict[str, Any]


class Properties(Restrictions, total=False):
    """What may change of a key that is in use."""

    name: str
    scopes: Iterable[str]


def checked(given: Restrictions | Properties) -> Mapping[str, Any]:
    """What is given, by the names of columns and as it is stored. Raises InvalidKey."""
    return {column: _CHECKS[column](value) if column in _CHECKS else value for column, value in given.items()}


def scopes_of(scopes: Iterable[str]) -> list[str]:
    """The scopes in their order. Raises InvalidKey for one that is unknown."""
    asked = set(scopes)
    unknown = asked - set(Scope.values)
    if unknown:
        raise errors.InvalidKey(f"Unknown scope: {min(unknown)[:50]}")
    return [scope for scope in Scope.values if scope in asked]


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks in CIDR form. Raises InvalidKey naming the first that is neither."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise errors.InvalidKey(f"Neither an address nor a network: {text[:50]}") from None
    return tuple(networks)


def domains_of(names: Iterable[str]) -> list[str]:
    """Domain names in their canonical form. Raises InvalidKey naming the first that is none."""
    domains = [addresses.canonical_domain(name.strip()) for name in names]
    for domain in domains:
        if not addresses.is_domain(domain):
            raise errors.InvalidKey(f"Not a domain name: {domain[:50]}")
    return domains


def smtpeter_settings(answer: str) -> dict[str, Any]:
    """Settings that let SMTPeter's `send` answer so. Raises InvalidKey."""
    return wire_settings_of({"smtpeter": {"send_answer": answer}})


def wire_settings_of(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of wires by their names; only what is not as usual is kept. Raises InvalidKey for what no wire knows."""
    if not settings:
        return {}
    answer = settings.get("smtpeter", {}).get("send_answer", SendAnswer.ONE)
    if settings.keys() != {"smtpeter"} or answer not in SendAnswer.values:
        raise errors.InvalidKey("Unknown settings.")
    return {} if answer == SendAnswer.ONE else {"smtpeter": {"send_answer": str(answer)}}


_CHECKS: dict[str, Callable[[Any], object]] = {
    "allowed_ips": lambda texts: [str(network) for network in networks_of(texts)],
    "allowed_sender_domains": domains_of,
    "scopes": scopes_of,
    "wire_settings": wire_settings_of,
}
