"""Scenario 23 of the handoff contract (§15), and the feedback page's other promises (§7)."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from earwig.messages import tokens
from earwig.models import ContactDetail, DeliveryAttempt
from spooling import attempts
from spooling.models import Mail, Suppression
from tests.wires.handoff.clients import attempts_of, flag_path, mail_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed_over(application, make_person):
    """The id of a message on its way to a person with two addresses."""
    person = make_person("ocd-person/1", "one@people.example", "two@people.example")
    message_id = application.hand_over(recipients=person.external_id).json()["id"]
    attempts.spool_due(timezone.now())
    Mail.objects.update(state="delivered", ended_at=timezone.now())
    attempts.collect(timezone.now())
    return message_id


@pytest.fixture
def attempt(handed_over):
    return attempts_of(handed_over)[0]


def test_handoff_23_reading_changes_nothing_and_unsubscribing_counts(
    client, application, handed_over, attempt
):
    path = flag_path(attempt)
    for _ in range(2):
        page = client.get(path)
        assert page.status_code == 200 and b"feedback_type" in page.content
    assert client.head(path).status_code == 200
    attempt.refresh_from_db()
    assert (attempt.feedback_type, attempt.status) == ("none", "sent")
    before = attempt.updated_at
    answer = client.post(path, {"feedback_type": "unsubscribe", "note": "Please stop."})
    assert answer.status_code == 200 and b"Thank you" in answer.content
    attempt.refresh_from_db()
    assert (attempt.feedback_type, attempt.feedback_note) == ("unsubscribe", "Please stop.")
    assert attempt.status == "blocked" and attempt.updated_at > before
    contact = ContactDetail.objects.get(value="one@people.example")
    assert (contact.blocked, contact.reason) == (True, "feedback")
    assert Suppression.objects.get().reason == "unsubscribe"
    assert application.statuses(handed_over) == ["expired"]
    assert len(attempts_of(handed_over)) == 1
    for again in (client.get(path), client.post(path, {"feedback_type": "offensive"})):
        assert again.status_code == 400 and b"already flagged" in again.content


def test_handoff_23_wrong_links_open_nothing(client, attempt):
    path = flag_path(attempt)
    foreign = tokens.token_of(tokens.Purpose.STATISTICS, attempt.pk)
    for wrong in ("0" * 32, "ü", foreign, tokens.token_of(tokens.Purpose.FLAG, attempt.pk + 1)):
        for answer in (
            client.get(f"/flag/{attempt.pk}/{wrong}/"),
            client.post(f"/flag/{attempt.pk}/{wrong}/"),
        ):
            assert answer.status_code == 400 and b"invalid secret" in answer.content
    token = path.rstrip("/").rpartition("/")[2]
    for number in ("99999", "abc", "-1", "9" * 30, "٣"):
        answer = client.get(f"/flag/{number}/{token}/")
        assert answer.status_code == 400 and b"no such attempt" in answer.content


def test_the_token_is_asked_before_the_state_is_told(client, attempt):
    client.post(flag_path(attempt), {"feedback_type": "offensive"})
    answer = client.get(f"/flag/{attempt.pk}/{'0' * 32}/")
    assert b"invalid secret" in answer.content and b"already" not in answer.content


@pytest.mark.parametrize(
    "kind, status", [("contact_detail_blacklist", "blocked"), ("wrong_person", "bad_data")]
)
def test_a_wrong_contact_makes_way_for_the_next_at_once(
    client, application, handed_over, attempt, kind, status
):
    client.post(flag_path(attempt), {"feedback_type": kind})
    first, second = attempts_of(handed_over)
    assert (first.status, second.status) == (status, "scheduled")
    assert mail_of(second).email == "two@people.example"
    assert application.statuses(handed_over) == ["attempted"]
    assert not Suppression.objects.exists()
    client.post(flag_path(second), {"feedback_type": kind})
    assert application.statuses(handed_over) == ["expired"]


def test_an_offence_is_recorded_and_changes_nothing_else(client, application, handed_over, attempt):
    client.post(flag_path(attempt), {"feedback_type": "offensive"})
    attempt.refresh_from_db()
    assert (attempt.feedback_type, attempt.status) == ("offensive", "sent")
    assert application.statuses(handed_over) == ["sent"]
    assert not ContactDetail.objects.filter(blocked=True).exists()


@pytest.mark.parametrize("kind", ["none", "rubbish", ""])
def test_an_unknown_word_shows_the_form_with_its_error(client, attempt, kind):
    answer = client.post(flag_path(attempt), {"feedback_type": kind})
    assert answer.status_code == 200 and b"errorlist" in answer.content
    attempt.refresh_from_db()
    assert attempt.feedback_type == "none"


def test_a_note_with_nul_or_without_end_is_refused(client, attempt):
    for note in ("a\0b", "x" * 2001):
        answer = client.post(flag_path(attempt), {"feedback_type": "offensive", "note": note})
        assert b"errorlist" in answer.content
    attempt.refresh_from_db()
    assert attempt.feedback_type == "none"


def test_a_form_needs_its_csrf_token(attempt):
    browser = Client(enforce_csrf_checks=True)
    path = flag_path(attempt)
    assert browser.post(path, {"feedback_type": "unsubscribe"}).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(path).content.decode())[1]
    fields = {"feedback_type": "unsubscribe", "csrfmiddlewaretoken": token}
    assert browser.post(path, fields).status_code == 200


def test_one_click_needs_no_csrf_token_and_always_works(application, handed_over, attempt):
    provider = Client(enforce_csrf_checks=True)
    path = flag_path(attempt)
    Client().post(path, {"feedback_type": "offensive", "note": "Rude."})
    for _ in range(2):
        body = "List-Unsubscribe=One-Click"
        answer = provider.post(path, body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
    attempt.refresh_from_db()
    assert (attempt.feedback_type, attempt.feedback_note) == ("unsubscribe", "Rude.")
    assert application.statuses(handed_over) == ["expired"]
    assert Suppression.objects.get().source == "feedback page"


def test_unsubscribing_works_though_the_contact_became_a_number(client, attempt):
    ContactDetail.objects.filter(pk=attempt.contact_id).update(type="voice", value="+1 555 0100")
    assert client.post(flag_path(attempt), {"feedback_type": "unsubscribe"}).status_code == 200
    attempt.refresh_from_db()
    assert attempt.feedback_type == "unsubscribe"
    assert not Suppression.objects.exists()


def test_a_one_click_on_a_wrong_link_does_nothing(client, attempt):
    answer = client.post(f"/flag/{attempt.pk}/{'0' * 32}/", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 400
    assert not DeliveryAttempt.objects.exclude(feedback_type="none").exists()


def test_the_page_runs_and_loads_nothing(client, attempt):
    page = client.get(flag_path(attempt))
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert page["X-Content-Type-Options"] == "nosniff"
