"""What the owner of a sending domain decides about it, and the turns of its signing keys."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from earwig import addresses, dns_checks, dns_looks, dns_records, domains, errors, mailboxes
from earwig.dns_looks import State
from earwig.models import DkimKey, Domain

#: Settings that are hosts of DNS records, and the looks at them: what was found says nothing once they change.
HOSTS = {"return_path_host": dns_records.RETURN_PATH, "tracking_host": dns_records.TRACKING}
#: Signing keys that a domain may have, those that sign no more among them: each stands in its DNS.
MOST_KEYS = 50


@transaction.atomic
def change(domain: Domain, settings: Mapping[str, Any]) -> Domain:
    """Change some of default, disabled, return_path_host, tracking_host, tracking_https, draft_addresses,
    dmarc_policy and spf_mechanisms.

    Only another domain's `default` ends one. Raises InvalidDomain for a host that is not at or below the domain,
    InvalidAddress.
    """
    held = Domain.objects.select_for_update().get(pk=domain.pk)
    wanted = {name: _CHECKS.get(name, _as_given)(held, value) for name, value in settings.items()}
    if wanted.pop("default", False) and not held.default:
        Domain.objects.filter(account=held.account_id, default=True).update(default=False)
        wanted["default"] = True
    changed_hosts = any(wanted.get(name, getattr(held, name)) != getattr(held, name) for name in HOSTS)
    if wanted:
        Domain.objects.filter(pk=held.pk).update(**wanted)
    if changed_hosts:
        dns_checks.forget(held)
    domains.forget_cached()
    held.refresh_from_db()
    return held


def adopt_hosts(domain: Domain, hosts: Mapping[str, str], *, now: datetime) -> Domain:
    """Look at the domain's records, as `dns_checks.check` does, and take on those of these hosts that lead here already:
    links and bounces never depend on what is not published yet. Not in a transaction.

    Raises InvalidDomain.
    """
    wanted = {name: host(domain, value) for name, value in hosts.items()}
    candidate = copy.copy(domain)
    for name, value in wanted.items():
        setattr(candidate, name, value)
    findings = dns_looks.look(candidate, seconds=dns_checks.SECONDS)
    leading = {name: value for name, value in wanted.items() if findings[HOSTS[name]].state == State.OK}
    domain = change(domain, leading) if leading else domain
    if leading == wanted:
        dns_checks.remember(domain, findings, now=now)
    else:
        # Without a host of its own, other records count.
        dns_checks.check(domain, now=now)
    return domain


def _as_given(domain: Domain, value: Any) -> Any:
    return value


def host(domain: Domain, name: str) -> str:
    """The name of a host of the domain in canonical form, empty for none. Raises InvalidDomain."""
    found = addresses.canonical_domain(name.strip())
    below = addresses.is_domain(found) and f".{found}".endswith(f".{domain.name}")
    if found and not below:
        raise errors.InvalidDomain("A host of the domain is the domain itself or a name below it.")
    return found


def _drafts(domain: Domain, emails: list[str]) -> list[str]:
    return [mailboxes.normal(email.strip()) for email in emails]


_CHECKS: dict[str, Callable[[Domain, Any], Any]] = {**dict.fromkeys(HOSTS, host), "draft_addresses": _drafts}


@transaction.atomic
def make_next_key(domain: Domain, *, algorithm: str, now: datetime) -> DkimKey:
    """A key under a selector that the domain has not used (`domains.make_key`). Raises DkimKeyRefused."""
    # Locked, so that two calls find two selectors.
    held = Domain.objects.select_for_update().get(pk=domain.pk)
    if held.dkim_keys.count() >= MOST_KEYS:
        raise errors.DkimKeyRefused(f"The domain has {MOST_KEYS} keys already.")
    selector = domains.next_selector(held, algorithm=algorithm, now=now)
    return domains.make_key(held, algorithm=algorithm, selector=selector, now=now)


@transaction.atomic
def rotate(domain: Domain) -> None:
    """The newest key of each algorithm signs from now on. Raises DkimKeyRefused where none waits."""
    held = Domain.objects.select_for_update().get(pk=domain.pk)
    waiting = domains.waiting_keys(held)
    if not waiting:
        raise errors.DkimKeyRefused("No key waits: make one first.")
    for key in waiting:
        domains.rotate_key(key)
