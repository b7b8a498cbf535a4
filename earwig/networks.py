"""Whether an address is anybody's, or of a private network. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: What translators use (RFC 6052): the last 32 bits are an address of version 4.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
#: All of version 6 that is routed between networks, but the former.
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: What Python's tables of special addresses miss (RFC 6890, RFC 9637).
_SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv6Network("3fff::/20"))


def is_public(text: str) -> bool:
    """Whether packets to this address leave for the internet.

    An address of version 6 that carries others of version 4 is public where all of them are. Raises ValueError.
    """
    return all(_is_global(address) for address in _meanings(ipaddress.ip_address(text)))


def within(text: str, networks: Iterable[Network]) -> bool:
    """Whether the address is of one of the networks; `::ffff:192.0.2.1` is of those of `192.0.2.1`."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((mapped or address) in network for network in networks)


def _meanings(address: Address) -> Iterator[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour:
        yield address.sixtofour
    yield from address.teredo or ()
    if address in _TRANSLATED:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_global(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return address in _TRANSLATED
    special = address.is_multicast or any(address in network for network in _SPECIAL)
    return address.is_global and not special
