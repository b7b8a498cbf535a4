"""What a call says of a sending domain, as the core has it (contract §6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from earwig import errors as earwig_errors
from earwig import mailboxes
from earwig.models import Domain
from spooling.wires.smtpeter import errors, windows
from spooling.wires.smtpeter.inputs import Properties

#: What a call can say.
NAMES = ("bounces", "tracking", "https", "policy", "percentage", "startdate", "enddate", "address")
POLICIES = ("none", "quarantine", "reject")
#: Addresses that get reports on DMARC.
MOST_ADDRESSES = 20
#: Hosts of a domain that names none, by setting.
USUAL_HOSTS = {"return_path_host": "bounces", "tracking_host": "clicks"}
_HOSTS = {"return_path_host": "bounces", "tracking_host": "tracking"}


def settings(properties: Properties, domain: Domain) -> dict[str, Any]:
    """The settings that a call changes. Raises InvalidField."""
    changes: dict[str, Any] = {}
    for setting, name in _HOSTS.items():
        if name in properties:
            changes[setting] = properties.text(name).strip()
    if "https" in properties:
        changes["tracking_https"] = properties.flag("https", default=True)
    policy = {**domain.dmarc_policy, **_policy(properties)}
    if address := properties.text("address").strip():
        policy["addresses"] = _with_address(policy.get("addresses", []), address, properties)
    if policy != domain.dmarc_policy:
        changes["dmarc_policy"] = policy
    return changes


def missing_hosts(domain: Domain) -> dict[str, str]:
    """The usual hosts in the place of those that the domain does not have."""
    return {
        setting: f"{label}.{domain.name}"
        for setting, label in USUAL_HOSTS.items()
        if not getattr(domain, setting)
    }


def without_address(policy: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Raises NotFound."""
    known: list[str] = list(policy.get("addresses", ()))
    if address not in known:
        raise errors.NotFound("The domain sends no reports there.")
    return {**policy, "addresses": [each for each in known if each != address]}


def _policy(properties: Properties) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "policy" in properties:
        told["policy"] = properties.text("policy").strip().lower()
        if told["policy"] not in POLICIES:
            raise properties.invalid("policy", f"One of {', '.join(POLICIES)}.")
    if "percentage" in properties:
        text = properties.text("percentage").strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 100):
            raise properties.invalid("percentage", "A number from 0 to 100.")
        told["percentage"] = int(text)
    for name in ("startdate", "enddate"):
        if name in properties:
            told[name] = _moment(properties, name)
    return told


def _moment(properties: Properties, name: str) -> str:
    text = properties.text(name).strip()
    if text and windows.moment_of(text) is None:
        raise properties.invalid(name, "YYYY-MM-DD, or YYYY-MM-DD hh:mm:ss in UTC.")
    return text


def _with_address(known: list[str], address: str, properties: Properties) -> list[str]:
    try:
        address = mailboxes.normal(address)
    except earwig_errors.InvalidAddress as error:
        raise properties.invalid("address", error.message) from None
    found = list(dict.fromkeys((*known, address)))
    if len(found) > MOST_ADDRESSES:
        raise properties.invalid("address", f"At most {MOST_ADDRESSES} addresses.")
    return found


def shown(domain: Domain) -> dict[str, Any]:
    """The domain as clients know it; hosts that do not lead here yet are the usual ones, which it is to have."""
    policy = domain.dmarc_policy
    hosts = missing_hosts(domain)
    return {
        "name": domain.name,
        "approved": domain.verified_at is not None and not domain.disabled,
        "bounces": domain.return_path_host or hosts["return_path_host"],
        "tracking": domain.tracking_host or hosts["tracking_host"],
        "https": domain.tracking_https,
        "ips": [],
        "policy": policy.get("policy", "none"),
        "percentage": policy.get("percentage", 100),
        "startdate": policy.get("startdate", ""),
        "enddate": policy.get("enddate", ""),
        "addresses": policy.get("addresses", []),
    }
