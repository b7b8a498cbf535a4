"""Calls of every wire that hand over variables, and how each names them when it refuses them."""

import json

import pytest
from django.utils import timezone

from earwig import domains
from spooling import limits, routers, spoolers
from templates_app import templates

NOW = timezone.now()


@pytest.fixture
def site(account, key, client, settings, monkeypatch):
    """The programs of an account that has sender.example."""
    settings.REQUIRE_HTTPS = False
    domain = domains.add(account, name="sender.example", now=NOW)
    domain.verified_at = NOW
    domain.save(update_fields=["verified_at"])
    for remembered in (limits._rooms, spoolers._streams):
        remembered.clear()
    monkeypatch.setattr(routers, "_table", None)
    draft = templates.Draft(
        name="t",
        language="mustache",
        texts={
            **{"from_email": "shop@sender.example", "from_name": "", "subject": "Hello"},
            **{"html": "", "text": "Dear {{name}}."},
        },
    )
    return Site(client, key, templates.add(account.pk, draft=draft, now=NOW))


class Site:
    """Bodies are sent as JSON, with what `here` says where the text HERE stands: that may be no JSON."""

    here = '"HERE"'

    def __init__(self, client, key, template):
        self.client, self.key, self.template = client, key, template

    def post(self, path, body, verb="POST"):
        """Bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).replace('"HERE"', self.here).encode()
        headers = {"Authorization": f"Token {self.key}", "X-RMTA-API-Key": self.key}
        if path.startswith("/v1/"):
            path += f"?access_token={self.key}"
        return self.client.generic(verb, path, content, content_type="application/json", headers=headers)

    def campaign(self):
        return self.post("/api/v1/spoolers/", {"name": "spring"}).json()["token"]

    def octosend(self, kind="marketing"):
        return self.post("/api/3.0/spoolers/create", {"domain": "sender.example", "type": kind}).json()[
            "token"
        ]


SHARED = {"from": "shop@sender.example", "subject": "Hello", "text": "Dear {{name}}."}
SMTPETER = {"from": "shop@sender.example", "subject": "Hello", "text": "Dear {$name}."}
RELAY = {"from_email": "shop@sender.example", "subject": "Hello", "text": "Dear you."}


def native(site, values):
    return site.post("/api/v1/mails/", {**SHARED, "to": ["ada@people.example"], "variables": values})


def native_second(site, values):
    letters = [{**SHARED, "to": ["joe@people.example"]}, {**SHARED, "to": ["ada@people.example"]}]
    letters[1]["variables"] = values
    letters[1]["tags"] = ["another submission"]
    return site.post("/api/v1/mails/", letters)


def native_seen_by_all(site, values):
    to = ["joe@people.example", "ada@people.example"]
    return site.post("/api/v1/mails/", {**SHARED, "to": to, "variables": values})


def native_recipient(site, values):
    people = [{"email": "joe@people.example"}, {"email": "ada@people.example", "variables": values}]
    return site.post("/api/v1/mails/", {**SHARED, "recipients": people})


def native_test(site, values):
    path = f"/api/v1/templates/{site.template.public_id.hex}/test/"
    return site.post(path, {"to": "ada@people.example", "variables": values})


def campaign_recipient(site, values):
    people = [{"email": "joe@people.example"}, {"email": "ada@people.example", "variables": values}]
    return site.post(f"/api/v1/spoolers/{site.campaign()}/recipients/", {"recipients": people})


def octosend(site, values):
    mails = [{"email": "joe@people.example"}, {"email": "ada@people.example", "variables": values}]
    return site.post(f"/api/3.0/spooler/{site.octosend()}/spool", {"mails": mails})


def smtpeter(site, values):
    people = {"joe@people.example": {}, "ada@people.example": values}
    return site.post("/v1/send", {**SMTPETER, "recipients": people})


def relay(site, values):
    people = [{"email": "joe@people.example"}, {"email": "ada@people.example", "model": values}]
    return site.post(f"/accounts/acme/templates/{site.template.public_id}/message", {"recipients": people})


OF_A_MAIL = {
    native: (0, "variables"),
    native_second: (1, "variables"),
    native_seen_by_all: (0, "variables"),
    native_recipient: (0, "recipients.1.variables"),
    native_test: (None, "variables"),
    campaign_recipient: (None, "recipients.1.variables"),
    octosend: "mails[1].variables",
    smtpeter: "recipients: ",
    relay: "recipients[1].model",
}


def smtpeter_data(site, values):
    return site.post("/v1/send", {**SMTPETER, "recipient": "ada@people.example", "data": values})


def relay_model(site, values):
    body = {"recipients": [{"email": "ada@people.example"}], "model": values}
    return site.post(f"/accounts/acme/templates/{site.template.public_id}/message", body)


def preview(site, values):
    return site.post(f"/api/v1/templates/{site.template.public_id.hex}/preview/", {"variables": values})


def campaign_variables(site, values):
    return site.post("/api/v1/spoolers/", {"name": "summer", "variables": values})


def campaign_message(site, values):
    return site.post(f"/api/v1/spoolers/{site.campaign()}/message/", {**SHARED, "variables": values}, "PUT")


def octosend_variables(site, values):
    return site.post(f"/api/3.0/spooler/{site.octosend()}/variables", {"variables": values})


def octosend_message(site, values):
    return site.post(f"/api/3.0/spooler/{site.octosend()}/message", {"variables": values})


OF_A_CONTENT = {
    smtpeter_data: "data: ",
    relay_model: "model",
    preview: (None, "variables"),
    campaign_variables: (None, "variables"),
    campaign_message: (None, "variables"),
    octosend_variables: "variables",
    octosend_message: "variables",
}
#: Whose variables are texts.
FLAT = {octosend, octosend_variables, octosend_message}
