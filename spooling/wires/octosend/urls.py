"""Table of contents of the wire. Without names: it is mounted under several paths."""

from django.urls import URLPattern, re_path

from spooling.wires.octosend.views import (
    domains,
    events,
    mails,
    messages,
    moves,
    recipients,
    reporting,
    resources,
    scoring,
    send_mail,
    sessions,
    spoolers,
    statistics,
    templates,
    tools,
)
from spooling.wires.octosend.wire import WireView

#: A domain's name stands in paths as it is, a spooler's token is letters and digits.
_DOMAIN = r"(?P<name>[^/\x00-\x20]+)"
_KIND = r"(?P<kind>part|attachment|unsubscribe)"
_SPOOLER = r"spooler/(?P<token>[A-Za-z0-9]+)"


def _route(pattern: str, view: type[WireView], **told: str) -> URLPattern:
    return re_path(rf"^{pattern}/?$", view.as_view(), told)


urlpatterns = [
    _route("authenticate", sessions.AuthenticateView),
    # domains
    _route("domains/count", domains.CountView),
    _route("domains/fetch", domains.FetchView),
    _route("domains/create", domains.CreateView),
    _route("domains/delete", domains.DeleteView),
    _route(f"domain/{_DOMAIN}", domains.DomainView),
    _route(f"domain/{_DOMAIN}/draft-addresses", domains.DraftAddressesView),
    # spoolers
    _route("spoolers/create", spoolers.CreateView),
    _route("spoolers/count", spoolers.CountView),
    _route("spoolers/fetch", spoolers.FetchView),
    _route(_SPOOLER, spoolers.SpoolerView),
    _route(f"{_SPOOLER}/name", spoolers.NameView),
    _route(f"{_SPOOLER}/start", spoolers.StartView),
    _route(f"{_SPOOLER}/tags", spoolers.TagsView),
    _route(f"{_SPOOLER}/headers", spoolers.HeadersView),
    _route(f"{_SPOOLER}/variables", spoolers.VariablesView),
    # their life
    *(_route(f"{_SPOOLER}/{move}", moves.MoveView, move=move) for move in moves.MOVES),
    # what its mails say
    _route(f"{_SPOOLER}/message", messages.MessageView),
    _route(f"{_SPOOLER}/message/parts", messages.PartsView),
    _route(f"{_SPOOLER}/resources/{_KIND}", resources.MessageResourceView),
    # whom they go to
    _route(f"{_SPOOLER}/spool", recipients.SpoolView),
    _route(f"{_SPOOLER}/draft", recipients.DraftView),
    _route(f"{_SPOOLER}/preview", recipients.PreviewView),
    _route(f"{_SPOOLER}/mails/resources/{_KIND}", resources.MailResourceView),
    _route(f"{_SPOOLER}/mails/count", mails.CountView),
    _route(f"{_SPOOLER}/mails/fetch", mails.FetchView),
    _route(f"domain/{_DOMAIN}/transactional/send-mail", send_mail.SendMailView),
    # what became of them
    _route(f"events/{_SPOOLER}/count", events.CountView),
    _route(f"events/{_SPOOLER}/fetch", events.FetchView),
    _route(f"events/domain/{_DOMAIN}/count", events.CountView),
    _route(f"events/domain/{_DOMAIN}/fetch", events.FetchView),
    _route("statistics/global", statistics.AccountView),
    _route(f"statistics/domain/{_DOMAIN}", statistics.AccountView),
    _route(f"statistics/{_SPOOLER}", statistics.SpoolerView),
    _route("timeline/global", statistics.AccountTimelineView),
    _route(f"timeline/domain/{_DOMAIN}", statistics.AccountTimelineView),
    _route(f"timeline/{_SPOOLER}", statistics.SpoolerTimelineView),
    # scoring
    _route(f"scoring/{_SPOOLER}/message", scoring.MessageView),
    # templates
    _route(f"templates/domain/{_DOMAIN}/count", templates.CountView),
    _route(f"templates/domain/{_DOMAIN}/fetch", templates.FetchView),
    _route(f"templates/domain/{_DOMAIN}/get", templates.GetView),
    _route(f"templates/domain/{_DOMAIN}/get-content", templates.GetContentView),
    _route(f"templates/domain/{_DOMAIN}/create", templates.CreateView),
    _route(f"templates/domain/{_DOMAIN}/set-content", templates.SetContentView),
    _route(f"templates/domain/{_DOMAIN}/remove", templates.RemoveView),
    # reporting files
    _route("reporting/domains/(?P<name>[^/]+)", reporting.ReportView),
    _route("reporting/files/(?P<sealed>[A-Za-z0-9_=-]+)/(?P<name>[^/]+)", reporting.FileView),
    # tools
    _route("tools/html-to-text", tools.HtmlToTextView),
]
