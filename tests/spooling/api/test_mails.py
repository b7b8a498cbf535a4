"""Reading mails, their events and ledgers; cancelling; suppressions and people."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig.models import HandoffMessage, MessageRecipient, Sender
from spooling import spoolers
from spooling.models import Mail
from stats.models import Event, EventKind

MAIL = {"from": "shop@example.org", "to": "ann@example.com", "subject": "Hello {{name}}", "text": "Hello."}
FIELDS = (
    "id spooler from to subject state attempts last_reply due_at created_at delivered_at opened_at clicked_at "
    "tags metadata"
).split()

MANY_CONTACTS = [{"type": "sms", "value": str(number)} for number in range(101)]


class Api:
    def __init__(self, key):
        self.headers = {"Authorization": f"Token {key}"}

    def get(self, path):
        return Client().get(f"/api/v1/{path}", headers=self.headers)

    def send(self, method, path, body=None):
        return getattr(Client(), method)(
            f"/api/v1/{path}",
            json.dumps({} if body is None else body),
            content_type="application/json",
            headers=self.headers,
        )

    def mail(self, **fields):
        answer = self.send("post", "mails/", {**MAIL, **fields})
        assert answer.status_code == 201, answer.content
        return answer.json()["mails"][0]["id"]

    def ids(self, query):
        return [mail["id"] for mail in self.get(f"mails/?{query}").json()["results"]]


@pytest.fixture
def api(key):
    return Api(key)


def test_a_mail_is_shown_with_every_documented_field(api):
    mail = api.mail(variables={"name": "Ann"}, tags=["a"], metadata={"n": 1})
    shown = api.get(f"mails/{mail}/").json()
    assert list(shown) == FIELDS
    assert (shown["from"], shown["to"], shown["subject"]) == (
        "shop@example.org",
        "ann@example.com",
        "Hello Ann",
    )
    assert (shown["state"], shown["attempts"], shown["delivered_at"]) == ("waiting", 0, None)
    assert (shown["tags"], shown["metadata"]) == (["a"], {"n": 1})
    assert shown["created_at"].endswith("Z")


def test_a_delivered_mail_says_when(api):
    mail = api.mail()
    Mail.objects.update(state="delivered", ended_at=timezone.now())
    shown = api.get(f"mails/{mail}/").json()
    assert shown["delivered_at"] and shown["state"] == "delivered"


def test_the_list_is_newest_first_and_counts_by_the_ledger(api):
    mails = [api.mail() for _ in range(3)]
    page = api.get("mails/?limit=2").json()
    assert page["count"] == 3
    assert [mail["id"] for mail in page["results"]] == mails[:0:-1]
    assert "offset=2" in page["next"] and page["previous"] is None


def test_every_filter_filters(api, account):
    campaign = spoolers.open_campaign(account, name="News", now=timezone.now())
    plain = api.mail()
    tagged = api.mail(tags=["blue", "green"], to="bob@example.com", spooler=campaign.token)
    Mail.objects.filter(public_id=plain).update(state="failed", created_at=timezone.now() - timedelta(days=2))
    yesterday = (timezone.now() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert (
        api.ids("tag=blue")
        == api.ids("to=bob@example.com")
        == api.ids(f"spooler={campaign.token}")
        == [tagged]
    )
    assert api.ids(f"created_after={yesterday}") == [tagged]
    assert api.ids("state=failed") == api.ids(f"created_before={yesterday}") == [plain]
    assert api.ids("tag=blu") == api.ids("domain=example.org") == api.ids("spooler=s0") == []
    assert api.get(f"mails/?spooler={campaign.token}").json()["count"] == 1


@pytest.mark.parametrize("spelling", ["ann@b%C3%BCcher.example", "ann@B%C3%9CCHER.example"])
def test_a_recipient_is_found_as_the_client_wrote_it(api, spelling):
    mail = api.mail(to="ann@bücher.example")
    assert api.ids(f"to={spelling}") == [mail]
    assert api.ids("to=no+address") == []


@pytest.mark.parametrize(
    "query",
    [
        "state=lost",
        "created_after=yesterday",
        "created_after=0001-01-01T00:00:00%2B10:00",
        "created_before=9999-12-31T23:59:59-10:00",
        "tag=%00",
        "to=%00",
    ],
)
def test_a_filter_that_cannot_be_is_refused(api, query):
    assert api.get(f"mails/?{query}").status_code == 400


def test_mails_of_a_cancelled_spooler_are_shown_as_cancelled_untouched(api, account):
    campaign = spoolers.open_campaign(account, name="News", now=timezone.now())
    mail, other = api.mail(spooler=campaign.token), api.mail()
    spoolers.cancel(campaign, now=timezone.now())
    Mail.objects.update(state="waiting")
    assert api.get(f"mails/{mail}/").json()["state"] == "cancelled"
    assert (api.ids("state=cancelled"), api.ids("state=waiting")) == ([mail], [other])
    ledger = api.get(f"spoolers/{campaign.token}/ledger/").json()
    assert (ledger["waiting"], ledger["cancelled"], ledger["spooled"], ledger["balanced"]) == (0, 1, 1, True)


def test_a_ledger_has_the_ten_words_and_balances(api):
    token = api.get(f"mails/{api.mail()}/").json()["spooler"]
    ledger = api.get(f"spoolers/{token}/ledger/").json()
    assert ledger["spooled"] == ledger["waiting"] == 1 and ledger["balanced"] is True
    assert len(ledger) == 11


def test_a_spooler_is_shown(api, account):
    spooler = spoolers.open_campaign(account, name="News", now=timezone.now())
    shown = api.get(f"spoolers/{spooler.token}").json()
    assert (shown["name"], shown["type"], shown["state"], shown["lane"]) == (
        "News",
        "campaign",
        "pending",
        "bulk",
    )
    assert [row["token"] for row in api.get("spoolers/?type=campaign").json()["results"]] == [spooler.token]


def test_a_mail_tells_its_events_oldest_first(api):
    mail = api.mail()
    row = Mail.objects.get()
    for kind in (EventKind.TEMPFAIL, EventKind.DELIVERED):
        Event.objects.create(
            account_id=row.account_id,
            spooler_id=row.spooler_id,
            mail_id=row.pk,
            destination="example.com",
            provider="other",
            lane="transactional",
            kind=kind,
            at=timezone.now(),
        )
    found = api.get(f"mails/{mail}/events/").json()
    assert [event["kind"] for event in found["results"]] == ["spooled", "tempfail", "delivered"]
    assert found["results"][0]["mail"] == mail
    assert found["count"] == 3


def test_a_waiting_mail_is_cancelled_once_and_for_all(api):
    mail = api.mail()
    for _ in range(2):
        answer = api.send("post", f"mails/{mail}/cancel/")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


@pytest.mark.parametrize("state", ["sending", "delivered", "failed"])
def test_a_mail_that_has_left_cannot_be_cancelled(api, state):
    mail = api.mail()
    Mail.objects.update(state=state)
    answer = api.send("post", f"mails/{mail}/cancel")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "mail_has_left")


@pytest.mark.parametrize("path", ["mails/", "spoolers/", "people/", "suppressions/"])
def test_a_longer_list_costs_no_more_queries(api, path):
    def fill(number):
        api.mail()
        api.send("post", "people/", {"external_id": str(number), "contacts": [{"type": "sms", "value": "1"}]})
        api.send("post", "suppressions/", {"address": f"p{number}@x.io"})

    fill(1)
    with CaptureQueriesContext(
        connection,
    ) as few:
        api.get(path)
    fill(2)
    fill(3)
    with CaptureQueriesContext(connection) as many:
        api.get(path)
    assert len(many) == len(few) <= 7


def test_an_address_is_suppressed_found_and_freed(api):
    made = api.send("post", "suppressions/", {"address": "Ann@Example.com", "stream": "bulk"})
    assert made.status_code == 201
    assert (made.json()["reason"], made.json()["address"]) == ("manual", "Ann@example.com")
    found = api.get("suppressions/?address=ann@EXAMPLE.com").json()
    assert [row["id"] for row in found["results"]] == [made.json()["id"]]
    assert api.send("delete", f"suppressions/{made.json()['id']}/").status_code == 204
    assert api.get(f"suppressions/{made.json()['id']}").status_code == 404


@pytest.mark.parametrize(
    "body", [{"address": "ann"}, {}, {"address": "a@x.io", "why": 1}, {"address": "a@x.io", "stream": "x"}]
)
def test_a_suppression_that_cannot_be_is_refused(api, body):
    assert api.send("post", "suppressions/", body).status_code == 400


def test_a_person_is_added_changed_and_deleted(api):
    body = {"external_id": "x/1", "name": "Ann", "contacts": [{"type": "email", "value": "Ann <"}]}
    assert api.send("post", "people/", body).json()["errors"][0]["field"] == "contacts.0.value"
    body["contacts"] = [{"type": "email", "value": "ann@x.io"}, {"type": "sms", "value": "+1"}]
    made = api.send("post", "people/", {**body, "attributes": {"a": 1}}).json()
    assert list(made) == ["id", "external_id", "name", "lang", "contacts", "attributes"]
    path = f"people/{made['id']}/"
    assert api.send("patch", path, {"name": "Anna"}).json() == {**made, "name": "Anna"}
    blocked = {"type": "email", "value": "ann@x.io", "blocked": True}
    changed = api.send("patch", path, {"contacts": [blocked]}).json()
    assert changed["contacts"] == [{**blocked, "note": "", "reason": "staff"}]
    assert changed["name"] == "Anna"
    assert [row["id"] for row in api.get("people/?external_id=x/1").json()["results"]] == [made["id"]]
    assert api.send("delete", path).status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "people/", {"external_id": "x/1"}, 409),
        ("post", "people/", {"external_id": "x/2", "nick": "A"}, 400),
        ("post", "people/", {"name": "A"}, 400),
        ("post", "people/", {"external_id": "x/2", "contacts": MANY_CONTACTS}, 400),
        (
            "post",
            "people/",
            {"external_id": "x", "contacts": [{"type": "email", "value": "a@x.io"}] * 2},
            400,
        ),
        ("post", "people/", {"external_id": "x", "contacts": [{"type": "pigeon", "value": "a"}]}, 400),
        ("put", "people/{id}/", {"external_id": "x"}, 405),
        ("patch", "people/{id}/", {"contacts": [{"type": "email"}]}, 400),
        ("patch", "people/{id}/", [], 400),
    ],
)
def test_what_cannot_be_a_person_is_refused(api, method, path, body, status):
    made = api.send("post", "people/", {"external_id": "x/1"}).json()
    answer = api.send(method, path.format(id=made["id"]), body)
    assert answer.status_code == status
    assert answer.json()["errors"]


def test_a_person_whom_messages_name_stays(api, account, person):
    sender = Sender.objects.create(
        account=account, hash="0" * 64, name="S", email="s@x.io", email_expires_at=timezone.now()
    )
    message = HandoffMessage.objects.create(account=account, sender=sender, type="public")
    MessageRecipient.objects.create(message=message, person=person, position=0)
    answer = api.send("delete", f"people/{person.pk}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "in_use")
