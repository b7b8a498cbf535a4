"""What the owner of a sending domain publishes in DNS, and what proves that it is theirs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings

from earwig import sealing
from earwig.models import DkimKey, Domain

#: A policy that asks for nothing, which the large receivers ask for (RFC 7489 §6.3).
DMARC_POLICY = "v=DMARC1; p=none"
#: Where reports on it come in, at each host that takes mail here.
DMARC_MAILBOX = "dmarc"
OWNERSHIP, SPF, DMARC, MX, RETURN_PATH, TRACKING = (
    "ownership",
    "spf",
    "dmarc",
    "mx",
    "return_path",
    "tracking",
)

_PURPOSE = "domain-ownership"
_CHARACTER_STRING = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One DNS record to publish; `check` names the look that sees it."""

    check: str
    name: str
    type: str
    value: str

    def zone_line(self) -> str:
        """As a zone file has it: strings of 255 characters at most (RFC 1035 §3.3.14), whole names end in a dot."""
        if self.type != "TXT":
            return f"{self.name}. {self.type} {self.value}{'' if is_address(self.value) else '.'}"
        starts = range(0, len(self.value), _CHARACTER_STRING)
        parts = [self.value[start : start + _CHARACTER_STRING] for start in starts]
        return f"{self.name}. TXT " + " ".join(f'"{part}"' for part in parts)  # noqa: B907


def of(domain: Domain) -> list[Record]:
    """Everything to publish for a domain as it is set up now; keys that sign first."""
    keys = domain.dkim_keys.order_by("-active", "selector")
    return [
        *(_record(check_of(key), key_name(domain, key), "TXT", key.public_record) for key in keys),
        _record(DMARC, f"_dmarc.{domain.name}", "TXT", dmarc_policy(domain)),
        _record(SPF, spf_name(domain), "TXT", spf_policy(domain)),
        *_of_hosts(domain),
        ownership(domain),
    ]


def _of_hosts(domain: Domain) -> list[Record]:
    found = []
    if domain.return_path_host:
        found.append(_record(RETURN_PATH, domain.return_path_host, "MX", f"10 {settings.INBOUND_HOST}"))
    if domain.tracking_host:
        target = installation_tracking_host()
        found.append(_record(TRACKING, domain.tracking_host, _type_of(target), target))
    return found


def ownership(domain: Domain) -> Record:
    """Proves that whoever publishes it has this domain in this account."""
    token = sealing.token_of(_PURPOSE, f"{domain.account_id}:{domain.name}")
    return _record(OWNERSHIP, f"_earwig.{domain.name}", "TXT", f"earwig-verification={token}")


def mx(domain: Domain) -> Record:
    """What is looked at and not published for us: whose server it is, is the owner's affair."""
    return _record(MX, domain.name, "MX", "any mail server")


def check_of(key: DkimKey) -> str:
    """The name of the look at a key's record."""
    return f"dkim:{key.selector}"


def key_name(domain: Domain, key: DkimKey) -> str:
    """Where a key's record stands (RFC 6376 §3.6.2.1)."""
    return f"{key.selector}._domainkey.{domain.name}"


def spf_name(domain: Domain) -> str:
    """Whose SPF record counts: the return path's host is what receivers ask for; without one the domain's own."""
    return domain.return_path_host or domain.name


def spf_policy(domain: Domain) -> str:
    """Lets this installation send, and whom else the owner names."""
    return " ".join(("v=spf1", spf_mechanism(), *domain.spf_mechanisms, "~all"))


def dmarc_policy(domain: Domain) -> str:
    """What the owner wants receivers to do (RFC 7489 §6.3). Reports come here too where the domain's bounces do:
    elsewhere receivers would send none without its consent (§7.1).
    """
    wanted = domain.dmarc_policy
    if not wanted:
        return DMARC_POLICY
    tags = [DMARC_POLICY.partition("; ")[0], f"p={wanted.get('policy', 'none')}"]
    if wanted.get("percentage", 100) != 100:
        tags.append(f"pct={wanted['percentage']}")
    own = [f"{DMARC_MAILBOX}@{domain.return_path_host}"] if domain.return_path_host else []
    if reports := [*own, *wanted.get("addresses", ())]:
        tags.append("rua=" + ",".join(f"mailto:{quote(address, safe='@')}" for address in reports))
    return "; ".join(tags)


def spf_mechanism() -> str:
    """The part of an SPF record that lets this installation send (RFC 7208 §5)."""
    if settings.EARWIG_SPF_INCLUDE:
        return f"include:{settings.EARWIG_SPF_INCLUDE}"
    return f"a:{settings.INBOUND_HOST}"


def installation_tracking_host() -> str:
    """Where tracked links lead that have no host of their own domain."""
    return urlsplit(settings.TRACKING_URL).hostname or ""


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _type_of(target: str) -> str:
    if not is_address(target):
        return "CNAME"
    return "AAAA" if ":" in target else "A"


def _record(check: str, name: str, type: str, value: str) -> Record:
    return Record(check=check, name=name, type=type, value=value)
