"""One look at everything that is published for a sending domain, held against what should be. Stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import models
from django.utils import timezone

from earwig import dns_records, domains, errors, spf
from earwig.models import Domain
from earwig.resolving import Resolver

RETIRED = "The key signs no more: it is needed only while its last mails are on their way."
_LONGEST_FOUND = 500


class State(models.TextChoices):
    """What became of a look."""

    #: Published as it should be.
    OK = "ok"
    #: Not there.
    MISSING = "missing"
    #: There, and something else.
    WRONG = "wrong"
    #: No name server answered in time.
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look. Where it is not `needed`, the domain is in order without."""

    state: str
    name: str
    expected: str
    found: str = ""
    sentence: str
    needed: bool = True


def look(domain: Domain, *, seconds: float) -> dict[str, Finding]:
    """What is published for the domain, by check. Takes the seconds at most; stores nothing."""
    looks = _Looks(domain, seconds)
    published = {record.check: record for record in dns_records.of(domain)}
    findings = {name: looks.at(record) for name, record in published.items()}
    return {**findings, dns_records.MX: looks.at(dns_records.mx(domain))}


class _Looks:
    """The looks at one domain's records, which share their time."""

    def __init__(self, domain: Domain, seconds: float) -> None:
        self.domain = domain
        waiting = [key.pk for key in domains.waiting_keys(domain)]
        scheduled = domains.scheduled_keys(domain, now=timezone.now()).values("pk")
        # A key that no longer signs stays published only while its mails are on their way.
        retired = domain.dkim_keys.filter(active=False).exclude(pk__in=waiting).exclude(pk__in=scheduled)
        self.retired = set(map(dns_records.check_of, retired))
        self.optional = {dns_records.OWNERSHIP}
        if not domain.return_path_host:
            # Receivers then ask for the record of the installation's host.
            self.optional.add(dns_records.SPF)
        self.seconds = seconds
        self.resolver: Resolver | None = None

    def at(self, record: dns_records.Record) -> Finding:
        try:
            if self.resolver is None:
                self.resolver = Resolver(settings.EARWIG_DNS_SERVERS, seconds=self.seconds)
            state, found, sentence = _look_of(record.check)(self.resolver, record, self.domain)
        except errors.DnsUnanswered as silence:
            state, found, sentence = State.UNREACHABLE, "", silence.message
        retired = record.check in self.retired
        return Finding(
            state=state.value,
            name=record.name,
            expected=record.value,
            found=found[:_LONGEST_FOUND],
            sentence=RETIRED if retired else sentence,
            needed=not retired and record.check not in self.optional,
        )


#: State, what was found, and a sentence about it.
Seen = tuple[State, str, str]
Look = Callable[[Resolver, dns_records.Record, Domain], Seen]


def _look_of(check: str) -> Look:
    return _LOOKS.get(check, _dkim)


def _dkim(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    texts = resolver.texts(record.name)
    found = " | ".join(texts)
    if not texts:
        return State.MISSING, "", "The key is not published: receivers cannot check signatures."
    if len(texts) > 1:
        return State.WRONG, found, "There is more than one record of this name: receivers may use either."
    if _compact(texts[0]) != _compact(record.value):
        return State.WRONG, found, "Another key is published: receivers refuse the signatures."
    return State.OK, found, "The key is published."


def _spf(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    policy = spf.read(resolver, record.name)
    found = " | ".join(policy.records)
    if not policy.records:
        return State.MISSING, "", "There is no SPF record."
    if policy.problem:
        return State.WRONG, found, policy.problem
    if policy.everybody:
        return State.WRONG, found, "It lets everybody send in this name."
    if not _lets_us(resolver, policy):
        return (
            State.WRONG,
            found,
            f"It does not let this installation send: add {dns_records.spf_mechanism()}",
        )
    return State.OK, found, "It lets this installation send."


def _lets_us(resolver: Resolver, policy: spf.Policy) -> bool:
    if dns_records.spf_mechanism().partition(":")[2].lower() in policy.names:
        return True
    return policy.lets(resolver.addresses(settings.INBOUND_HOST))


def _dmarc(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    for name in _policy_names(domain.name):
        texts = [text for text in resolver.texts(f"_dmarc.{name}") if text.lower().startswith("v=dmarc1")]
        found = " | ".join(texts)
        if len(texts) > 1:
            return State.WRONG, found, "There is more than one DMARC record: receivers then use none."
        if texts and not _is_policy(texts[0]):
            return State.WRONG, found, "It cannot be read: p= is none, quarantine or reject."
        if texts:
            return State.OK, found, "There is a policy." if name == domain.name else f"{name} has a policy."
    return State.MISSING, "", "There is no policy: large receivers ask for one."


def _policy_names(name: str) -> list[str]:
    """Where a policy may stand: the domain and those above it, but a top-level one (RFC 7489 §6.6.3)."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)][:5]


def _is_policy(text: str) -> bool:
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    tags = {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
    return all(mark for _, mark, _ in pairs) and tags.get("p") in ("none", "quarantine", "reject")


def _mx(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    servers = resolver.exchanges(record.name)
    if not servers:
        return (
            State.MISSING,
            "",
            "The domain takes no mail: some receivers refuse authors who cannot be answered.",
        )
    if servers == [""]:
        return State.WRONG, ".", "The domain says that it takes no mail: receivers refuse its authors."
    return State.OK, ", ".join(servers), "The domain takes mail."


def _return_path(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    inbound = settings.INBOUND_HOST.lower()
    servers = resolver.exchanges(record.name)
    if inbound in servers:
        return State.OK, ", ".join(servers), "Bounces come here."
    if servers:
        return State.WRONG, ", ".join(servers), "Bounces go elsewhere."
    # Without an MX record mail goes to the host itself (RFC 5321 §5.1).
    return _same_host(resolver, record.name, inbound, "Bounces come here.", "Bounces go elsewhere.")


def _tracking(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    here, elsewhere = "Tracked links lead here.", "Tracked links of this domain lead elsewhere."
    return _same_host(resolver, record.name, record.value.lower(), here, elsewhere)


def _same_host(resolver: Resolver, name: str, wanted: str, here: str, elsewhere: str) -> Seen:
    """Whether a name is an alias of a host, or has all its addresses there."""
    alias = resolver.canonical(name)
    if alias == wanted:
        return State.OK, alias, here
    found = resolver.addresses(name)
    if not found:
        return State.MISSING, "" if alias == name else alias, "The host has no address."
    ours = {wanted} if dns_records.is_address(wanted) else resolver.addresses(wanted)
    return (
        State.OK if found <= ours else State.WRONG,
        ", ".join(sorted(found)),
        (here if found <= ours else elsewhere),
    )


def _ownership(resolver: Resolver, record: dns_records.Record, domain: Domain) -> Seen:
    texts = resolver.texts(record.name)
    if record.value in map(str.strip, texts):
        return State.OK, record.value, "The account owns the domain."
    if domain.verified_at is not None:
        return State.MISSING, " | ".join(texts), "The domain is verified already: it is no longer needed."
    state = State.WRONG if texts else State.MISSING
    return state, " | ".join(texts), "Published, it proves that the account owns the domain."


def _compact(text: str) -> str:
    return "".join(text.split()).rstrip(";")


_LOOKS: dict[str, Look] = {
    dns_records.DMARC: _dmarc,
    dns_records.SPF: _spf,
    dns_records.MX: _mx,
    dns_records.RETURN_PATH: _return_path,
    dns_records.TRACKING: _tracking,
    dns_records.OWNERSHIP: _ownership,
}
