"""What became of mails: by the mail, the recipient, the template, the tags; in windows of days (contract §5.4)."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from spooling.inbound import marks
from spooling.inbound.dsn import Outcome
from spooling.models import Mail
from spooling.models.inbound import IncomingKind, IncomingMail
from spooling.outbox import public_ids
from spooling.wires.smtpeter import windows, wire
from stats.models import Event
from templates_app import templates
from templates_app.models import Language
from tests import mail_moves
from tests.wires.smtpeter.clients import refused

pytestmark = pytest.mark.django_db

SEED = {
    "recipient": "john@doe.com",
    "subject": "S",
    "html": "Hi",
    "from": "info@example.com",
    "envelope": "back@example.com",
    "tags": ["blue", "red"],
}


@pytest.fixture
def mail(caller):
    return sent(caller)


def sent(caller, **changes):
    assert caller.post("send", SEED | changes).status_code == 200
    return Mail.objects.latest("id")


def id_of(mail):
    return public_ids.letter_first(mail.public_id)


def listed(answer):
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    return answer.json()


def kinds(answer):
    return [event["event"] for event in listed(answer)]


def bounced(mail):
    now = timezone.now()
    raw = b"From: postmaster@x.example\r\n\r\ngone"
    IncomingMail.objects.create(
        account_id=mail.account_id, mail_id=mail.pk, kind=IncomingKind.BOUNCE, digest="1" * 64, raw=raw
    )
    marks.bounce(mail.pk, Outcome(action="failed", status="5.1.1", code=550, text="no such user"), now=now)
    return raw.decode()


def test_an_event_has_each_field_flat_and_in_data(caller, mail):
    (attempt,) = listed(caller.get(f"events/messageid/{id_of(mail)}"))
    at = Event.objects.get().at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    fields = {
        "id": id_of(mail),
        "time": at,
        "envelope": "back@example.com",
        "recipient": "john@doe.com",
        "properties": "trackclicks;trackopens;trackbounces",
        "tags": "blue;red",
        "templateid": 0,
    }
    assert attempt == {**fields, "event": "attempt", "data": fields}


def test_events_come_in_order_of_time_and_tell_of_every_try(caller, mail):
    mail_moves.settle(mail.pk, "tempfail", "delivered")
    found = listed(caller.get(f"events/messageid/{id_of(mail)}"))
    assert [event["event"] for event in found] == ["attempt", "delivery"]
    assert found[1]["attempt"] == 1
    assert all(
        isinstance(value, int) if name in ("attempt", "templateid") else isinstance(value, str)
        for event in found
        for name, value in event["data"].items()
    )


def test_a_bounce_is_a_failure_too(caller, mail):
    mail_moves.settle(mail.pk, "delivered")
    raw = bounced(mail)
    found = {event["event"]: event for event in listed(caller.get("events/email/john@doe.com"))}
    assert set(found) == {"attempt", "delivery", "bounce", "failure"}
    assert found["bounce"]["mime"] == raw
    failure = found["failure"]
    assert (failure["state"], failure["code"], failure["status"]) == ("bounce", "550", "5.1.1")


def test_a_visit_says_what_is_kept_of_it(caller, mail):
    detail = {"who": "human", "ip": "192.0.2.9", "useragent": "Mutt", "url": "https://shop.example/"}
    event = Event.objects.get()
    Event.objects.create(**told(event), kind="click", at=event.at + timedelta(seconds=1), detail=detail)
    click = listed(caller.get(f"events/messageid/{id_of(mail)}"))[1]
    assert (click["event"], click["ip"], click["headers"]) == ("click", "192.0.2.9", "User-Agent: Mutt")
    assert click["url"] == click["destination"] == "https://shop.example/"


def told(event):
    names = ("account_id", "domain_id", "spooler_id", "mail_id", "destination", "provider", "lane")
    return {name: getattr(event, name) for name in names}


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("events/email/john@doe.com", 1),
        ("events/email/john%40DOE.com/", 1),
        ("events/email/jane@doe.com", 0),
        ("events/email/nobody", 0),
        ("events/tags/blue", 1),
        ("events/tags/blue;red", 1),
        ("events/tags/blue/red/", 1),
        ("events/tags/blue;green", 0),
        ("events/template/1", 0),
        ("events/template/nothing", 0),
    ],
)
def test_events_are_found_by_what_mails_are(caller, mail, path, count):
    assert len(listed(caller.get(path))) == count


def test_tags_narrow_every_question(caller, mail):
    sent(caller, tags=["green"])
    assert len(listed(caller.get("events/email/john@doe.com"))) == 2
    assert len(listed(caller.get("events/email/john@doe.com", query={"tags": "red;blue"}))) == 1
    assert len(listed(caller.get("events/email/john@doe.com", query={"tags": "red;green"}))) == 0
    assert len(listed(caller.get(f"events/messageid/{id_of(mail)}", query={"tags": "green"}))) == 0


def test_mails_of_a_template_are_found_by_its_id_and_name_also_when_sent_again(caller, acme):
    draft = templates.Draft(name="Welcome", language=Language.SMARTY, texts={"html": "<p>Hello</p>"})
    row = templates.add(acme.pk, draft=draft, now=acme.created_at)
    mail = sent(caller, template="Welcome")
    caller.post("resend", {"message": id_of(mail)})
    for which in (row.pk, "Welcome"):
        found = listed(caller.get(f"events/template/{which}"))
        assert [event["templateid"] for event in found] == [row.pk] * 2
    number = row.pk
    templates.remove(row)
    assert len(listed(caller.get(f"events/template/{number}"))) == 2


def test_a_stranger_finds_nothing(caller, stranger, mail):
    assert refused(stranger.get(f"events/messageid/{id_of(mail)}")) == (404, "No such message")
    for path in ("events/email/john@doe.com", "events/tags/blue", "events/template/1"):
        assert listed(stranger.get(path)) == []
        assert refused(stranger.with_token("bogus").get(path))[0] == 401


def test_without_days_the_month_that_a_mail_was_sent_in_is_shown(caller, mail):
    past = timezone.now() - timedelta(days=100)
    Mail.objects.update(created_at=past)
    Event.objects.update(at=past)
    assert len(listed(caller.get(f"events/messageid/{id_of(mail)}"))) == 1
    assert listed(caller.get("events/email/john@doe.com")) == []
    start = {"start": past.date().isoformat()}
    assert len(listed(caller.get("events/email/john@doe.com", query=start))) == 1
    assert len(listed(caller.get("events/tags/red", query=start))) == 1


DAY = date(2022, 2, 8)


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ({}, date(2022, 1, 9), date(2022, 2, 9)),
        ({"start": "2022-01-31"}, date(2022, 1, 31), date(2022, 2, 28)),
        ({"end": "2022-03-31"}, date(2022, 2, 28), date(2022, 3, 31)),
        ({"start": "2022-02-08", "end": "2022-02-09"}, date(2022, 2, 8), date(2022, 2, 9)),
        ({"start": "2022-01-01", "end": "2022-12-31"}, date(2022, 1, 1), date(2022, 2, 1)),
    ],
)
def test_a_window_is_a_month_at_most(query, since, until):
    found = windows.read(query, today=DAY)
    assert (found.since, found.until) == tuple(
        datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (since, until)
    )


@pytest.mark.parametrize(
    "query",
    [
        {"start": "2022-02-08", "end": "2022-02-08"},
        {"start": "2022-02-09", "end": "2022-02-08"},
        *(
            {"start": text}
            for text in ("x", "2022-2-8", "2022-02-30", "20220208", "0001-01-01", "9999-12-31")
        ),
        *({"end": text} for text in ("-", "2022-13-01", "0000-01-01", "٢٠٢٢-٠٢-٠٨", "2022-02-08\0")),
    ],
)
def test_a_wrong_window_is_refused(caller, mail, query):
    for path in (f"events/messageid/{id_of(mail)}", "events/email/a@b.example", "events/tags/a"):
        assert refused(caller.get(path, query=query))[0] == 400


@pytest.mark.parametrize("which", ["a%00b", "%ff", "é", "x" * 3000, ";", "'", "%2e%2e", "9" * 30, "a@b;c"])
@pytest.mark.parametrize("by", ["email", "tags", "template"])
def test_any_path_is_answered(caller, mail, by, which):
    assert isinstance(listed(caller.get(f"events/{by}/{which}")), list)


def test_a_long_answer_comes_piece_by_piece(caller, monkeypatch, mail):
    monkeypatch.setattr(wire, "AT_ONCE", 100)
    for _ in range(3):
        sent(caller)
    answer = caller.get("events/email/john@doe.com")
    assert answer.streaming and "Content-Length" not in answer
    assert len(json.loads(answer.getvalue())) == 4
    assert answer["Content-Type"] == "application/json"


def test_many_events_take_no_query_each(caller, mail, django_assert_max_num_queries):
    for _ in range(10):
        sent(caller)
    with django_assert_max_num_queries(20):
        assert len(listed(caller.get("events/tags/blue"))) == 11
