"""Scenarios 1 to 10 of the handoff contract (§15): senders, their ids, their time, their erasure."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from earwig.models import Sender, SenderPurge
from spooling import privacy
from tests.wires.handoff.clients import SENDER_ID

pytestmark = pytest.mark.django_db

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def instants_of(answer):
    return [datetime.fromisoformat(answer[name]) for name in ("created_at", "email_expires_at")]


def test_handoff_01_a_sender_is_created_with_the_documented_id(application):
    with time_machine.travel(NOW, tick=False):
        answer = application.vouch()
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"id", "email", "name", "created_at", "email_expires_at"}
    assert body["id"] == SENDER_ID
    assert (body["email"], body["name"]) == ("whomever@example.com", "Joe Bleu")
    assert INSTANT.fullmatch(body["created_at"]) and INSTANT.fullmatch(body["email_expires_at"])
    created_at, expires_at = instants_of(body)
    assert timedelta(days=9, hours=23, minutes=59) <= expires_at - created_at <= timedelta(days=10)


def test_handoff_02_a_shorter_ttl_renames_but_shortens_nothing(application):
    first = application.vouch().json()
    second = application.vouch(name="Joe Vert", ttl=1).json()
    assert second == {**first, "name": "Joe Vert"}


def test_handoff_03_a_longer_ttl_extends(application):
    application.vouch()
    now = datetime.now(UTC)
    _, expires_at = instants_of(application.vouch(ttl=70).json())
    assert expires_at >= now + timedelta(days=69, hours=23)


@pytest.mark.parametrize("ttl", ["-5", "0", " 1 "])
def test_handoff_04_a_ttl_below_a_day_counts_as_one(application, ttl):
    created_at, expires_at = instants_of(application.vouch(ttl=ttl).json())
    assert expires_at - created_at == timedelta(days=1)


def test_handoff_04_a_ttl_beyond_all_dates_is_cut(application):
    created_at, expires_at = instants_of(application.vouch(ttl="99999999999999999999").json())
    assert expires_at - created_at == timedelta(days=36_500)


@pytest.mark.parametrize("missing", ["email", "name", "ttl"])
def test_handoff_05_a_missing_field_is_named(application, missing):
    answer = application.vouch(**{missing: None})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/plain")
    assert missing in answer.content.decode()


def test_handoff_05_the_first_missing_field_is_named_before_the_key(keyless):
    assert keyless.post("/sender/", ttl=1).content == b"missing parameter: email"
    assert keyless.post("/sender/", email="a@b.org", ttl=1).content == b"missing parameter: name"
    assert keyless.vouch().content == b"missing parameter: key"


@pytest.mark.parametrize("ttl", ["abc", "", "1.5", "1e3", "9" * 5000])
def test_handoff_06_a_ttl_that_is_no_number_stores_nothing(application, ttl):
    answer = application.vouch(ttl=ttl)
    assert (answer.status_code, answer.content) == (400, b"invalid parameter: ttl")
    assert not Sender.objects.exists()


def test_handoff_07_letter_case_makes_another_sender(application):
    assert application.vouch(email="Whomever@example.com").json()["id"] != SENDER_ID
    assert application.vouch(email="whomever@example.com ").json()["email"] == "whomever@example.com "


def test_handoff_08_a_purge_after_the_time_erases_and_keeps_the_message(application, person):
    message = application.hand_over(recipients=person.external_id).json()
    later = datetime.now(UTC) + timedelta(days=10, seconds=1)
    assert privacy.purge_overdue(later) == 1
    sender = Sender.objects.get(hash=SENDER_ID)
    assert (sender.email, sender.name) == (None, "")
    assert SenderPurge.objects.get().sender == sender
    kept = application.get(f"/message/{message['id']}/").json()
    assert (kept["sender"], kept["message"]) == (SENDER_ID, "Hello, World")


def test_handoff_09_a_purged_sender_comes_back_to_life(application):
    first = application.vouch().json()
    message = application.hand_over(sender=SENDER_ID).json()
    privacy.purge_overdue(datetime.now(UTC) + timedelta(days=11))
    assert application.hand_over(sender=SENDER_ID).status_code == 200
    again = application.vouch().json()
    assert (again["id"], again["email"], again["name"]) == (SENDER_ID, "whomever@example.com", "Joe Bleu")
    assert again["created_at"] == first["created_at"]
    assert Sender.objects.get().messages.filter(pk=message["id"]).exists()


def test_handoff_10_nothing_is_erased_before_the_time(application):
    before = application.vouch().json()
    assert privacy.purge_overdue(datetime.now(UTC) + timedelta(days=9)) == 0
    sender = Sender.objects.get()
    assert (sender.email, sender.name) == (before["email"], before["name"])


def test_a_full_second_still_shows_six_digits(application):
    with time_machine.travel(NOW, tick=False):
        assert application.vouch().json()["created_at"] == "2026-03-01T12:00:00.000000+00:00"


def test_two_accounts_have_a_sender_each(application, stranger):
    application.vouch()
    assert stranger.vouch(name="Other").json()["id"] == SENDER_ID
    assert sorted(Sender.objects.values_list("name", flat=True)) == ["Joe Bleu", "Other"]
    assert application.vouch(ttl=1).json()["name"] == "Joe Bleu"


@pytest.mark.parametrize(
    "field, value",
    [
        ("email", "nobody"),
        ("email", "a@b@c"),
        ("email", "@b.org"),
        ("email", "a@"),
        ("email", f"{'a' * 250}@b.org"),
        ("email", "a@b.org\r\nBcc: c@d.org"),
        ("email", "a\0@b.org"),
        ("name", "x" * 201),
        ("name", "Joe\nBleu"),
        ("name", "Joe\0Bleu"),
        ("ttl", "1\0"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(application, field, value):
    answer = application.vouch(**{field: value})
    assert (answer.status_code, answer.content.decode()) == (400, f"invalid parameter: {field}")
    assert not Sender.objects.exists()


def test_a_non_ascii_address_is_hashed_as_utf8(application):
    assert application.vouch(email="é@exämple.org").json()["email"] == "é@exämple.org"
