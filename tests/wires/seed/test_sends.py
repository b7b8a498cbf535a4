"""What sends do (contract §4.2, §4.4, §4.5, §5; scenarios 14 to 22, 24 and 25)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from earwig.models import ContactDetail
from spooling import routers
from spooling.models import JobRequest, Mail, Resend, Router, SendFailure, Subscription
from stats import metrics
from tests import drains, smtp_servers
from tests.smtp_scripts import Script
from tests.threads import together

MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)
EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
ADDRESS = "ann@people.example"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def clock():
    """A Monday, four hours before the daily run."""
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def subscription(clock, hub, stage):
    return hub.subscription(stage.first, stage.schedule, stage.identity)


@pytest.fixture
def send(hub, work):
    """Call to post a send and let the workers do it; answers the subscription as it is then."""

    def call(subscription):
        answer = hub.post(f"/subscriptions/{subscription['id']}/send")
        assert (answer.status_code, answer.json()) == (201, {"accepted": True})
        work()
        return hub.get(f"/subscriptions/{subscription['id']}/").json()

    return call


def patch(hub, subscription, **fields):
    answer = hub.patch(f"/subscriptions/{subscription['id']}/", fields)
    assert answer.status_code == 200
    return answer.json()


def standing(row):
    return row["next_sequence_number"], row["active"], row["completed"], row["process_status"]


def counted(account, name):
    return metrics.values(account.pk).get(name, 0)


def test_14_a_send_mails_the_next_message_and_moves_one_on(subscription, send, texts):
    assert standing(send(subscription)) == (2, True, False, 0)
    assert texts() == [(ADDRESS, "text 1")]


@pytest.mark.django_db(transaction=True)
def test_14_the_mail_arrives(hub, stage, work):
    with smtp_servers.Server(Script()) as server:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=server.port, tls="none")
        routers._table = None
        made = hub.subscription(stage.first, stage.schedule, stage.identity)
        hub.post(f"/subscriptions/{made['id']}/send")
        work()
        drains.run("bulk")
    routers._table = None
    (arrived,) = server.accepted
    assert arrived.recipient == ADDRESS
    assert b"Subject: first" in arrived.data and b"text 1" in arrived.data


def test_15_a_prepend_stands_before_one_text_and_its_key_stays(hub, subscription, send, texts):
    patch(hub, subscription, metadata={"prepend_next_delivery": "Welcome", "scheduler_schedule_id": "s"})
    after = send(subscription)
    assert texts() == [(ADDRESS, "Welcome\ntext 1")]
    assert after["metadata"] == {"prepend_next_delivery": None, "scheduler_schedule_id": "s"}
    patch(hub, subscription, metadata={**after["metadata"], "prepend_next_delivery": "Again"})
    send(subscription)
    assert texts()[1] == (ADDRESS, "Again\ntext 2")


def test_16_the_last_message_completes_and_the_next_set_begins(
    hub, account, stage, subscription, send, texts
):
    for _ in range(3):
        after = send(subscription)
    assert standing(after) == (3, False, True, 2)
    assert [text for _, text in texts()] == ["text 1", "text 2", "text 3"]
    following, first = hub.results(f"/subscriptions/?identity={stage.identity}")
    assert first["id"] == subscription["id"] != following["id"]
    assert standing(following) == (1, True, False, 0)
    schedule = hub.get(f"/messageset/{stage.following}/").json()["default_schedule"]
    assert {name: following[name] for name in ("messageset", "schedule", "metadata", "version", "lang")} == {
        "messageset": stage.following,
        "schedule": schedule,
        "metadata": None,
        "version": 1,
        "lang": "eng_ZA",
    }
    assert following["initial_sequence_number"] == 1
    assert counted(account, "subscriptions.created.sum") == 2


def test_17_a_fourth_send_is_accepted_and_does_nothing(hub, subscription, send, texts):
    for _ in range(4):
        after = send(subscription)
    assert (standing(after), len(texts()), Subscription.objects.count()) == ((3, False, True, 2), 3, 2)


def test_18_only_one_that_is_ready_is_sent(hub, subscription, send, texts):
    for status in (1, -2, 5, -1):
        patch(hub, subscription, process_status=status)
        assert standing(send(subscription)) == (1, True, False, status)
    patch(hub, subscription, process_status=0, active=False)
    send(subscription)
    assert texts() == []
    patch(hub, subscription, active=True)
    assert standing(send(subscription)) == (2, True, False, 0)
    assert len(texts()) == 1


def test_19_without_an_address_it_waits_for_somebody(hub, account, stage, subscription, send, texts):
    ContactDetail.objects.all().delete()
    assert standing(send(subscription)) == (1, True, False, -1)
    assert counted(account, "subscriptions.send_next_message_errored.sum") == 1
    person = hub.get(f"/people/?external_id={stage.identity}").json()["results"][0]["id"]
    hub.patch(f"/people/{person}/", {"contacts": [{"type": "email", "value": ADDRESS}]})
    assert standing(send(subscription)) == (1, True, False, -1)
    patch(hub, subscription, process_status=0)
    assert standing(send(subscription)) == (2, True, False, 0)
    assert texts() == [(ADDRESS, "text 1")]


def test_20_a_language_without_the_message_shows_a_failure(hub, stage, clock, send, texts):
    made = hub.subscription(
        stage.first, stage.schedule, stage.identity, lang="zul_ZA", next_sequence_number=2
    )
    assert standing(send(made)) == (2, True, False, 0)
    assert texts() == []
    (failure,) = hub.results("/failed-tasks/")
    assert failure["subscription_id"] == made["id"] and failure["reason"]


def test_21_requests_made_before_one_is_worked_on_send_once(hub, subscription, work, texts):
    for _ in range(20):
        hub.post(f"/subscriptions/{subscription['id']}/send")
    work()
    assert texts() == [(ADDRESS, "text 1")]
    assert Subscription.objects.get().next_sequence_number == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_21_twenty_at_once_send_each_text_once(hub, stage, work, texts):
    made = hub.subscription(stage.first, stage.schedule, stage.identity)

    def ask(_):
        assert hub.post(f"/subscriptions/{made['id']}/send").status_code == 201
        work()

    together(20, ask)
    work()
    sent = [text for _, text in texts()]
    assert sent == ["text 1", "text 2", "text 3"][: len(sent)] and sent
    after = hub.get(f"/subscriptions/{made['id']}/").json()
    assert after["next_sequence_number"] == min(len(sent) + 1, 3)


@pytest.mark.parametrize("slash", ["", "/"])
def test_22_an_unknown_subscription_is_400_with_a_reason(hub, db, slash):
    for name in (UNKNOWN, "text", "1", "0" * 31):
        sent = hub.post(f"/subscriptions/{name}/send{slash}")
        assert (sent.status_code, sent.json()) == (
            400,
            {"accepted": False, "reason": "Missing subscription in control"},
        )
        resent = hub.post(f"/subscriptions/{name}/resend{slash}")
        assert (resent.status_code, resent.json()) == (
            400,
            {"accepted": False, "reason": f"Cannot find subscription with ID {name}"},
        )
    assert not JobRequest.objects.exists()


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"[]", b"{garbage", b"\xff" * 1000])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_22_a_send_reads_no_body(hub, subscription, body, kind):
    path = f"/subscriptions/{subscription['id']}/send"
    assert hub.call("POST", path, body, **{"Content-Type": kind}).status_code == 201
    assert JobRequest.objects.get().arguments["number"] == 1


def test_a_send_with_an_idempotency_key_is_stored_once(hub, subscription):
    for _ in range(2):
        answer = hub.post(f"/subscriptions/{subscription['id']}/send", **{"Idempotency-Key": "k"})
        assert answer.status_code == 201
    assert JobRequest.objects.count() == 1


def test_24_the_run_of_a_schedule_sends_once_to_each_that_is_ready(
    hub, clock, stage, make_person, work, texts
):
    ready = [hub.subscription(stage.first, stage.schedule, f"r{n}@people.example") for n in range(3)]
    others = [
        hub.subscription(stage.first, stage.schedule, f"o{n}@people.example", **fields)
        for n, fields in enumerate(
            ({"active": False}, {"completed": True}, {"process_status": -1}, {"process_status": 1})
        )
    ]
    clock.move_to(EIGHT - timedelta(seconds=1))
    work()
    assert texts() == []
    clock.move_to(EIGHT)
    work()
    assert sorted(texts()) == [(f"r{n}@people.example", "text 1") for n in range(3)]
    late = hub.subscription(stage.first, stage.schedule, "late@people.example")
    for moment in (timedelta(minutes=1), timedelta(minutes=20)):
        clock.move_to(EIGHT + moment)
        work()
    assert len(texts()) == 3
    patch(hub, ready[0], active=False)
    clock.move_to(EIGHT + timedelta(days=1))
    work()
    assert sorted(texts()[3:]) == [
        ("late@people.example", "text 1"),
        ("r1@people.example", "text 2"),
        ("r2@people.example", "text 2"),
    ]
    assert [standing(hub.get(f"/subscriptions/{row['id']}/").json()) for row in others] == [
        standing(row) for row in others
    ]
    assert late["id"]


def test_24_runs_that_nobody_saw_are_not_caught_up(hub, clock, subscription, work, texts):
    clock.move_to(EIGHT + timedelta(days=2, hours=1))
    work()
    assert texts() == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_schedule_is_sent_when_somebody_asks(hub, stage, subscription, work, texts, slash):
    answer = hub.call("POST", f"/schedule/{stage.schedule}/send{slash}", b"")
    assert (answer.status_code, answer.json()) == (202, {})
    work()
    assert texts() == [(ADDRESS, "text 1")]
    assert hub.post("/schedule/999/send/").json() == {"detail": "Not found."}
    assert hub.post("/schedule/x/send/").status_code == 404


@pytest.mark.parametrize(("number", "text"), [(3, "text 2"), (1, "text 1")])
def test_25_a_resend_repeats_the_last_message(hub, clock, subscription, work, texts, number, text):
    before = patch(hub, subscription, next_sequence_number=number)
    clock.shift(60)
    answer = hub.call("POST", f"/subscriptions/{subscription['id']}/resend", b"")
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    work()
    after = hub.get(f"/subscriptions/{subscription['id']}/").json()
    assert texts() == [(ADDRESS, text)]
    assert standing(after) == standing(before) and after["updated_at"] > before["updated_at"]
    resend = Resend.objects.get()
    assert resend.message.text_content == text and resend.outbound_id


def test_25_a_resend_of_what_is_over_shows_a_failure(hub, subscription, work, texts):
    patch(hub, subscription, active=False)
    assert hub.post(f"/subscriptions/{subscription['id']}/resend").status_code == 202
    work()
    assert texts() == [] and len(hub.results("/failed-tasks/")) == 1


def test_25_what_failed_for_good_is_requeued(hub, account, clock, subscription, send, work, texts):
    patch(hub, subscription, metadata={"prepend_next_delivery": "Hi"})
    account.mails_per_day = 0
    account.save()
    assert standing(send(subscription)) == (1, True, False, 0)
    for _ in range(20):
        clock.shift(3600)
        work()
    (failure,) = hub.results("/failed-tasks/")
    assert failure["subscription_id"] == subscription["id"] and texts() == []
    account.mails_per_day = None
    account.save()
    clock.shift(60)
    assert hub.post("/failed-tasks/").json() == {"requeued_failed_tasks": True}
    work()
    assert hub.results("/failed-tasks/") == [] and not SendFailure.objects.exists()
    assert texts() == [(ADDRESS, "Hi\ntext 1")]


def test_25_two_missed_days_are_shown_as_behind(hub, clock, stage, subscription, work):
    clock.move_to(EIGHT + timedelta(days=1, hours=4))
    answer = hub.post("/behind-subscriptions/find_behind_subscriptions/")
    assert answer.status_code == 202
    work()
    (row,) = hub.results("/behind-subscriptions/")
    assert row["subscription_id"] == subscription["id"]
    assert (row["messages_behind"], row["current_sequence_number"], row["expected_sequence_number"]) == (
        2,
        1,
        3,
    )
    assert row["current_messageset_id"] == row["expected_messageset_id"] == stage.first


def test_25_an_estimate_counts_what_today_reaches(hub, stage, subscription, work):
    hub.subscription(stage.first, stage.schedule, stage.identity)
    task = hub.post("/runsendestimate").json()["task_id"]
    work()
    assert hub.get(f"/jobs/{task.replace('-', '')}/").json()["state"] == "done"
    estimate = Subscription.objects.first().messageset.estimates.get()
    assert (estimate.subscriptions, estimate.identities, estimate.estimated_on) == (2, 1, MONDAY.date())


def test_25_health_and_metrics_answer(hub, anonymous, subscription, send, work):
    send(subscription)
    assert hub.get("/api/health/").json()["result"]["database"] == "Accessible"
    assert "subscriptions.created.sum" in hub.get("/api/metrics/").json()["metrics_available"]
    answer = hub.call("POST", "/api/metrics/", b"")
    assert (answer.status_code, answer.json()) == (200, {"scheduled_metrics_initiated": True})
    for path in ("/api/health/", "/api/metrics/"):
        assert anonymous.get(path).status_code == 401
    work()
    row = Mail.objects.get()
    assert metrics.values(row.account_id)["subscriptions.active.last"] == 1
