"""SPF records (RFC 7208) read as far as it takes to say whom they let send."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

#: Of mechanisms and modifiers that ask DNS, in one evaluation (RFC 7208 §4.6.4).
MOST_LOOKUPS = 10
_ASKING = frozenset(("include", "a", "mx", "ptr", "exists", "redirect"))
_KNOWN = _ASKING | {"all", "ip4", "ip6"}

_TERM = re.compile(
    r"(?:\+|(?P<no>[?~-]))?(?P<name>[a-z][a-z0-9_.-]*)(?:(?P<mark>[:=])(?P<target>[^/]*))?(?P<lengths>/.*)?\Z",
    re.IGNORECASE,
)

#: What an owner may name, and what of it needs no host.
MECHANISMS = ("include", "a", "mx", "ip4", "ip6", "exists", "ptr")
MECHANISMS_ALONE = ("a", "mx", "ptr")
_TARGET = re.compile(r"[A-Za-z0-9_%{}.-]{1,253}(?:/[0-9]{1,3})?(?://[0-9]{1,3})?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Lookups(Protocol):
    """Where records come from."""

    def texts(self, name: str) -> list[str]: ...

    def addresses(self, name: str) -> set[str]: ...

    def exchanges(self, name: str) -> list[str]: ...


@dataclass(slots=True)
class Policy:
    """Whom the SPF record of a name lets send."""

    #: The records themselves; there must be one.
    records: list[str]
    #: Why receivers could not evaluate it; empty when they can.
    problem: str = ""
    networks: list[Network] = field(default_factory=list)
    #: Names that are included, and hosts whose addresses are meant.
    names: set[str] = field(default_factory=set)
    everybody: bool = False
    lookups: int = 0

    def lets(self, addresses: Iterable[str]) -> bool:
        """Whether each of the addresses, and there is one, may send."""
        wanted = [ipaddress.ip_address(address) for address in addresses]
        return bool(wanted) and all(any(one in network for network in self.networks) for one in wanted)


@dataclass(frozen=True, slots=True)
class _Term:
    #: A modifier; those but `redirect` change nothing here, also unknown ones (§6).
    modifies: bool
    passes: bool
    name: str
    #: Behind the colon, without the lengths of networks.
    target: str
    lengths: str


def read(lookups: Lookups, name: str) -> Policy:
    """The policy of a name, with all that it includes. What the look-ups raise rises."""
    policy = Policy(records=_records(lookups, name))
    if len(policy.records) > 1:
        policy.problem = "There is more than one SPF record: receivers then use none."
    elif policy.records:
        _Walk(lookups, policy).record(policy.records[0], name)
    return policy


class _Walk:
    """Gathers into one policy, until there is a problem."""

    def __init__(self, lookups: Lookups, policy: Policy) -> None:
        self.lookups = lookups
        self.policy = policy
        #: False inside of an include whose match means no.
        self.granting = True

    def record(self, record: str, name: str) -> None:
        terms = [_term(word) for word in record.split()[1:]]
        for term in terms:
            if self.policy.problem:
                return
            if term.name == "all":
                self.policy.everybody |= term.passes and self.granting
                return
            if not term.modifies:
                self._mechanism(term, name)
        # It stands for what no mechanism matched (§6.1).
        for term in [term for term in terms if term.modifies and term.name == "redirect"][:1]:
            self._mechanism(term, name)

    def _mechanism(self, term: _Term, name: str) -> None:
        self.policy.lookups += term.name in _ASKING
        if self.policy.lookups > MOST_LOOKUPS:
            self.policy.problem = f"It takes more than {MOST_LOOKUPS} DNS look-ups: receivers then give up."
        elif term.name not in _KNOWN:
            self.policy.problem = f"It has the unknown term {term.name[:40]}."
        elif "%" in term.target:
            # Macros depend on the mail.
            return
        elif term.name in ("include", "redirect"):
            self._include(term)
        elif term.passes and self.granting:
            self._grant(term, name)

    def _include(self, term: _Term) -> None:
        found = _records(self.lookups, term.target)
        if len(found) != 1:
            number = len(found) or "no"
            self.policy.problem = f"It refers to {term.target[:100]}, which has {number} SPF records."
            return
        granting, self.granting = self.granting, self.granting and term.passes
        if self.granting:
            self.policy.names.add(term.target)
        self.record(found[0], term.target)
        self.granting = granting

    def _grant(self, term: _Term, name: str) -> None:
        if term.name in ("ip4", "ip6"):
            self._network(term.target + term.lengths)
        elif term.name == "a":
            self.policy.names.add(term.target or name)
            self._hosts([term.target or name], term.lengths)
        elif term.name == "mx":
            self._hosts(self.lookups.exchanges(term.target or name)[:MOST_LOOKUPS], term.lengths)

    def _hosts(self, hosts: list[str], lengths: str) -> None:
        four, _, six = lengths.removeprefix("/").partition("//")
        for address in (one for host in hosts for one in sorted(self.lookups.addresses(host))):
            length = six if ":" in address else four
            self._network(f"{address}/{length}" if length else address)

    def _network(self, text: str) -> None:
        try:
            self.policy.networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            self.policy.problem = f"{text[:60]} is no network."


def mechanism(name: str, target: str) -> str:
    """A mechanism as a record has it; the target of `a`, `mx` and `ptr` may be empty. Raises ValueError."""
    if name not in MECHANISMS:
        raise ValueError(f"One of {', '.join(MECHANISMS)}.")
    if name in ("ip4", "ip6"):
        network = ipaddress.ip_interface(target)
        if network.version != int(name[2]):
            raise ValueError("An address of the other kind.")
    elif target and not _TARGET.fullmatch(target) or not (target or name in MECHANISMS_ALONE):
        raise ValueError("The name of a host is expected.")
    return f"{name}:{target}" if target else name


def _records(lookups: Lookups, name: str) -> list[str]:
    return [text for text in lookups.texts(name) if text.lower().partition(" ")[0] == "v=spf1"]


def _term(word: str) -> _Term:
    match = _TERM.match(word)
    if match is None:
        return _Term(False, False, word, "", "")
    target = (match["target"] or "").lower().rstrip(".")
    return _Term(
        match["mark"] == "=", match["no"] is None, match["name"].lower(), target, match["lengths"] or ""
    )
