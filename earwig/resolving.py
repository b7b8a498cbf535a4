"""Look-ups in DNS, of the servers in EARWIG_DNS_SERVERS or the system's, within a bounded time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.resolver

from earwig import errors

#: One question, with its repetitions; and one try of it, after which the next server is asked.
LOOKUP_SECONDS = 1.5
TRY_SECONDS = 0.5
#: Aliases in a row that are followed.
MOST_ALIASES = 8
#: What fits unfragmented through any network (DNS flag day 2020); longer answers come by TCP.
_UDP_BYTES = 1232
_PORT = 53
_FAMILIES = ("A", "AAAA")
#: Of a text, what is kept, in characters.
_LONGEST_TEXT = 4_000


class Found(NamedTuple):
    """The records of an answer, and for how many seconds they hold, as the name's zone says."""

    records: list[Any]
    seconds: float


class Resolver:
    """Answers questions until its seconds are over, each question once. Its verbs raise DnsUnanswered."""

    def __init__(
        self, servers: Sequence[str], *, seconds: float, lookup_seconds: float = LOOKUP_SECONDS
    ) -> None:
        self._ends = time.monotonic() + seconds
        self._lookup_seconds = lookup_seconds
        self._resolver = _configured(servers)

    def texts(self, name: str) -> list[str]:
        """The TXT records, each with its strings joined, unprintable characters as question marks."""
        return [_printable(b"".join(record.strings)) for record in self._records(name, "TXT")]

    def addresses(self, name: str) -> set[str]:
        """The addresses of a host, of both families."""
        return {record.address for family in _FAMILIES for record in self._records(name, family)}

    def addresses_for_a_time(self, name: str) -> Found:
        """The addresses of a host, those of version 4 first; of one version where only the other goes unanswered."""
        records, seconds, unanswered = [], [], False
        for family in _FAMILIES:
            try:
                found = self._look_up(name, family)
            except errors.DnsUnanswered:
                unanswered = True
            else:
                records += [record.address for record in found.records]
                seconds.append(found.seconds)
        if unanswered and not records:
            raise errors.DnsUnanswered
        return Found(records, min(seconds))

    def exchanges(self, name: str) -> list[str]:
        """The mail servers of a domain, the preferred first; `""` alone says that it takes no mail (RFC 7505)."""
        return [host for _, host in sorted(self.exchanges_for_a_time(name).records)]

    def exchanges_for_a_time(self, name: str) -> Found:
        """The mail servers of a domain, each with its preference, in any order."""
        found = self._look_up(name, "MX")
        return Found([(record.preference, _host(record.exchange)) for record in found.records], found.seconds)

    def canonical(self, name: str) -> str:
        """The name that an alias stands for in the end; itself where it is none."""
        for _ in range(MOST_ALIASES):
            aliases = self._records(name, "CNAME")
            if not aliases:
                return name
            name = _host(aliases[0].target)
        raise errors.DnsUnanswered

    def _records(self, name: str, type: str) -> list[Any]:
        return self._look_up(name, type).records

    def _look_up(self, name: str, type: str) -> Found:
        absolute = _absolute(name)
        return Found([], 0.0) if absolute is None else self._follow(absolute, type)

    def _follow(self, name: dns.name.Name, type: str) -> Found:
        seconds = float("inf")
        for _ in range(MOST_ALIASES):
            step = self._ask(name, type)
            seconds = min(seconds, step.minimum_ttl)
            # A server may answer an alias and leave its target to the client.
            if step.answer is not None or step.canonical_name == name:
                return Found(list(step.answer or ()), seconds)
            name = step.canonical_name
        raise errors.DnsUnanswered

    def _ask(self, name: dns.name.Name, type: str) -> dns.message.ChainingResult:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise errors.DnsUnanswered
        lifetime = min(left, self._lookup_seconds)
        try:
            return self._resolver.resolve(
                name, type, lifetime=lifetime, raise_on_no_answer=False, search=False
            ).chaining_result
        except dns.resolver.NXDOMAIN as missing:
            chain = next(iter(missing.kwargs["responses"].values())).resolve_chaining()
            # Whatever aliases led there: the end is known.
            return dns.message.ChainingResult(name, None, chain.minimum_ttl, [])
        except dns.exception.DNSException:
            raise errors.DnsUnanswered from None


def server_of(text: str) -> tuple[str, int]:
    """Address and port of `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`. Raises ValueError."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, _PORT
    address, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", _PORT)
    number = int(port)
    if not 0 < number < 65_536:
        raise ValueError(port)
    return address.removeprefix("[").removesuffix("]"), number


def _configured(servers: Sequence[str]) -> dns.resolver.Resolver:
    try:
        resolver = dns.resolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        raise errors.DnsUnanswered("This machine has no name servers: set EARWIG_DNS_SERVERS.") from None
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*server_of(server)) for server in servers]
    resolver.timeout = TRY_SECONDS
    resolver.cache = dns.resolver.LRUCache(200)
    resolver.use_edns(0, 0, _UDP_BYTES)
    return resolver


def _absolute(text: str) -> dns.name.Name | None:
    """The name; None where no such name can be published. Others' records hold any text."""
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError):
        return None


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower().removesuffix(".")


def _printable(octets: bytes) -> str:
    text = octets.decode("utf-8", "replace")[:_LONGEST_TEXT]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
