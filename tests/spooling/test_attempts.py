"""Handed-over messages into the outbox, and the outcomes of their mails back."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from earwig import domains, messages
from earwig.models import DeliveryAttempt, MessageRecipient
from spooling import attempts, attempts_mail
from spooling.delivery import mime
from spooling.errors import LimitReached
from spooling.models import Content, Mail
from tests import outbox_states

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def hand_over(account):
    """Hand a message to people; answers the rows in their order."""

    def make(*people, of=None, **fields):
        sender = messages.SenderDraft(email="joe@bleu.example", name="Joe Bleu", ttl_days=10)
        ids = tuple(person.external_id for person in people)
        draft = messages.Draft(
            **{"type": "private", "subject": "s", "message": "m", "sender": sender, **fields}, recipients=ids
        )
        return list(messages.accept(of or account, draft, now=NOW).recipients.order_by("position"))

    return make


@pytest.fixture
def two_addresses(make_person):
    return make_person("two", "one@people.example", "two@people.example")


def settle(attempt, **fields):
    """Bring the attempt's mail where a drain would, and collect."""
    outbox_states.put(Mail.objects.filter(attempt=attempt), **{"ended_at": NOW, **fields})
    collected = attempts.collect(NOW)
    attempt.refresh_from_db()
    return collected


def only_attempt(row):
    return DeliveryAttempt.objects.get(recipient=row)


def status_of(row):
    row.refresh_from_db()
    return row.status


def test_a_tick_makes_one_mail_a_row(hand_over, person, other_person):
    rows = hand_over(person, other_person)
    assert attempts.spool_due(NOW) == 2
    assert [status_of(row) for row in rows] == ["pending", "pending"]
    assert set(Mail.objects.values_list("attempt__recipient", "email", "lane")) == {
        (rows[0].pk, "one@people.example", "transactional"),
        (rows[1].pk, "two@people.example", "transactional"),
    }
    assert attempts.spool_due(NOW) == 0
    assert Mail.objects.count() == 2


def test_idle_ticks_cost_a_query_for_each_question(hand_over, person, django_assert_num_queries):
    hand_over(person)
    attempts.spool_due(NOW)
    with django_assert_num_queries(1):
        assert attempts.spool_due(NOW) == 0
    with django_assert_num_queries(3):
        # What is under way, its mails, bounces.
        assert attempts.collect(NOW) == 0
    settle(DeliveryAttempt.objects.get(), state="delivered")
    with django_assert_num_queries(2):
        assert attempts.collect(NOW) == 0


def test_behind_a_long_queue_the_ticks_look_at_all_of_it_in_turn(hand_over, make_person, monkeypatch):
    monkeypatch.setattr(attempts, "MOST_OPEN", 2)
    people = [make_person(f"p{number}", f"p{number}@people.example") for number in range(5)]
    rows = hand_over(*people)
    attempts.spool_due(NOW)
    outbox_states.put(
        Mail.objects.filter(attempt__recipient__in=[rows[1], rows[3], rows[4]]), state="delivered"
    )
    assert [attempts.collect(NOW) for _ in range(3)] == [1, 1, 1]
    assert [status_of(row) for row in rows] == ["pending", "sent", "pending", "sent", "sent"]
    outbox_states.put(Mail.objects.filter(attempt__recipient=rows[0]), state="delivered")
    assert attempts.collect(NOW) == 1


def test_the_janitor_looks_at_all_open_attempts_at_once(hand_over, make_person, monkeypatch):
    monkeypatch.setattr(attempts, "MOST_OPEN", 2)
    rows = hand_over(*(make_person(f"p{number}", f"p{number}@people.example") for number in range(5)))
    attempts.spool_due(NOW)
    outbox_states.put(Mail.objects.filter(attempt__recipient=rows[3]), state="delivered")
    outbox_states.put(Mail.objects.filter(attempt__recipient=rows[2]), tries=1)
    attempts.tidy(NOW)
    assert [status_of(row) for row in rows] == ["pending", "pending", "attempted", "sent", "pending"]


def test_all_mails_of_a_tick_share_one_content_and_each_has_its_thread(
    hand_over, person, other_person, settings
):
    settings.INBOUND_HOST = "inbound.example"
    rows = hand_over(person, other_person)
    attempts.spool_due(NOW)
    content = Content.objects.get()
    skeleton = mime.Skeleton.compile(
        mime.Parts(
            subject=content.subject,
            from_name=content.from_name,
            from_email=content.from_email,
            reply_to=tuple(mime.Address(*pair) for pair in content.reply_to),
            text=content.text,
            headers=tuple((name, value) for name, value in content.headers),
        )
    )
    for row in rows:
        mail = Mail.objects.get(attempt__recipient=row)
        to = mime.Address(mail.name, mail.email)
        values = mime.Values(to=to, message_id="x@y.example", at=0, variables=mail.variables)
        field = f"Reply-To: {attempts_mail.thread_local_part(row.pk)}@inbound.example\r\n"
        assert field.encode() in skeleton.build(values).headers


def test_spooling_costs_the_same_for_any_number_of_rows(
    hand_over, make_person, django_assert_max_num_queries
):
    hand_over(make_person("warm", "warm@people.example"))
    attempts.spool_due(NOW)
    hand_over(*[make_person(f"p{number}", f"p{number}@people.example") for number in range(40)])
    with django_assert_max_num_queries(30):
        assert attempts.spool_due(NOW) == 40


def test_a_batch_is_not_the_end(hand_over, make_person, monkeypatch):
    monkeypatch.setattr(attempts, "BATCH", 3)
    hand_over(*[make_person(f"p{number}", f"p{number}@people.example") for number in range(8)])
    assert attempts.spool_due(NOW) == 8


@pytest.mark.parametrize(
    "fields, attempt_status, row_status",
    [
        ({"state": "delivered"}, "sent", "sent"),
        ({"state": "failed", "last_code": 550, "last_reply": "5.1.1 no such user"}, "bad_data", "expired"),
        ({"state": "failed", "last_code": 550, "last_reply": "no such user"}, "bad_data", "expired"),
        (
            {"state": "failed", "last_code": 550, "last_reply": "550 5.1.2 no such domain"},
            "bad_data",
            "expired",
        ),
        ({"state": "failed", "last_code": 550, "last_reply": "550 5.7.1 policy"}, "blocked", "expired"),
        ({"state": "failed", "last_code": 554, "last_reply": "spam"}, "blocked", "expired"),
        ({"state": "failed", "last_code": 552, "last_reply": "5.3.4 too big"}, "invalid", "expired"),
        ({"state": "failed", "last_code": 451, "last_reply": "4.2.1 later"}, "invalid", "expired"),
        ({"state": "failed", "last_code": None}, "invalid", "expired"),
        ({"state": "blocked"}, "blocked", "expired"),
        ({"state": "expired"}, "invalid", "expired"),
        ({"state": "cancelled"}, "invalid", "expired"),
        ({"state": "waiting", "tries": 1, "ended_at": None}, "retry", "attempted"),
        ({"state": "waiting", "ended_at": None}, "scheduled", "pending"),
        ({"state": "sending", "ended_at": None}, "scheduled", "pending"),
        ({"state": "in_doubt", "ended_at": None}, "scheduled", "pending"),
        ({"state": "quarantined", "ended_at": None}, "scheduled", "pending"),
    ],
)
def test_the_end_of_a_mail_is_the_end_of_its_attempt(hand_over, person, fields, attempt_status, row_status):
    (row,) = hand_over(person)
    attempts.spool_due(NOW)
    attempt = only_attempt(row)
    settle(attempt, **fields)
    assert (attempt.status, status_of(row)) == (attempt_status, row_status)
    assert attempts.collect(NOW) == 0


def test_a_failed_attempt_is_followed_by_the_next_contact_in_the_same_tick(hand_over, two_addresses):
    (row,) = hand_over(two_addresses)
    attempts.spool_due(NOW)
    settle(only_attempt(row), state="failed", last_code=550)
    assert status_of(row) == "attempted"
    following = DeliveryAttempt.objects.get(recipient=row, status="scheduled")
    assert Mail.objects.get(attempt=following).email == "two@people.example"
    settle(following, state="delivered")
    assert status_of(row) == "sent"


@pytest.mark.parametrize(
    "bounce, attempt_status, row_status",
    [
        ("hard", "bad_data", "expired"),
        ("policy", "blocked", "expired"),
        ("complaint", "blocked", "expired"),
        ("soft", "sent", "sent"),
    ],
)
def test_a_bounce_after_delivery_counts_by_its_class(hand_over, person, bounce, attempt_status, row_status):
    (row,) = hand_over(person)
    attempts.spool_due(NOW)
    attempt = only_attempt(row)
    settle(attempt, state="delivered")
    settle(attempt, state="delivered", bounced_at=NOW, bounce_class=bounce)
    assert (attempt.status, status_of(row)) == (attempt_status, row_status)
    assert attempts.collect(NOW) == 0


def test_a_bounce_that_the_tick_missed_is_found_by_the_janitor(hand_over, person):
    (row,) = hand_over(person)
    attempts.spool_due(NOW)
    settle(only_attempt(row), state="delivered")
    settle(only_attempt(row), state="delivered", bounced_at=NOW - timedelta(days=2), bounce_class="hard")
    assert status_of(row) == "sent"
    attempts.tidy(NOW)
    assert status_of(row) == "expired"


def test_an_account_that_may_not_send_holds_up_nobody_else(
    hand_over, person, other_account, make_person, monkeypatch, account
):
    accept = attempts.intake.accept

    def refuse(submission, sends, *, now):
        if submission.account_id == account.pk:
            raise LimitReached
        return accept(submission, sends, now=now)

    monkeypatch.setattr(attempts.intake, "accept", refuse)
    (held,) = hand_over(person)
    (good,) = hand_over(make_person("x", "x@people.example", of=other_account), of=other_account)
    attempts.spool_due(NOW)
    assert (status_of(held), status_of(good)) == ("unscheduled", "pending")
    assert not DeliveryAttempt.objects.filter(recipient=held).exists()
    monkeypatch.setattr(attempts.intake, "accept", accept)
    attempts.spool_due(NOW)
    assert status_of(held) == "pending"


def test_an_account_without_the_right_domain_waits(hand_over, person, account):
    domains.add(account, name="acme.example", now=NOW)
    (row,) = hand_over(person)
    attempts.spool_due(NOW)
    assert status_of(row) == "unscheduled"


def test_the_janitor_hands_over_what_has_no_mail(hand_over, two_addresses):
    (row,) = hand_over(two_addresses)
    attempts.spool_due(NOW)
    Mail.objects.all().delete()
    tidied = attempts.tidy(NOW)
    assert tidied == attempts.Tidied(requeued=1, stalled=0)
    assert Mail.objects.get().attempt == only_attempt(row)
    assert attempts.tidy(NOW).requeued == 0


def test_the_janitor_leaves_a_contact_that_went(hand_over, two_addresses):
    (row,) = hand_over(two_addresses)
    attempts.spool_due(NOW)
    Mail.objects.all().delete()
    two_addresses.contacts.get(value="one@people.example").delete()
    attempts.tidy(NOW)
    assert Mail.objects.get().email == "two@people.example"
    assert status_of(row) == "attempted"


def test_what_waits_for_an_hour_is_counted_as_stalled(hand_over, person):
    hand_over(person)
    attempts.spool_due(NOW)
    assert attempts.tidy(NOW + timedelta(minutes=59)).stalled == 0
    assert attempts.tidy(NOW + timedelta(minutes=61)).stalled == 1


def test_a_removed_message_waits_for_ever_and_its_neighbours_do_not(hand_over, person, other_person):
    (removed,) = hand_over(person, type="removed")
    (public,) = hand_over(other_person, type="public")
    attempts.spool_due(NOW)
    assert (status_of(removed), status_of(public)) == ("unscheduled", "pending")


def test_a_sender_whose_time_has_passed_is_not_named(hand_over, person):
    hand_over(person)
    attempts.spool_due(NOW + timedelta(days=10))
    assert Mail.objects.get().variables["messages"][0]["sender"] == attempts_mail.NEUTRAL_NAME


def test_a_long_message_is_cut_and_says_so(hand_over, person):
    hand_over(person, message="x" * (attempts_mail.MOST_SHOWN + 1))
    attempts.spool_due(NOW)
    (shown,) = Mail.objects.get().variables["messages"]
    assert (len(shown["text"]), shown["cut"]) == (attempts_mail.MOST_SHOWN, True)


def test_one_click_twice_ends_the_row_once(hand_over, two_addresses):
    (row,) = hand_over(two_addresses)
    attempts.spool_due(NOW)
    for _ in range(2):
        attempts.unsubscribe(only_attempt(row), now=NOW)
    assert status_of(row) == "expired"
    assert MessageRecipient.objects.count() == DeliveryAttempt.objects.count() == 1


def test_staff_is_told_of_stalled_attempts_when_their_number_changes(hand_over, person, caplog):
    cache.clear()
    hand_over(person)
    attempts.spool_due(NOW)
    for _ in range(3):
        attempts.tidy(NOW + timedelta(hours=2))
    assert [record.stalled for record in caplog.records if hasattr(record, "stalled")] == [1]
