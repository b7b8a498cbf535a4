"""Which servers take a domain's mail: looked up in DNS (RFC 5321 §5.1, RFC 7505), and remembered by the process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from django.conf import settings

from earwig import addresses, errors, resolving
from spooling.delivery import exchanges
from spooling.delivery.exchanges import Exchange, Unroutable

#: Bounds of how long an answer is believed, whatever its zone says: of servers, of nothing there, of no answer.
SHORTEST_SECONDS, LONGEST_SECONDS = 30.0, 3600.0
LONGEST_NEGATIVE_SECONDS = 300.0
UNANSWERED_SECONDS = 30.0
#: Domains and hosts that a process remembers.
MOST_REMEMBERED = 20_000
#: For how long a host that could not be reached, or did not serve, is tried last.
BROKEN_SECONDS = 120.0
#: Look-ups at a time; seconds of one with all its questions, and of one question.
PARALLEL = 32
DOMAIN_SECONDS, QUESTION_SECONDS = 12.0, 4.0
#: Answers that come within this time are told together.
TELL_SECONDS = 0.05
#: Hosts of a domain whose addresses are looked up.
MOST_HOSTS = 8

T = TypeVar("T")


class Answer(NamedTuple):
    """What is known of a domain, and until when, of the monotonic clock."""

    servers: tuple[Exchange, ...] | Unroutable
    until: float


class Memory(Generic[T]):
    """What was learned of names, until it is too old; the oldest goes when there is too much."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[T, float]] = OrderedDict()

    def get(self, name: str) -> tuple[T, float] | None:
        """With the moment until which it holds."""
        known = self._known.get(name)
        return known if known is not None and known[1] > time.monotonic() else None

    def keep(self, name: str, value: T, seconds: float) -> float:
        """Answers until when."""
        until = time.monotonic() + seconds
        self._known[name] = value, until
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return until

    def clear(self) -> None:
        self._known.clear()


_domains: Memory[tuple[Exchange, ...] | Unroutable] = Memory()
_hosts: Memory[tuple[str, ...]] = Memory()
_broken: Memory[bool] = Memory()


def forget() -> None:
    """All that this process remembers."""
    for memory in (_domains, _hosts, _broken):
        memory.clear()


def is_broken(address: str) -> bool:
    """Whether this address failed of late."""
    return _broken.get(address) is not None


def note_broken(address: str) -> None:
    """It is tried last for BROKEN_SECONDS."""
    _broken.keep(address, True, BROKEN_SECONDS)


class Lookups:
    """Answers what is known at once, and looks the rest up in threads of its own; `on_answer` is called from these."""

    def __init__(self, on_answer: Callable[[], None]) -> None:
        self._on_answer, self._told_at = on_answer, 0.0
        self._asked: dict[str, Future[Answer]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def find(self, domain: str) -> Answer | None:
        """The servers of a domain; None while they are looked up: ask again after `on_answer` was called."""
        asked = self._asked.get(domain)
        if asked is not None:
            return self._asked.pop(domain).result() if asked.done() else None
        known = _domains.get(domain)
        if known is not None:
            return Answer(*known)
        self._ask(domain)
        return None

    def close(self) -> None:
        """What is under way is left to itself."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, domain: str) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="mx")
        self._asked[domain] = future = self._threads.submit(look_up, domain)
        future.add_done_callback(self._tell)

    def _tell(self, _: Future[Answer]) -> None:
        # Not for each of a thousand: who looks finds the others too, or does so by itself before long.
        if time.monotonic() - self._told_at > TELL_SECONDS:
            self._told_at = time.monotonic()
            self._on_answer()


def look_up(domain: str) -> Answer:
    """Ask the name servers now, whatever is remembered, and remember the answer."""
    if not addresses.is_domain(domain):
        return Answer(exchanges.NO_DOMAIN_NAME, time.monotonic() + LONGEST_SECONDS)
    try:
        resolver = resolving.Resolver(
            settings.EARWIG_DNS_SERVERS, seconds=DOMAIN_SECONDS, lookup_seconds=QUESTION_SECONDS
        )
        servers, seconds = _servers(domain, resolver)
    except errors.DnsUnanswered:
        servers, seconds = exchanges.UNANSWERED, UNANSWERED_SECONDS
    seconds = _bounded(seconds, negative=isinstance(servers, Unroutable))
    return Answer(servers, _domains.keep(domain, servers, seconds))


def _bounded(seconds: float, *, negative: bool) -> float:
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_NEGATIVE_SECONDS if negative else LONGEST_SECONDS)


def _servers(domain: str, resolver: resolving.Resolver) -> tuple[tuple[Exchange, ...] | Unroutable, float]:
    named = resolver.exchanges_for_a_time(domain)
    hosts = sorted((preference, host) for preference, host in named.records if host)
    if named.records and not hosts:
        return exchanges.NULL_MX, named.seconds
    implicit = [(0, domain)]
    found, seconds = _with_addresses(hosts or implicit, resolver)
    if any(exchange.addresses for exchange in found):
        return found, min(seconds, named.seconds)
    return exchanges.NO_ADDRESS if hosts else exchanges.NO_SUCH_DOMAIN, min(seconds, named.seconds)


def _with_addresses(
    hosts: list[tuple[int, str]], resolver: resolving.Resolver
) -> tuple[tuple[Exchange, ...], float]:
    """Raises DnsUnanswered where no host has an address and not all of them were answered for."""
    found, shortest, unanswered = [], LONGEST_SECONDS, False
    for preference, host in hosts[:MOST_HOSTS]:
        try:
            known, seconds = _addresses(host, resolver)
        except errors.DnsUnanswered:
            known, seconds, unanswered = (), UNANSWERED_SECONDS, True
        found.append(Exchange(preference=preference, host=host, addresses=known))
        shortest = min(shortest, seconds)
    if unanswered and not any(exchange.addresses for exchange in found):
        raise errors.DnsUnanswered
    return tuple(found), shortest


def _addresses(host: str, resolver: resolving.Resolver) -> tuple[tuple[str, ...], float]:
    known = _hosts.get(host)
    if known is not None:
        return known[0], known[1] - time.monotonic()
    found = resolver.addresses_for_a_time(host)
    seconds = _bounded(found.seconds, negative=not found.records)
    _hosts.keep(host, tuple(found.records), seconds)
    return tuple(found.records), seconds
