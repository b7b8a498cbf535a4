"""Figures of tags, and what is stored of a recipient (contract §6.6, §6.7)."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import sealing
from earwig.models import Domain, Person
from spooling import data_requests, jobs, privacy
from spooling.models import JobRequest, Mail, Suppression
from stats.models import Event
from tests import http_servers, mail_moves
from tests.wires.smtpeter.clients import refused
from tests.wires.smtpeter.test_events import id_of, sent, told

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def visited(mail, kind, *counts):
    event = Event.objects.filter(mail_id=mail.pk).first()
    for each in counts:
        Event.objects.create(**told(event), kind=kind, at=timezone.now(), counts=each)


def test_a_tag_has_figures(caller):
    mail = sent(caller)
    sent(caller, tags=["blue"])
    mail_moves.settle(mail.pk, "delivered")
    visited(mail, "open", 1, 0)
    visited(mail, "click", 1)
    found = caller.get("stats/blue").json()
    assert caller.get("tag/blue").json() == found
    assert list(found)[:3] == ["tag", "first", "last"]
    assert {name: found[name] for name in list(found)[3:]} == {
        "all_opens": 2,
        "unique_opens": 1,
        "all_clicks": 1,
        "unique_clicks": 1,
        "messages": 2,
        "deliveries": 1,
    }
    assert caller.get("tag/red").json()["messages"] == 1


def test_the_tags_that_were_given_last_are_listed(caller):
    for number in range(12):
        sent(caller, tags=[f"t{number}"])
    sent(caller, tags=["t3"])
    assert [each["tag"] for each in caller.get("stats").json()] == [
        "t3",
        *(f"t{number}" for number in (11, 10, 9, 8, 7, 6, 5, 4, 2)),
    ]


def test_an_unknown_tag_or_another_s_is_not_found(caller, stranger):
    sent(caller)
    assert refused(stranger.get("tag/blue")) == (404, "There is no such tag.")
    assert stranger.get("stats").json() == []
    for tag in ("a%00b", "%ff", "x" * 3000, "é", "'"):
        assert refused(caller.get(f"tag/{tag}"))[0] == 404


def asked(caller, **body):
    answer = caller.post("datarequest", {"email": "john@doe.com", **body})
    assert answer.status_code == 201
    return answer.json()["id"]


def data(caller, number):
    return caller.get(f"datarequest/{number}").json()


def test_a_request_is_pending_and_then_ready(caller, acme):
    mail = sent(caller, data={"name": "John"})
    sent(caller, recipient="jane@doe.com")
    mail_moves.settle(mail.pk, "delivered")
    person = Person.objects.create(account=acme, external_id="p1", name="John")
    person.contacts.create(type="email", value="john@doe.com")
    number = asked(caller)
    assert caller.get(f"datarequest/{number}/status").json() == {"id": number, "status": "pending"}
    assert data(caller, number) == {
        "info": {"type": "email", "id": "john@doe.com"},
        "data": "Data not available (yet).",
    }
    jobs.run_due(now=timezone.now())
    assert caller.get(f"datarequest/{number}/status/").json() == {"id": number, "status": "ready"}
    found = data(caller, number)
    assert found["info"] == {"type": "email", "id": "john@doe.com"}
    (message, *events), (fact,) = found["data"]
    assert (message["id"], message["data"], message["subject"]) == (id_of(mail), {"name": "John"}, "S")
    assert {event["event"] for event in events} == {"attempt", "delivery"}
    assert fact == {"type": "person", "id": "p1", "name": "John"}


def test_domains_that_write_to_the_address_are_told(caller, acme, rival):
    Domain.objects.filter(account=acme).update(
        dmarc_policy={"addresses": ["john@doe.com"]}, draft_addresses=["John@doe.com", "ann@x.example"]
    )
    Domain.objects.filter(account=rival).update(dmarc_policy={"addresses": ["john@doe.com"]})
    number = asked(caller)
    jobs.run_due(now=timezone.now())
    assert data(caller, number)["data"] == [
        [{"type": "domain", "name": "example.com", "use": "reports on DMARC"}],
        [{"type": "domain", "name": "example.com", "use": "drafts"}],
    ]


def test_what_is_erased_meanwhile_is_not_shown(caller, acme):
    mail = sent(caller)
    mail_moves.settle(mail.pk, "delivered")
    number = asked(caller)
    jobs.run_due(now=timezone.now())
    later = timezone.now() + timedelta(days=10_000)
    privacy.erase_old_mails(later)
    assert data(caller, number)["data"] == []


def test_a_stranger_learns_nothing(caller, stranger):
    sent(caller)
    number = asked(caller)
    jobs.run_due(now=timezone.now())
    for path in (f"datarequest/{number}", f"datarequest/{number}/status"):
        assert refused(stranger.get(path)) == (404, "There is no such request.")
    other = asked(stranger)
    jobs.run_due(now=timezone.now())
    assert data(stranger, other)["data"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "nobody"},
        {"email": []},
        {"email": "a@b.example", "monitor": "x"},
        {"email": "a@b.example", "monitor": "http://10.0.0.1/"},
        {"email": "a@b.example", "monitor": "a@b@c"},
    ],
)
def test_a_wrong_request_is_refused(caller, body):
    assert refused(caller.post("datarequest", body))[0] == 400
    assert not JobRequest.objects.exists()


def test_a_monitor_is_called_once_it_is_ready(caller, settings):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.0/8"]
    with http_servers.serving() as receiver:
        number = asked(caller, monitor=f"{receiver.url}/ready")
        data_requests.tidy(now=timezone.now())
        assert receiver.asked == []
        jobs.run_due(now=timezone.now())
        data_requests.tidy(now=timezone.now())
        data_requests.tidy(now=timezone.now())
    (call,) = receiver.asked
    assert json.loads(call.body) == {"id": number, "status": "ready"}


def test_a_monitor_that_fails_is_given_up(caller, settings):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.0/8"]
    with http_servers.serving(lambda request: (500, {}, b"")) as receiver:
        asked(caller, monitor=receiver.url)
        jobs.run_due(now=timezone.now())
        for _ in range(data_requests.TRIES + 3):
            data_requests.tidy(now=timezone.now())
    assert len(receiver.asked) == data_requests.TRIES


def test_a_monitor_may_be_an_address(caller):
    asked(caller, monitor="boss@example.com")
    jobs.run_due(now=timezone.now())
    mail = Mail.objects.get()
    assert (mail.email, mail.content.from_email) == ("boss@example.com", "no-reply@example.com")


def test_a_suppression_is_a_fact(caller, acme):
    Suppression.objects.create(
        account=acme, address_hash=sealing.address_hash("john@doe.com"), reason="complaint", created_at=NOW
    )
    number = asked(caller)
    jobs.run_due(now=timezone.now())
    ((fact,),) = data(caller, number)["data"]
    assert (fact["type"], fact["reason"]) == ("suppression", "complaint")


def test_old_requests_are_forgotten(caller):
    number = asked(caller)
    JobRequest.objects.update(created_at=timezone.now() - data_requests.KEPT)
    data_requests.tidy(now=timezone.now())
    assert refused(caller.get(f"datarequest/{number}"))[0] == 404
