"""Table of contents of the wire. Without names: it is mounted under two paths."""

from django.urls import URLPattern, re_path

from spooling.wires.relay.views import (
    deliveries,
    docs,
    domains,
    entrance,
    files,
    keys,
    limits,
    messages,
    reports,
    sessions,
    statistics,
    subscribers,
    templates,
)
from spooling.wires.relay.wire import WireView

_ACCOUNT = "accounts/(?P<account>[^/]+)"
_ID = "(?P<id>[^/]+)"


def _route(pattern: str, view: type[WireView]) -> URLPattern:
    # Quirk 5; `config.middleware` makes runs of slashes one.
    return re_path(rf"^{pattern}/?$", view.as_view())


def _of_account(pattern: str, view: type[WireView]) -> URLPattern:
    return _route(f"{_ACCOUNT}/{pattern}", view)


urlpatterns = [
    # what everything is
    _route("", entrance.IndexView),
    re_path(r"^schemas/(?P<name>[a-z-]+)\.json/?$", docs.SchemaView.as_view()),
    _route("docs/rels/(?P<name>[a-z-]+)", docs.RelationView),
    _route("docs/errors/(?P<name>[a-z0-9.-]+)", docs.ErrorView),
    _route(_ACCOUNT, entrance.AccountView),
    # templates
    _of_account("templates", templates.TemplatesView),
    _of_account(f"templates/{_ID}", templates.TemplateView),
    _of_account(f"templates/{_ID}/body", templates.BodyView),
    _of_account(f"templates/{_ID}/message", messages.TemplateMessageView),
    # messages
    _of_account("messages", messages.MessagesView),
    _of_account(f"messages/{_ID}", messages.MessageView),
    # deliveries
    _of_account("deliveries", deliveries.DeliveriesView),
    _of_account("deliveries/aggregation", deliveries.AggregationView),
    _of_account(f"deliveries/{_ID}", deliveries.DeliveryView),
    _of_account("events", deliveries.EventsView),
    # figures and reports
    _of_account("statistics/deliveries/by_hour", statistics.DeliveriesByHourView),
    _of_account("statistics/deliveries/by_day", statistics.DeliveriesByDayView),
    _of_account("statistics/events/by_hour", statistics.EventsByHourView),
    _of_account("statistics/events/by_day", statistics.EventsByDayView),
    _route("reports/reportrequest", reports.RequestView),
    _route("reports/reportrequests", reports.RequestsView),
    _route("reports/file", reports.FileView),
    # domains; `default` is the name of none
    _of_account("domains", domains.DomainsView),
    _of_account("domains/default", domains.DefaultView),
    _of_account(f"domains/{_ID}", domains.DomainView),
    # limits, keys, users
    _of_account("status/limits", limits.LimitsView),
    _route("user", sessions.UserView),
    _route("user/apikeys", keys.KeysView),
    _route("tokens", sessions.TokensView),
    _route("tokens/impersonate", sessions.ImpersonateView),
    # subscribers, files
    _of_account(f"subscribers/{_ID}/resubscribe", subscribers.ResubscribeView),
    _of_account("files", files.FilesView),
    _of_account(f"files/{_ID}", files.FileView),
]
