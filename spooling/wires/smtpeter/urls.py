"""Table of contents of the wire. Without names: it is mounted under several paths."""

from django.urls import URLPattern, re_path

from spooling.wires.smtpeter.views import (
    datarequest,
    dkim,
    dmarc,
    dns,
    domains,
    events,
    logfiles,
    parts,
    sending,
    spf,
    stats,
    templates,
    webhooks,
)
from spooling.wires.smtpeter.wire import UnknownMethodView, WireView


def _route(pattern: str, view: type[WireView], **told: str) -> URLPattern:
    return re_path(rf"^{pattern}/?$", view.as_view(), told)


_MESSAGE = r"(?P<message_id>[^/]+)"
_REST = "(?P<{}>.+)"
_WHICH = "(?P<which>[^/]+)"
_PART = r"(?P<{}>[^/]+)"
_DOMAIN, _SELECTOR = _PART.format("name"), _PART.format("selector")
_NUMBER = "[0-9]{1,9}"
_FORM = "(?P<form>[a-z]+)"
_FILES = rf"(?P<kind>attachments|embeds)/{_MESSAGE}"

urlpatterns = [
    # sending
    _route("send", sending.SendView),
    _route("resend", sending.ResendView),
    # what is kept of it
    _route(f"html/{_MESSAGE}", parts.HtmlView),
    _route(f"text/{_MESSAGE}", parts.TextView),
    _route(f"headers?/{_MESSAGE}", parts.HeadersView),
    _route(f"recipient/{_MESSAGE}", parts.RecipientView),
    _route(f"envelope/{_MESSAGE}", parts.EnvelopeView),
    _route(_FILES, parts.FilesView),
    _route(f"{_FILES}/(?P<which>[^/]+)", parts.FileView),
    # what became of it
    _route(f"events/messageid/{_MESSAGE}", events.MessageEventsView),
    _route(f"events/email/{_REST.format('email')}", events.AddressEventsView),
    _route(f"events/template/{_REST.format('which')}", events.TemplateEventsView),
    _route(f"events/tags/{_REST.format('tags')}", events.TagsEventsView),
    _route("logfiles", logfiles.DaysView),
    _route("logfiles/(?P<day>[0-9-]+)", logfiles.DayView),
    _route("logfiles/(?P<name>[^/]+)", logfiles.FileView),
    _route("logfiles/(?P<name>[^/]+)/(?P<form>header|json|xml)", logfiles.FileView),
    _route("stats", stats.TagsView),
    _route(f"(?:stats|tag)/{_PART.format('tag')}", stats.TagView),
    _route("datarequest", datarequest.DataRequestsView),
    _route(f"datarequest/{_PART.format('number')}", datarequest.DataRequestView),
    _route(f"datarequest/{_PART.format('number')}/status", datarequest.StatusView),
    # templates
    _route("templates", templates.TemplatesView),
    _route(f"templates/(?P<start>{_NUMBER})", templates.TemplatesView),
    _route(f"templates/(?P<start>{_NUMBER})/(?P<length>{_NUMBER})", templates.TemplatesView),
    _route("template", templates.TemplateView),
    _route(f"template/{_WHICH}", templates.TemplateView),
    _route(f"template/{_WHICH}/{_FORM}", templates.TemplateView),
    # webhooks (quirk 21)
    _route("(?:webhooks|feedbackloops)", webhooks.WebhooksView),
    _route("(?:webhook|feedbackloop)", webhooks.WebhookView),
    _route(f"(?:webhook|feedbackloop)/{_PART.format('token')}", webhooks.OneWebhookView),
    # sending domains
    _route("domains", domains.DomainsView),
    _route(f"domain/{_DOMAIN}", domains.DomainView),
    _route(f"domain/{_DOMAIN}/{_PART.format('email')}", domains.ReportAddressView),
    _route(f"dns/{_DOMAIN}/(?:recommended|selfhosted)", dns.RecordsView),
    _route(f"dns/{_DOMAIN}/status", dns.StatusView),
    _route(f"dkimkey/{_DOMAIN}", dkim.SigningKeyView),
    _route(f"dkimkey/{_DOMAIN}/(?P<part>publickey|algorithm|selector)", dkim.SigningKeyView),
    _route(f"dkimkey/{_DOMAIN}/{_SELECTOR}", dkim.OwnKeyView),
    _route("dkimkeys", dkim.KeysView),
    _route(f"dkimkeys/{_DOMAIN}", dkim.KeysView),
    _route(f"dkimkeys/{_DOMAIN}/{_SELECTOR}", dkim.KeysView),
    _route(f"spf/{_DOMAIN}", spf.SpfView),
    _route("dmarc", dmarc.DaysView),
    _route(
        f"dmarc/{_PART.format('day')}/{_PART.format('organisation')}/{_PART.format('domain')}",
        dmarc.ReportView,
    ),
    _route(
        f"dmarc/{_PART.format('day')}/{_PART.format('organisation')}/{_PART.format('domain')}"
        f"/(?P<number>{_NUMBER})",
        dmarc.ReportView,
    ),
    # whatever else
    re_path(r"^", UnknownMethodView.as_view()),
]
