"""Webhooks over the wire (contract §6.4): made, proven, listed, given up."""

import pytest
from django.utils import timezone

from spooling.webhooks.smtpeter_payloads import KINDS
from stats import webhooks
from stats.models import Webhook
from tests.wires.smtpeter.clients import refused

pytestmark = pytest.mark.django_db

BODY = {"type": "click", "url": "https://hooks.example.com/in"}


@pytest.mark.parametrize("path", ["webhook", "feedbackloop"])
def test_a_webhook_is_made_and_names_the_file_that_proves_it(caller, acme, path):
    answer = caller.post(path, BODY)
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == ["id", "type", "url", "verified", "file", "content"]
    assert (made["type"], made["url"], made["verified"]) == (*BODY.values(), False)
    assert made["file"].startswith("smtpeter-") and made["file"].endswith(".txt") and made["content"]
    row = Webhook.objects.get()
    assert (row.account_id, row.format, row.verified_at) == (acme.pk, "smtpeter", None)
    assert caller.get(f"{path}s").json() == [made] == [caller.get(f"{path}/{made['id']}").json()]


@pytest.mark.parametrize("type_", KINDS)
def test_every_type_is_known(caller, type_):
    caller.post("webhook", BODY | {"type": type_, "encoding": "form"})
    row = Webhook.objects.get()
    assert (row.settings["type"], row.settings["encoding"]) == (type_, "form")
    assert row.kinds == list(KINDS[type_])


@pytest.mark.parametrize(
    "wrong",
    [
        *({"type": value} for value in ("", "spam", None, ["click"], {})),
        *({"url": value} for value in ("", "x", "ftp://a.example/", "http://127.0.0.1/", "https://a@b/", 7)),
        {"encoding": "xml"},
        {"url": "https://hooks.example.com/" + "x" * 3000},
    ],
)
def test_what_cannot_be_a_webhook_is_refused(caller, wrong):
    assert refused(caller.post("webhook", BODY | wrong))[0] == 400
    assert not Webhook.objects.exists()


def test_an_account_has_not_more_than_it_may(caller, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 1)
    caller.post("webhook", BODY)
    assert refused(caller.post("webhook", BODY))[0] == 409


def test_native_webhooks_are_none_of_this_wire(caller, acme):
    made, _ = webhooks.create(acme.pk, webhooks.Wanted(url=BODY["url"]), now=timezone.now())
    assert caller.get("webhooks").json() == []
    assert refused(caller.delete(f"webhook/{made.token}"))[0] == 404


def test_a_stranger_sees_and_ends_none(caller, stranger):
    made = caller.post("webhook", BODY).json()
    assert stranger.get("webhooks").json() == []
    for verb in ("GET", "DELETE"):
        assert refused(stranger.call(verb, f"webhook/{made['id']}")) == (404, "There is no such webhook.")
    assert caller.delete(f"webhook/{made['id']}").json() == {"id": made["id"]}
    assert caller.get("webhooks").json() == []


@pytest.mark.parametrize("token", ["a%00b", "%ff", "x" * 3000, "é"])
def test_any_id_is_answered(caller, token):
    assert refused(caller.get(f"webhook/{token}"))[0] == 404
