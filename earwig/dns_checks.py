"""Looks at the DNS records of sending domains, and what follows from them."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from earwig import dns_looks, dns_records, domains, errors
from earwig.dns_looks import Finding, State
from earwig.models import Domain

#: For all look-ups of a domain that somebody waits for.
SECONDS = 6.0
#: How old a look grows before the next, with everything in order and without.
FINE_FOR = timedelta(hours=6)
FAILING_FOR = timedelta(minutes=30)
#: Domains that one tick looks at, so that a queue of many does not keep its worker.
MOST_A_TICK = 20


def check(domain: Domain, *, now: datetime) -> dict[str, Finding]:
    """Look, remember what was found, and verify the domain if its ownership is proven. Not in a transaction.

    What is not published, or cannot be asked for, is a state; nothing is raised.
    """
    return remember(domain, dns_looks.look(domain, seconds=SECONDS), now=now)


def remember(domain: Domain, findings: dict[str, Finding], *, now: datetime) -> dict[str, Finding]:
    """Keep what a look at the domain as it is now has found, and verify it if its ownership is proven."""
    if findings[dns_records.OWNERSHIP].state == State.OK and domain.removed_at is None:
        findings[dns_records.OWNERSHIP] = _verified(domain, findings[dns_records.OWNERSHIP], now)
    seen = {name: asdict(finding) for name, finding in findings.items()}
    domain.dns_state, domain.dns_checked_at = {"ok": is_fine(findings), "checks": seen}, now
    # Whoever changed the hosts meanwhile is owed a new look.
    unchanged = {name: getattr(domain, name) for name in ("return_path_host", "tracking_host")}
    Domain.objects.filter(pk=domain.pk, **unchanged).update(dns_state=domain.dns_state, dns_checked_at=now)
    return findings


def _verified(domain: Domain, proof: Finding, now: datetime) -> Finding:
    if domain.verified_at is None:
        try:
            domains.verify(domain, now=now)
        except errors.DomainTaken as taken:
            return replace(proof, state=State.WRONG, sentence=taken.message)
    return proof


def forget(domain: Domain) -> None:
    """What was found says nothing of the domain as it is now: the next tick looks anew."""
    Domain.objects.filter(pk=domain.pk).update(dns_state={}, dns_checked_at=None)


def is_fine(findings: dict[str, Finding]) -> bool:
    """Whether everything is published that is needed."""
    return all(finding.state == State.OK for finding in findings.values() if finding.needed)


def check_due(*, now: datetime, seconds: float) -> int:
    """Check the domains whose last look is oldest, as far as the seconds go; how many were."""
    ends = time.monotonic() + seconds
    checked = 0
    for domain in due(now)[:MOST_A_TICK]:
        findings = dns_looks.look(domain, seconds=ends - time.monotonic())
        if checked and time.monotonic() > ends:
            # Cut short, it comes first next time. The first one had all the time that a tick has.
            break
        remember(domain, findings, now=now)
        checked += 1
    return checked


def due(now: datetime) -> QuerySet[Domain]:
    """Domains to look at again, those never looked at first."""
    old = Q(dns_checked_at=None) | Q(dns_checked_at__lt=now - FINE_FOR)
    failing = Q(dns_checked_at__lt=now - FAILING_FOR, dns_state__ok=False)
    live = Domain.objects.filter(old | failing, removed_at=None, disabled=False)
    return live.order_by(F("dns_checked_at").asc(nulls_first=True), "id")
