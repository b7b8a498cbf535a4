"""The admin's menu: every list of the installation under what people look for it by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

#: Group → title → model.
GROUPS: dict[str, dict[str, str]] = {
    "Campaigns": {"Campaigns and streams": "spooling.spooler", "Suppressions": "spooling.suppression"},
    "Mail": {
        "Outbox": "spooling.mail",
        "Trapped mail": "spooling.trappedmail",
        "Incoming mail": "spooling.incomingmail",
        "Handed-over messages": "earwig.handoffmessage",
        "Delivery attempts": "earwig.deliveryattempt",
        "Responses": "earwig.responsestatistic",
        "Senders": "earwig.sender",
        "People": "earwig.person",
    },
    "Stages": {
        "Message sets": "spooling.messageset",
        "Messages": "spooling.stagemessage",
        "Schedules": "spooling.schedule",
        "Runs of schedules": "spooling.schedulerun",
        "Subscriptions": "spooling.subscription",
        "Subscriptions behind": "spooling.behindsubscription",
        "Send failures": "spooling.sendfailure",
        "Resends": "spooling.resend",
        "Estimates": "spooling.sendestimate",
        "Files": "spooling.binarycontent",
    },
    "Templates": {"Templates": "templates_app.template"},
    "Keys and accounts": {
        "Accounts": "earwig.account",
        "API keys": "earwig.apikey",
        "Users": "auth.user",
        "Groups": "auth.group",
    },
    "Domains": {
        "Sending domains": "earwig.domain",
        "Warm-up plans": "spooling.warmup",
        "Reports on DMARC": "spooling.dmarcreport",
    },
    "System": {
        "Routers": "spooling.router",
        "Providers' pace": "spooling.shape",
        "Connections": "spooling.connectionslot",
        "Claims": "spooling.claim",
        "Jobs": "spooling.jobrequest",
        "Webhooks": "stats.webhook",
        "Calls of webhooks": "stats.webhookdelivery",
        "Metrics": "stats.metricsample",
        "Audit trail": "earwig.auditentry",
    },
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups in the form that the admin's theme wants."""
    return [
        {"title": group, "collapsible": True, "items": [_item(*entry) for entry in entries.items()]}
        for group, entries in GROUPS.items()
    ]


def _item(title: str, model: str) -> dict[str, Any]:
    name = model.replace(".", "_")
    return {
        "title": title,
        "link": reverse_lazy(f"admin:{name}_changelist"),
        "permission": _may_see(model),
    }


def _may_see(model: str) -> Callable[[HttpRequest], bool]:
    app, name = model.split(".")

    def permission(request: HttpRequest) -> bool:
        return any(request.user.has_perm(f"{app}.{act}_{name}") for act in ("view", "change"))

    return permission
