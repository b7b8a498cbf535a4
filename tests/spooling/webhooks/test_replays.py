"""Events of some time are told once more, beside what is new."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from spooling import jobs
from spooling.models import JobRequest
from spooling.webhooks import replays
from stats import cursors, errors, webhook_leases, webhooks
from stats.models import Event, Webhook, WebhookDelivery
from tests import mail_moves

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask():
    def call(webhook, since=None, until=None):
        now = timezone.now()
        return replays.ask(webhook, since=since or now - timedelta(days=1), until=until or now, now=now)

    return call


def marks(receiver):
    return [json.loads(asked.body).get("replay", False) for asked in receiver.asked]


def test_what_was_told_comes_once_more_with_its_ids(hook, spool, tell, told, receiver, ask):
    webhook = hook()
    mails = spool("a@x.example", "b@x.example")
    mail_moves.settle(mails[0].id, "delivered")
    tell()
    first = told()
    job = ask(webhook)
    assert tell() == 1
    assert told() == first + first and marks(receiver) == [False, True]
    job.refresh_from_db()
    assert (job.state, job.result, job.progress) == ("done", {"events": 3}, 3)
    assert job.ended_at and job.leased_until is None
    assert list(WebhookDelivery.objects.order_by("id").values_list("replay", flat=True)) == [False, True]
    assert tell() == 0


def test_only_the_asked_time_comes_and_only_what_the_webhook_wants(hook, spool, tell, told, ask):
    now = timezone.now()
    webhook = hook(kinds=["spooled"])
    for hours, name in ((3, "early"), (2, "asked"), (1, "late")):
        spool(f"{name}@{name}.example", now=now - timedelta(hours=hours))
    mails = spool("x@x.example", now=now - timedelta(hours=2))
    mail_moves.settle(mails[0].id, "delivered")
    tell()
    told_before = len(told())
    ask(webhook, now - timedelta(hours=2), now - timedelta(hours=1))
    tell()
    assert [event["destination"] for event in told()[told_before:]] == ["asked.example", "x.example"]


def test_what_happened_before_the_webhook_was_made_can_be_told_too(hook, spool, tell, told, ask):
    spool("a@x.example")
    webhook = hook()
    ask(webhook)
    tell()
    assert [event["destination"] for event in told()] == ["x.example"]


def test_what_is_asked_of_long_ago_is_found_without_reading_all(
    hook, spool, tell, told, ask, monkeypatch, other_account
):
    monkeypatch.setattr(cursors, "PROBE", 3)
    now, webhook = timezone.now(), hook(kinds=["spooled"])
    for day in range(40, 0, -1):
        for hour in (3, 2, 1):
            spool(f"a@day-{day}.example", now=now - timedelta(days=day, hours=hour))
        spool("foreign@x.example", of=other_account, now=now - timedelta(days=day))
    Webhook.objects.update(transaction=cursors.horizon().transaction, event_id=2**40)
    job = ask(webhook, now - timedelta(days=30, hours=4), now - timedelta(days=30))
    read = cursors.below(
        cursors.since(Event.objects.all(), cursors.of_token(job.arguments["position"])),
        cursors.of_token(job.arguments["end"]),
    )
    assert read.count() < 20
    tell()
    assert [event["destination"] for event in told()] == ["day-30.example"] * 3


def test_the_time_may_begin_before_all_times(hook, spool, tell, told, ask):
    spool("a@x.example")
    ask(hook(), datetime.min.replace(tzinfo=UTC))
    tell()
    assert len(told()) == 1


def test_nothing_of_another_account_is_told(hook, spool, tell, told, ask, other_account):
    spool("foreign@x.example", of=other_account)
    webhook = hook()
    ask(webhook)
    tell()
    assert told() == [] and JobRequest.objects.get().result == {"events": 0}


def test_new_events_keep_coming_beside_a_replay_that_fails(hook, spool, tell, told, receiver, ask):
    webhook = hook()
    spool("a@x.example")
    tell()
    receiver.answer = lambda request: (500 if b'"replay"' in request.body else 200, {}, b"")
    job = ask(webhook)
    spool("b@y.example")
    assert tell() == 2
    job.refresh_from_db()
    assert (job.state, job.tries, job.progress) == ("waiting", 1, 0)
    assert tell() == 0
    webhook.refresh_from_db()
    assert webhook.tries == 0, "the webhook itself is well"
    receiver.answer = lambda request: (200, {}, b"")
    tell(job.leased_until)
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"events": 1})


def test_a_replay_goes_on_where_it_failed(hook, spool, tell, told, receiver, ask):
    spool(*(f"a{n}@x.example" for n in range(250)))
    webhook = hook()
    answers = [200, 500, 200, 200]
    receiver.answer = lambda request: (answers.pop(0), {}, b"")
    job = ask(webhook)
    tell()
    job.refresh_from_db()
    assert (job.progress, job.state) == (100, "waiting")
    tell(job.leased_until)
    job.refresh_from_db()
    assert job.result == {"events": 250} and [len(json.loads(a.body)["events"]) for a in receiver.asked] == [
        *(100, 100, 100, 50)
    ]
    ids = [event["id"] for event in told()]
    assert list(dict.fromkeys(ids)) == sorted(Event.objects.values_list("id", flat=True))


@pytest.mark.parametrize("gone", ["deleted", "410", "patience"])
def test_a_replay_ends_with_what_it_was_for(hook, spool, tell, receiver, ask, gone):
    spool("a@x.example")
    webhook = hook()
    job = ask(webhook)
    receiver.answer = lambda request: (410 if gone == "410" else 500, {}, b"")
    if gone == "deleted":
        webhook.delete()
    if gone == "patience":
        JobRequest.objects.update(created_at=timezone.now() - timedelta(hours=72))
    tell()
    job.refresh_from_db()
    assert (job.state, job.result["code"]) == ("failed", "target_unanswered") and job.ended_at


def test_a_replay_waits_while_its_webhook_is_paused(hook, spool, tell, told, ask):
    spool("a@x.example")
    webhook = hook()
    job = ask(webhook)
    webhooks.pause(webhook, because="asked for", now=timezone.now())
    tell()
    job.refresh_from_db()
    assert job.state == "waiting" and told() == []
    webhooks.resume(webhook, now=timezone.now())
    tell(job.leased_until)
    assert len(told()) == 1


def test_none_is_begun_of_a_paused_webhook_nor_a_second_beside_a_first(hook, ask):
    webhook = hook()
    ask(webhook)
    with pytest.raises(errors.WebhookRefused):
        ask(webhook)
    webhooks.pause(webhook, because="asked for", now=timezone.now())
    with pytest.raises(errors.WebhookPaused):
        ask(webhook)


def test_other_jobs_work_leaves_replays_alone(hook, ask):
    job = ask(hook())
    jobs.run_due(now=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.leased_until) == ("waiting", None)


def test_a_worker_that_died_leaves_its_replay_to_the_next(hook, spool, tell, told, ask):
    spool("a@x.example")
    job, now = ask(hook()), timezone.now()
    assert replays.take(job, now=now) and not replays.take(JobRequest.objects.get(), now=now)
    assert tell(now) == 0
    tell(now + webhook_leases.lease())
    assert len(told()) == 1 and Webhook.objects.get().tries == 0


def test_whoever_lost_a_replay_settles_nothing(hook, spool, tell, told, ask):
    spool("a@x.example")
    ask(hook())
    stale, now = JobRequest.objects.get(), timezone.now()
    assert replays.take(stale, now=now)
    assert replays.take(JobRequest.objects.get(), now=now + webhook_leases.lease())
    replays.turn(stale)
    job = JobRequest.objects.get()
    assert (job.state, job.progress) == ("running", 0) and len(told()) == 1


def test_a_replay_that_cannot_be_signed_is_tried_again(hook, spool, tell, told, ask, settings):
    spool("a@x.example")
    job = ask(hook())
    ring = settings.EARWIG_KEYS
    settings.EARWIG_KEYS = ["b3RoZXIgdGhhbiB0aGUgdGVzdHMgb25lcyAuLi4uLi4="]
    tell()
    job.refresh_from_db()
    assert (job.state, job.tries) == ("waiting", 1) and WebhookDelivery.objects.get().replay
    settings.EARWIG_KEYS = ring
    tell(job.leased_until)
    assert len(told()) == 1


def test_a_replay_waits_for_its_account_and_for_the_proof(hook, spool, tell, told, ask, account):
    spool("a@x.example")
    webhook = hook()
    job = ask(webhook)
    Webhook.objects.update(verified_at=None, next_try_at=timezone.now() + timedelta(days=1))
    tell()
    job.refresh_from_db()
    assert job.state == "waiting" and told() == []
    Webhook.objects.update(verified_at=timezone.now())
    account.active = False
    account.save()
    tell(job.leased_until)
    assert told() == []
    account.active = True
    account.save()
    tell(job.leased_until)
    assert len(told()) == 1
