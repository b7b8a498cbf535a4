"""`dns`: what to publish for a domain, and what of it is (contract §6.5)"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import dns_checks, dns_records
from earwig.dns_looks import State
from earwig.models import Domain
from spooling.wires.smtpeter import domain_policies, wire
from spooling.wires.smtpeter.views.domains import DomainBase

#: How old a look may be that is shown again.
FRESH = timedelta(seconds=60)
OK, ERROR = "ok", "error"


class RecordsView(DomainBase):
    """With the hosts that the domain is to have. All records are ours to name: none depends on who hosts the zone."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, name: str) -> HttpResponse:
        domain = copy.copy(self.domain(name))
        for setting, host in domain_policies.missing_hosts(domain).items():
            setattr(domain, setting, host)
        records = dns_records.of(domain)
        return wire.answer([{"name": each.name, "type": each.type, "value": each.value} for each in records])


class StatusView(DomainBase):
    """What a look at the records finds now, or found just before."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, name: str) -> HttpResponse:
        domain, now = self.domain(name), timezone.now()
        if domain.dns_checked_at is None or domain.dns_checked_at < now - FRESH:
            dns_checks.check(domain, now=now)
            domain.refresh_from_db()
        return wire.answer(_status(domain, domain.dns_state.get("checks", {})))


def _status(domain: Domain, checks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    keys = [name for name in checks if name.startswith("dkim:") and checks[name]["needed"]]

    def word(names: Iterable[str]) -> str:
        return OK if all(checks.get(name, {}).get("state") == State.OK for name in names) else ERROR

    return {
        "dmarc": word([dns_records.DMARC]),
        "dkim": word(keys or ["dkim"]),
        "spf": word([dns_records.SPF]),
        "mx": word([dns_records.RETURN_PATH if domain.return_path_host else dns_records.MX]),
        "a": word([dns_records.TRACKING] if domain.tracking_host else []),
        # Nothing of it is ours to ask for: it is about certificates.
        "caa": OK,
        "validation": OK if domain.verified_at is not None else ERROR,
    }
