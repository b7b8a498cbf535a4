"""The native resources of `spooling`, each with and without its final slash."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from spooling.api import sending
from spooling.api.campaigns import CampaignMessageView, CampaignMoveView
from spooling.api.domains import DomainViewSet
from spooling.api.events import EventViewSet
from spooling.api.jobs import JobViewSet
from spooling.api.mails import MailViewSet
from spooling.api.preflights import MailWhyView, PreflightView, SpoolerWhyView
from spooling.api.providers import ProviderViewSet
from spooling.api.recipient_imports import RecipientImportView, RecipientView
from spooling.api.scoring import ScoringViewSet, SpoolerScoreViewSet
from spooling.api.spoolers import SpoolerViewSet
from spooling.api.stages import urls as stages
from spooling.api.statistics import StatisticsView, TimelineView
from spooling.api.suppressions import SuppressionViewSet
from spooling.api.templates import TemplateTestViewSet
from spooling.api.warm_ups import WarmUpViewSet
from spooling.api.webhooks import WebhookViewSet
from spooling.campaigns import transitions

_listing: Any = MailViewSet.as_view({"get": "list", "post": "create"})


@csrf_exempt
def _mails(request: HttpRequest) -> HttpResponse:
    """Sending passes DRF by; all else of the resource, and its place in the schema, is the viewset's."""
    view: Callable[[HttpRequest], HttpResponse] = sending.send if request.method == "POST" else _listing
    return view(request)


_mails.__dict__.update({name: getattr(_listing, name) for name in ("cls", "initkwargs", "actions")})


def _route(pattern: str, view: Any) -> URLPattern:
    route: URLPattern = re_path(f"^{pattern}/?$", view)
    return route


_ID = "(?P<id>[0-9a-fA-F-]+)"
_DOMAIN = "(?P<name>[^/]+)"
_TOKEN = "(?P<token>[0-9A-Za-z]+)"
#: Name → verb.
WEBHOOK_ACTIONS = {
    "rotate": "post",
    "pause": "post",
    "resume": "post",
    "replay": "post",
    "deliveries": "get",
    "test": "post",
}

urlpatterns = [
    _route("mails", _mails),
    _route(f"mails/{_ID}", MailViewSet.as_view({"get": "retrieve"})),
    _route(f"mails/{_ID}/events", MailViewSet.as_view({"get": "events"}, **MailViewSet.events.kwargs)),
    _route(f"mails/{_ID}/cancel", MailViewSet.as_view({"post": "cancel"}, **MailViewSet.cancel.kwargs)),
    _route("spoolers", SpoolerViewSet.as_view({"get": "list", "post": "create"})),
    _route(f"spoolers/{_TOKEN}", SpoolerViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    _route(f"spoolers/{_TOKEN}/message", CampaignMessageView.as_view({"get": "retrieve", "put": "update"})),
    *(
        _route(f"spoolers/{_TOKEN}/{move}", CampaignMoveView.as_view({"post": move}))
        for move in transitions.ALL
    ),
    _route(f"spoolers/{_TOKEN}/score", SpoolerScoreViewSet.as_view({"get": "retrieve"})),
    _route("scoring", ScoringViewSet.as_view({"post": "message"})),
    _route(
        f"spoolers/{_TOKEN}/ledger",
        SpoolerViewSet.as_view({"get": "ledger"}, **SpoolerViewSet.ledger.kwargs),
    ),
    _route(
        f"spoolers/{_TOKEN}/retry", SpoolerViewSet.as_view({"post": "retry"}, **SpoolerViewSet.retry.kwargs)
    ),
    _route(f"mails/{_ID}/why", MailWhyView.as_view({"get": "retrieve"})),
    _route(f"spoolers/{_TOKEN}/why", SpoolerWhyView.as_view({"get": "retrieve"})),
    _route(f"spoolers/{_TOKEN}/preflight", PreflightView.as_view({"post": "create"})),
    _route(f"spoolers/{_TOKEN}/recipients", RecipientView.as_view({"post": "create"})),
    _route(f"spoolers/{_TOKEN}/recipients/import", RecipientImportView.as_view({"post": "create"})),
    _route("domains", DomainViewSet.as_view({"get": "list", "post": "create"})),
    _route(
        f"domains/{_DOMAIN}",
        DomainViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    _route(
        f"domains/{_DOMAIN}/records",
        DomainViewSet.as_view({"get": "records"}, **DomainViewSet.records.kwargs),
    ),
    _route(
        f"domains/{_DOMAIN}/check", DomainViewSet.as_view({"post": "check"}, **DomainViewSet.check.kwargs)
    ),
    _route(
        f"domains/{_DOMAIN}/keys",
        DomainViewSet.as_view({"get": "keys", "post": "make_key"}, **DomainViewSet.keys.kwargs),
    ),
    _route(
        f"domains/{_DOMAIN}/keys/rotate",
        DomainViewSet.as_view({"post": "rotate"}, **DomainViewSet.rotate.kwargs),
    ),
    _route(
        f"domains/{_DOMAIN}/warm-up",
        WarmUpViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    _route("providers", ProviderViewSet.as_view({"get": "list"})),
    _route(f"jobs/{_ID}", JobViewSet.as_view({"get": "retrieve"})),
    _route(f"jobs/{_ID}/errors", JobViewSet.as_view({"get": "errors"}, **JobViewSet.errors.kwargs)),
    _route("events", EventViewSet.as_view({"get": "list"})),
    _route("statistics", StatisticsView.as_view()),
    _route("timeline", TimelineView.as_view()),
    _route("suppressions", SuppressionViewSet.as_view({"get": "list", "post": "create"})),
    _route(
        "suppressions/export",
        SuppressionViewSet.as_view({"get": "export"}, **SuppressionViewSet.export.kwargs),
    ),
    _route(
        "suppressions/import",
        SuppressionViewSet.as_view({"post": "import_file"}, **SuppressionViewSet.import_file.kwargs),
    ),
    _route(
        "suppressions/(?P<pk>[0-9]{1,18})",
        SuppressionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    _route("webhooks", WebhookViewSet.as_view({"get": "list", "post": "create"})),
    _route(
        f"webhooks/{_TOKEN}",
        WebhookViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    *(
        _route(
            f"webhooks/{_TOKEN}/{name}",
            WebhookViewSet.as_view({verb: name}, **getattr(WebhookViewSet, name).kwargs),
        )
        for name, verb in WEBHOOK_ACTIONS.items()
    ),
    _route("templates/(?P<id>[0-9a-fA-F]{32})/test", TemplateTestViewSet.as_view({"post": "test"})),
    *stages.urlpatterns,
]
