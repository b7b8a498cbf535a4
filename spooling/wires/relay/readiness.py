"""What of a sending domain is published, as the last look at its DNS found it (contract §7.2)."""

from __future__ import annotations

from typing import NamedTuple

from earwig import dns_records
from earwig.dns_looks import State
from earwig.models import DkimKey, Domain
from earwig.models.domains import Algorithm


class Readiness(NamedTuple):
    dkim: bool
    spf: bool
    dmarc: bool
    tracking: bool


def of(domain: Domain) -> Readiness:
    """Nothing is ready before the first look; links lead to the installation's own host where the domain has none."""
    key = signing_key(domain)
    return Readiness(
        dkim=key is not None and _found(domain, dns_records.check_of(key)),
        spf=_found(domain, dns_records.SPF),
        dmarc=_found(domain, dns_records.DMARC),
        tracking=not domain.tracking_host or _found(domain, dns_records.TRACKING),
    )


def signing_key(domain: Domain) -> DkimKey | None:
    """The RSA key that signs: every receiver understands it. `dkim_keys` may be prefetched."""
    keys = (key for key in domain.dkim_keys.all() if key.active and key.algorithm == Algorithm.RSA)
    return next(keys, None)


def _found(domain: Domain, check: str) -> bool:
    return bool(domain.dns_state.get("checks", {}).get(check, {}).get("state") == State.OK)
