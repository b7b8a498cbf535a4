"""Scenario 25 of the handoff contract (§15): what original senders say, and staff's overview of it."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from earwig.messages import responses, tokens
from earwig.models import ContactDetail, DeliveryAttempt, ResponseStatistic
from tests.wires.handoff.clients import rows_of

pytestmark = pytest.mark.django_db

OVERVIEW = "/management/statistics/overview/"


def path_of(attempt):
    return f"/statistics/{attempt.pk}/{tokens.token_of(tokens.Purpose.STATISTICS, attempt.pk)}/"


@pytest.fixture
def make_attempt(application, person):
    def make(template="default"):
        message_id = application.hand_over(recipients=person.external_id).json()["id"]
        contact = ContactDetail.objects.get(person=person)
        return DeliveryAttempt.objects.create(
            recipient=rows_of(message_id)[0], contact=contact, template=template
        )

    return make


@pytest.fixture
def staff(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    return client


def figures_of(page):
    rows = re.findall(r"<tr><th>([^<]*)</th>((?:<td>\d+</td>)+)</tr>", page.content.decode())
    return {name: [int(count) for count in re.findall(r"\d+", cells)] for name, cells in rows}


def test_handoff_25_three_answers_and_an_unused_template(staff, make_attempt):
    make_attempt("short")
    for kind in ("reply_good", "reply_good", "reply_none"):
        answer = staff.post(path_of(make_attempt()), {"communication_type": kind})
        assert answer.status_code == 200 and b"Thank you" in answer.content
    page = staff.get(OVERVIEW)
    # good, bad, unknown, none
    assert figures_of(page) == {"default": [2, 0, 0, 1], "short": [0, 0, 0, 0]}
    assert b"Stalled attempts: 0" in page.content
    one = staff.get(f"{OVERVIEW}default")
    assert figures_of(one) == {"default": [2, 0, 0, 1]}
    assert one.content.count(b"one@people.example") == 3


def test_handoff_25_a_visitor_is_sent_to_the_login(client, django_user_model, db):
    for path in (OVERVIEW, f"{OVERVIEW}default", f"/handoff{OVERVIEW}"):
        answer = client.get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/admin/login/?next=")
    client.force_login(django_user_model.objects.create_user("member"))
    assert client.get(OVERVIEW).status_code == 302


def test_a_later_word_replaces_the_earlier(client, make_attempt):
    attempt = make_attempt()
    for kind in ("reply_bad", "reply_good"):
        client.post(path_of(attempt), {"communication_type": kind})
    assert ResponseStatistic.objects.get().kind == "reply_good"


def test_a_page_without_a_right_link_is_not_there(client, make_attempt):
    attempt = make_attempt()
    flag = tokens.token_of(tokens.Purpose.FLAG, attempt.pk)
    answer = client.get(f"/statistics/{attempt.pk}/{flag}/")
    assert answer.status_code == 400 and b"invalid secret" in answer.content
    for number in ("99999", "abc", "9" * 30):
        assert client.get(f"/statistics/{number}/{flag}/").status_code == 404
        assert client.post(f"/statistics/{number}/{flag}/").status_code == 404


def test_an_unknown_word_shows_the_form_again(client, make_attempt):
    attempt = make_attempt()
    answer = client.post(path_of(attempt), {"communication_type": "rubbish"})
    assert answer.status_code == 200 and b"errorlist" in answer.content
    assert Client(enforce_csrf_checks=True).post(path_of(attempt)).status_code == 403
    assert not ResponseStatistic.objects.exists()


def test_answers_are_found_by_person_and_by_contact(make_attempt, person, other_person):
    attempt = make_attempt()
    responses.say(attempt, kind="reply_bad", now=timezone.now())
    assert [row.attempt for row in responses.of_person(person)] == [attempt]
    assert [row.attempt for row in responses.of_contact(attempt.contact)] == [attempt]
    assert not responses.of_person(other_person).exists()


def test_the_overview_costs_the_same_for_any_number_of_templates(
    staff, make_attempt, django_assert_max_num_queries
):
    for number in range(5):
        make_attempt(f"template {number}")
    with django_assert_max_num_queries(5):
        staff.get(OVERVIEW)
