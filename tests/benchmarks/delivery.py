"""Delivery of campaigns end to end, with everything on: one worker and two, unsigned, then signed by two."""

import statistics

from django.utils import timezone

from earwig import domains
from earwig.models import Account, Domain
from earwig.models.domains import Algorithm
from tests.benchmarks import bench, campaign, rig
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Figure


def measure(this: Bench) -> list[Figure]:
    account = campaign.open_account()
    crew = campaign.crew(this.installation, workers=1)

    def leave(domain_id: int | None = None) -> rig.Pace:
        mails = this.options.mails
        return campaign.send(campaign.spool(account, mails, domain_id=domain_id), mails, crew)

    one = bench.against_rig("one_worker", this, leave)
    crew = campaign.crew(this.installation, workers=1, beside=crew)
    two = bench.against_rig("two_workers", this, leave)
    light, heavy = _domain(account, Algorithm.ED25519), _domain(account, Algorithm.RSA)
    ed25519 = bench.against_rig("ed25519", this, lambda: leave(light.pk))
    return [two, one, ed25519, _against_signing(this, lambda: leave(heavy.pk))]


def _against_signing(this: Bench, send) -> Figure:
    paces, rates = [], []
    for _ in range(this.options.rounds):
        before = rig.signing_rate()
        paces.append(send())
        rates.append((before + rig.signing_rate()) / 2)
    ratios = [pace.rate / (2 * rate) for pace, rate in zip(paces, rates, strict=True)]
    raw = bench.summary("sent", paces) | {"signatures /s": statistics.median(rates)}
    return Figure("rsa", statistics.median(ratios), raw, ratios)


def _domain(account: Account, algorithm: str) -> Domain:
    """A domain that signs by this algorithm alone; the product itself uses Ed25519 only beside RSA."""
    domain = domains.add(account, name=f"{algorithm}.example", now=timezone.now())
    for each in (Algorithm.RSA, Algorithm.ED25519):
        domains.make_key(domain, algorithm=each, selector=f"s-{each}", now=timezone.now())
    domain.dkim_keys.exclude(algorithm=algorithm).update(active=False)
    return domain
