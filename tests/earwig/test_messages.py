"""Accepting messages, choosing contacts, following attempts, feedback: the core below all wires."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from earwig import errors, messages, senders
from earwig.messages import attempts, contacts, feedback, responses, tokens
from earwig.models import (
    ContactDetail,
    DeliveryAttempt,
    HandoffMessage,
    Reply,
    ResponseStatistic,
    Sender,
)
from earwig.models.messages import AttemptStatus, FeedbackType, RecipientStatus

NOW = timezone.now()
JOE = messages.SenderDraft(email="joe@bleu.example", name="Joe Bleu", ttl_days=10)


def draft(*recipients, sender=JOE, **fields):
    return messages.Draft(
        **{"type": "private", "subject": "s", "message": "m", "sender": sender, **fields},
        recipients=recipients,
    )


@pytest.fixture
def make_row(account):
    def make(person):
        message = messages.accept(account, draft(person.external_id), now=NOW)
        return message.recipients.get()

    return make


def begin(row):
    created = attempts.begin([row], now=NOW)
    row.refresh_from_db()
    return created[0] if created else None


def conclude(attempt, status):
    following = attempts.conclude({attempt.pk: AttemptStatus(status)}, now=NOW)
    attempt.refresh_from_db()
    return following


def status_of(row):
    row.refresh_from_db()
    return row.status


def test_a_message_is_stored_with_its_people_in_order(account, person, other_person):
    ids = (other_person.external_id, person.external_id, other_person.external_id)
    message = messages.accept(account, draft(*ids), now=NOW)
    rows = message.recipients.order_by("position")
    assert [(row.person, row.status) for row in rows] == [
        (other_person, "unscheduled"),
        (person, "unscheduled"),
    ]
    assert message.sender.email == "joe@bleu.example"


def test_an_unknown_person_stores_nothing_at_all(account, other_account, person, make_person):
    foreign = make_person("ocd-person/9", of=other_account)
    with pytest.raises(errors.UnknownPerson) as refused:
        messages.accept(account, draft(person.external_id, foreign.external_id), now=NOW)
    assert refused.value.args == ("ocd-person/9",)
    assert not Sender.objects.exists() and not HandoffMessage.objects.exists()


def test_a_sender_of_another_account_is_unknown(account, other_account):
    foreign = senders.vouch(other_account, email="a@b.org", name="", ttl_days=1, now=NOW)
    with pytest.raises(errors.UnknownSender):
        messages.accept(account, draft(sender=foreign.hash), now=NOW)


def test_contacts_are_tried_in_stored_order_without_those_that_failed(make_person, make_row):
    row = make_row(make_person("p", "one@people.example", "two@people.example", "three@people.example"))
    tried = []
    attempt = begin(row)
    while attempt is not None:
        tried.append(attempt.contact.value)
        following = conclude(attempt, ("bad_data", "invalid", "blocked")[len(tried) - 1])
        attempt = following[0] if following else None
    assert tried == ["one@people.example", "two@people.example", "three@people.example"]
    assert status_of(row) == "expired"


def test_what_cannot_be_mailed_is_no_contact(make_person, make_row):
    person = make_person("p", "no address", "a@b", "x" * 65 + "@people.example")
    ContactDetail.objects.create(person=person, type="sms", value="+15550100")
    ContactDetail.objects.create(
        person=person, type="email", value="b@people.example", blocked=True, reason="staff"
    )
    row = make_row(person)
    assert contacts.choose([row]) == {}
    assert begin(row) is None
    assert row.status == "expired"


def test_a_contact_that_succeeded_is_used_again_only_after_an_answer(make_person, make_row):
    row = make_row(make_person("p", "one@people.example"))
    attempt = begin(row)
    conclude(attempt, "success")
    assert contacts.choose([row]) == {}
    Reply.objects.create(recipient=row, from_sender=False, body="Thanks", created_at=NOW)
    assert contacts.choose([row])[row.pk] == attempt.contact


def test_failures_of_one_row_do_not_spend_the_contact_for_another(make_person, make_row):
    person = make_person("p", "one@people.example", "two@people.example")
    first, second = make_row(person), make_row(person)
    conclude(begin(first), "bad_data")
    assert contacts.choose([second])[second.pk].value == "one@people.example"


def test_choosing_costs_the_same_for_any_number_of_rows(make_person, make_row, django_assert_num_queries):
    rows = [make_row(make_person(f"p{number}", f"p{number}@people.example")) for number in range(20)]
    with django_assert_num_queries(3):
        assert len(contacts.choose(rows)) == 20


@pytest.mark.parametrize(
    "outcome, attempt_status, row_status",
    [
        ("sent", "sent", "sent"),
        ("success", "success", "sent"),
        ("retry", "retry", "attempted"),
        ("invalid", "invalid", "expired"),
        ("bad_data", "bad_data", "expired"),
        ("blocked", "blocked", "expired"),
    ],
)
def test_an_outcome_moves_attempt_and_row(make_person, make_row, outcome, attempt_status, row_status):
    row = make_row(make_person("p", "one@people.example"))
    attempt = begin(row)
    assert row.status == "pending"
    conclude(attempt, outcome)
    assert (attempt.status, status_of(row)) == (attempt_status, row_status)


def test_a_late_bounce_takes_a_sent_row_back(make_person, make_row):
    row = make_row(make_person("p", "one@people.example", "two@people.example"))
    attempt = begin(row)
    conclude(attempt, "sent")
    (following,) = conclude(attempt, "bad_data")
    assert status_of(row) == "attempted"
    conclude(following, "sent")
    assert status_of(row) == "sent"


def test_a_late_delivery_does_not_undo_what_the_recipient_said(make_person, make_row):
    row = make_row(make_person("p", "one@people.example"))
    attempt = begin(row)
    feedback.record(attempt, kind=FeedbackType.UNSUBSCRIBE, now=NOW)
    conclude(attempt, "sent")
    assert (attempt.status, status_of(row)) == ("blocked", "expired")


def test_the_same_outcome_twice_makes_one_attempt(make_person, make_row):
    row = make_row(make_person("p", "one@people.example", "two@people.example"))
    attempt = begin(row)
    assert len(conclude(attempt, "bad_data")) == 1
    assert conclude(attempt, "bad_data") == []
    assert DeliveryAttempt.objects.filter(recipient=row).count() == 2


@given(st.lists(st.sampled_from(AttemptStatus.values), min_size=1, max_size=6))
def test_a_row_is_sent_if_anything_reached_it_and_lost_only_if_all_failed(statuses):
    status = attempts.status_of(statuses)
    assert (status == RecipientStatus.SENT) == any(each in attempts.REACHED for each in statuses)
    assert (status is None) == all(each in contacts.FAILED for each in statuses)
    assert status in (None, "sent", "pending", "attempted")


@given(st.sets(st.sampled_from(AttemptStatus.values)))
def test_the_vocabulary_of_attempts_is_partitioned(statuses):
    groups = [set(attempts.OPEN), set(attempts.REACHED), set(contacts.FAILED)]
    assert all(sum(status in group for group in groups) == 1 for status in statuses)


def test_feedback_is_taken_once(make_person, make_row):
    attempt = begin(make_row(make_person("p", "one@people.example")))
    feedback.record(attempt, kind=FeedbackType.OFFENSIVE, note="Rude", now=NOW)
    with pytest.raises(errors.AlreadyFlagged):
        feedback.record(attempt, kind=FeedbackType.UNSUBSCRIBE, now=NOW)
    attempt.refresh_from_db()
    assert (attempt.feedback_type, attempt.feedback_note, attempt.status) == (
        "offensive",
        "Rude",
        "scheduled",
    )


def test_every_word_of_feedback_has_its_consequence():
    assert set(feedback.CONSEQUENCES) == set(FeedbackType.values) - {"none"}


def test_feedback_overrides_a_block_by_import(make_person, make_row):
    attempt = begin(make_row(make_person("p", "one@people.example")))
    ContactDetail.objects.update(blocked=True, reason="import")
    feedback.record(attempt, kind=FeedbackType.WRONG_PERSON, now=NOW)
    assert ContactDetail.objects.get().reason == "feedback"


def test_the_breakdown_shows_every_template(make_person, make_row):
    person = make_person("p", "one@people.example")
    for template, kinds in (("default", ["reply_good", "reply_bad", "reply_bad"]), ("short", [None])):
        for kind in kinds:
            attempt = begin(make_row(person))
            DeliveryAttempt.objects.filter(pk=attempt.pk).update(template=template)
            if kind:
                responses.say(attempt, kind=kind, now=NOW)
    assert responses.breakdown() == {
        "default": {"reply_good": 1, "reply_bad": 2, "reply_none": 0, "reply_unknown": 0},
        "short": {"reply_good": 0, "reply_bad": 0, "reply_none": 0, "reply_unknown": 0},
    }
    assert [row.kind for row in responses.latest("default", limit=2)] == ["reply_bad", "reply_bad"]


def test_a_later_response_replaces_the_earlier(make_person, make_row):
    attempt = begin(make_row(make_person("p", "one@people.example")))
    responses.say(attempt, kind="reply_bad", now=NOW)
    later = responses.say(attempt, kind="reply_good", now=NOW + timedelta(days=1))
    assert ResponseStatistic.objects.get() == later and later.updated_at > NOW


def test_a_token_opens_one_door_only():
    token = tokens.token_of(tokens.Purpose.FLAG, 7)
    assert len(token) == 32
    assert tokens.opens(token, tokens.Purpose.FLAG, 7)
    assert not tokens.opens(token, tokens.Purpose.FLAG, 8)
    assert not tokens.opens(token, tokens.Purpose.STATISTICS, 7)
    assert not tokens.opens(token[:-1], tokens.Purpose.FLAG, 7)
    assert not tokens.opens("ü", tokens.Purpose.FLAG, 7)
