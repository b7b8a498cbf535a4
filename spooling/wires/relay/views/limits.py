"""`status/limits` (contract §7.3), which clients ask for every half a minute"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig.models import Domain
from spooling.models import Mail
from spooling.wires.relay import quotas, readiness, relations, wire


class LimitsView(wire.WireView):
    """What the account may still send, and what it should set up."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        limits = quotas.shown(self.account_id, now=timezone.now())
        usable = Domain.objects.filter(account=self.account_id, removed_at=None, disabled=False)
        default = usable.filter(default=True).first()
        href = f"{self.home}/status/limits"
        document = {
            **limits,
            "noLimits": not limits,
            "domainConfigurationRequired": not usable.exists(),
            "dkimConfigurationRequired": default is None or not readiness.of(default).dkim,
            "hasNotDeliveries": not Mail.objects.filter(account=self.account_id).exists(),
            "_links": [relations.link(href, "get-status-limits", "self"), *self.ways_home()],
        }
        return self.answer(document, schema="status-limits")
