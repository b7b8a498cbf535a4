"""`/test/`: one mail of a template, through the outbox like any other."""

import pytest
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models import AuditEntry
from earwig.models.api_keys import Scope
from spooling.delivery import letters
from spooling.models import Mail
from tests.templates_app.api.conftest import Api


def test_a_test_goes_to_one_address_with_its_variables(api, key):
    template = api.add()
    body = {"to": "Ann <ann@example.com>", "variables": {"name": "Ann", "items": [{"title": "one"}]}}
    answer = api("post", f"templates/{template}/test/", body)
    mail = Mail.objects.select_related("submission", "spooler").get()
    assert answer.status_code == 201
    assert answer.json() == {
        "mails": [{"id": mail.public_id.hex, "to": "ann@example.com", "state": "waiting"}]
    }
    assert (mail.name, mail.lane, mail.submission.tags) == ("Ann", "transactional", ["template-test"])
    sent = letters.shown(mail)
    assert b"<b>one</b>" in sent.replace(b"=\r\n", b"") and b"Subject: Hello Ann" in sent
    assert api("get", "mails/?tag=template-test").json()["count"] == 1
    entry = AuditEntry.objects.get(action="template.test")
    assert entry.key_prefix == key[:8] and "ann" not in repr(entry.detail)


def test_every_path_of_templates_says_what_it_takes(api, stranger):
    template = api.add()
    for path in ("", "/versions", "/versions/1", "/versions/1/restore", "/preview", "/test"):
        assert api("options", f"templates/{template}{path}").status_code == 200
        assert b"welcome" not in stranger("options", f"templates/{template}{path}").content


def test_an_earlier_version_is_tested(api):
    template = api.add()
    api("patch", f"templates/{template}/", {"subject": "Second"})
    api("post", f"templates/{template}/test", {"to": "ann@example.com", "version": 1})
    assert b"Hello_" in letters.shown(Mail.objects.get())


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, {("to", "required")}),
        ({"to": "nobody"}, {("to", "invalid_address")}),
        ({"to": "a@b.example\r\nBcc: c@d.example"}, {("to", "header_injection")}),
        ({"to": ["a@b.example", "c@d.example"]}, {("to", "invalid")}),
        ({"to": "a@b.example", "variables": "x"}, {("variables", "not_a_dict")}),
        ({"to": "a@b.example", "version": 2}, {("version", "unknown_version")}),
        ({"to": "a@b.example", "version": 2**40}, {("version", "invalid")}),
        ({"to": "a@b.example", "from": "x"}, {("from", "invalid_address")}),
        ({"to": "a@b.example", "cc": "c@d.example"}, {("cc", "unknown_field")}),
        ([], {(None, "invalid")}),
    ],
)
def test_a_wrong_test_is_refused_by_field_and_sends_nothing(api, body, problems):
    assert api.problems("post", f"templates/{api.add()}/test/", body) == problems
    assert not Mail.objects.exists()


def test_somebody_has_to_send_a_test(api):
    template = api.add(**{"from": None})
    body = {"to": "ann@example.com"}
    assert api.problems("post", f"templates/{template}/test/", body) == {("from", "required")}
    answer = api("post", f"templates/{template}/test/", {**body, "from": {"email": "a@b.example"}})
    assert answer.status_code == 201


def test_a_test_obeys_the_rules_of_sending_domains(api, other_account):
    domains.verify(domains.add(other_account, name="example.org", now=timezone.now()), now=timezone.now())
    body = {"to": "ann@example.com"}
    assert api.problems("post", f"templates/{api.add()}/test/", body) == {("from", "domain_not_allowed")}


def test_a_test_is_sent_once_for_one_idempotency_key(api):
    path, body = f"templates/{api.add()}/test/", {"to": "ann@example.com"}
    first, again = (api("post", path, body, **{"Idempotency-Key": "t"}) for _ in range(2))
    assert first.json() == again.json() and again["Idempotent-Replayed"] == "true"
    assert Mail.objects.count() == 1


def test_a_test_takes_a_key_that_may_send(api, account, stranger):
    path, body = f"templates/{api.add()}/test/", {"to": "ann@example.com"}
    for scope, status in ((Scope.MANAGE, 403), (Scope.SEND, 201)):
        issued = api_keys.issue(account, name=scope, scopes=[scope], now=timezone.now())
        assert Api(issued.secret)("post", path, body).status_code == status
    assert stranger("post", path, body).status_code == 404
    assert api("get", path).status_code == 405
    assert Mail.objects.count() == 1
