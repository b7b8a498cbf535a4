"""The servers that a domain names for its mail: which of them may be tried, in which order. Pure."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

from earwig import networks
from spooling.delivery.smtp_commands import Endpoint

#: Endpoints that one connection tries at most.
MOST_ENDPOINTS = 8
#: As long as the names of shapes may be.
LONGEST_NAME = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A host that takes a domain's mail: those of the least preference first (RFC 5321 §5.1)."""

    preference: int
    host: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unroutable:
    """No server can be tried: for good, or for now. Code and text are what a server would have said."""

    code: int
    enhanced: str
    text: str


NO_SUCH_DOMAIN = Unroutable(code=550, enhanced="5.1.2", text="The domain does not exist, or takes no mail.")
NO_DOMAIN_NAME = Unroutable(code=550, enhanced="5.1.2", text="Mail goes to domains, not to this host.")
NULL_MX = Unroutable(code=556, enhanced="5.1.10", text="The domain says that it takes no mail.")
NO_ADDRESS = Unroutable(code=550, enhanced="5.4.4", text="None of the domain's servers has an address.")
PRIVATE = Unroutable(
    code=550, enhanced="5.4.4", text="The domain's servers are in a private network, which is not allowed."
)
LOOP = Unroutable(code=554, enhanced="5.4.6", text="The mail for this domain would come back to this server.")
UNANSWERED = Unroutable(code=451, enhanced="4.4.3", text="The name servers gave no answer for this domain.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a router allows. Its own names, in lower case, end a loop."""

    own_names: frozenset[str]
    allow_private: bool


def reachable(exchanges: Iterable[Exchange], policy: Policy) -> tuple[Exchange, ...] | Unroutable:
    """The exchanges that may be tried, with the addresses that may be connected to; those of one preference in any
    order. Where one is this server, only what comes before it (RFC 5321 §5.1).
    """
    listed = list(exchanges)
    own = [exchange.preference for exchange in listed if exchange.host in policy.own_names]
    nearer = [exchange for exchange in listed if not own or exchange.preference < min(own)]
    if not nearer:
        return LOOP if own else NO_ADDRESS
    allowed = [replace(exchange, addresses=_allowed(exchange.addresses, policy)) for exchange in nearer]
    usable = tuple(exchange for exchange in allowed if exchange.addresses)
    if usable:
        return usable
    return PRIVATE if any(exchange.addresses for exchange in nearer) else NO_ADDRESS


def _allowed(addresses: Iterable[str], policy: Policy) -> tuple[str, ...]:
    return tuple(each for each in addresses if policy.allow_private or networks.is_public(each))


def ordered(exchanges: Iterable[Exchange], dice: random.Random) -> list[Exchange]:
    """By preference, those of one preference in an order of chance (RFC 5321 §5.1)."""
    found = []
    for _, equal in groupby(sorted(exchanges, key=_preference), key=_preference):
        group = list(equal)
        dice.shuffle(group)
        found += group
    return found


def _preference(exchange: Exchange) -> int:
    return exchange.preference


def endpoints(exchanges: Iterable[Exchange], port: int) -> list[Endpoint]:
    """All addresses of all exchanges, in their order."""
    return [
        _endpoint(exchange.host, address, port) for exchange in exchanges for address in exchange.addresses
    ]


def _endpoint(host: str, address: str, port: int) -> Endpoint:
    if ipaddress.ip_address(address).version == 6:
        return Endpoint(host, socket.AF_INET6, (address, port, 0, 0))
    return Endpoint(host, socket.AF_INET, (address, port))


def name_of(exchanges: Collection[Exchange]) -> str:
    """What domains with the same servers share: the hosts in the order of preference."""
    by_name = sorted(exchanges, key=lambda exchange: (exchange.preference, exchange.host))
    name = " ".join(dict.fromkeys(exchange.host for exchange in by_name))
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME - 17]} {sha256(name.encode()).hexdigest()[:16]}"


class Route:
    """The way to a site's servers, for the SMTP client: preferred hosts first, those that broke of late last."""

    def __init__(
        self,
        exchanges: Sequence[Exchange],
        port: int,
        *,
        is_broken: Callable[[str], bool],
        note_broken: Callable[[str], None],
    ) -> None:
        self._exchanges, self._port = exchanges, port
        self._is_broken, self._note_broken = is_broken, note_broken
        self._dice = random.Random()

    def endpoints(self) -> list[Endpoint]:
        """At most MOST_ENDPOINTS."""
        found = endpoints(ordered(self._exchanges, self._dice), self._port)
        return sorted(found, key=lambda each: self._is_broken(each.address[0]))[:MOST_ENDPOINTS]

    def broke(self, endpoint: Endpoint) -> None:
        """This one is tried last for a while."""
        self._note_broken(endpoint.address[0])
