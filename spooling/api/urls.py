"""The native resources of `spooling`, each with and without its final slash."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from spooling.api import sending
from spooling.api.jobs import JobViewSet
from spooling.api.mails import MailViewSet
from spooling.api.spoolers import SpoolerViewSet
from spooling.api.stages import urls as stages
from spooling.api.suppressions import SuppressionViewSet
from spooling.api.templates import TemplateTestViewSet

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
_TOKEN = "(?P<token>[0-9A-Za-z]+)"

urlpatterns = [
    _route("mails", _mails),
    _route(f"mails/{_ID}", MailViewSet.as_view({"get": "retrieve"})),
    _route(f"mails/{_ID}/events", MailViewSet.as_view({"get": "events"}, **MailViewSet.events.kwargs)),
    _route(f"mails/{_ID}/cancel", MailViewSet.as_view({"post": "cancel"}, **MailViewSet.cancel.kwargs)),
    _route("spoolers", SpoolerViewSet.as_view({"get": "list"})),
    _route(f"spoolers/{_TOKEN}", SpoolerViewSet.as_view({"get": "retrieve"})),
    _route(f"spoolers/{_TOKEN}/ledger", SpoolerViewSet.as_view({"get": "ledger"})),
    _route(
        f"spoolers/{_TOKEN}/retry", SpoolerViewSet.as_view({"post": "retry"}, **SpoolerViewSet.retry.kwargs)
    ),
    _route(f"jobs/{_ID}", JobViewSet.as_view({"get": "retrieve"})),
    _route("suppressions", SuppressionViewSet.as_view({"get": "list", "post": "create"})),
    _route(
        "suppressions/(?P<pk>[0-9]{1,18})",
        SuppressionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    _route("templates/(?P<id>[0-9a-fA-F]{32})/test", TemplateTestViewSet.as_view({"post": "test"})),
    *stages.urlpatterns,
]
