"""Native webhooks: a receiver on loopback is told what happened, whatever it answers."""

import hashlib
import hmac
import json
import logging
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from earwig.models import AuditEntry
from spooling.webhooks import native_payloads, telling, turns
from stats import webhook_leases, webhooks
from stats.models import Event, Webhook, WebhookDelivery
from tests import event_horizon, mail_moves

pytestmark = pytest.mark.django_db(transaction=True)


def later(webhook, **beyond):
    """A moment at which it is tried again."""
    webhook.refresh_from_db()
    return webhook.next_try_at + timedelta(**beyond or {"seconds": 0})


def test_what_happens_is_told_once_and_in_order(hook, spool, tell, told, receiver):
    webhook = hook()
    mails = spool("a@x.example", "b@x.example")
    mail_moves.settle(mails[0].id, "tempfail", "delivered")
    assert tell() == 1 and tell() == 0
    assert [event["kind"] for event in told()] == ["spooled", "spooled", "tempfail", "delivered"]
    mail_moves.settle(mails[1].id, "failed")
    tell()
    assert [event["id"] for event in told()] == sorted(Event.objects.values_list("id", flat=True))
    assert [json.loads(asked.body)["webhook"] for asked in receiver.asked] == [webhook.token] * 2


def test_events_are_the_same_as_those_that_the_api_shows(hook, spool, tell, told, key):
    hook()
    mails = spool("a@x.example")
    mail_moves.settle(mails[0].id, "delivered")
    tell()
    shown = Client().get("/api/v1/events/", headers={"Authorization": f"Token {key}"}).json()["results"]
    assert told() == shown and len(shown) == 2


def test_the_body_is_signed(hook, spool, tell, receiver):
    webhook = hook()
    spool("a@x.example")
    tell()
    asked = receiver.asked[0]
    stamp = asked.headers["Earwig-Timestamp"]
    digest = hmac.new(webhook.secret.encode(), stamp.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["Earwig-Signature"] == f"t={stamp},v1={digest}"
    assert asked.headers["Earwig-Webhook-Id"] == webhook.token
    assert asked.headers["Content-Type"] == "application/json" and asked.method == "POST"


def test_both_secrets_sign_while_one_takes_the_place_of_the_other(hook, spool, tell, receiver):
    webhook, now = hook(), timezone.now()
    old = webhook.secret
    new = webhooks.rotate(webhook, now=now)
    assert new != old and webhooks.secrets_of(webhook, now=now) == [new, old]
    assert webhooks.secrets_of(webhook, now=now + webhooks.OVERLAP) == [new]
    spool("a@x.example")
    tell()
    asked = receiver.asked[0]
    expected = native_payloads.signature([new, old], asked.headers["Earwig-Timestamp"], asked.body)
    assert asked.headers["Earwig-Signature"] == expected and expected.count("v1=") == 2


def test_no_secret_is_stored_in_clear(hook):
    webhook = hook()
    assert webhook.secret not in str(Webhook.objects.values().get())


def test_what_happened_before_is_not_told(hook, spool, tell, told):
    spool("a@x.example")
    hook()
    assert tell() == 0 and told() == []


def test_nothing_of_another_account_is_told(hook, spool, tell, told, other_account):
    hook()
    spool("foreign@x.example", of=other_account)
    assert tell() == 0
    spool("own@y.example")
    tell()
    assert [event["destination"] for event in told()] == ["y.example"]


def test_only_the_wanted_kinds_are_told_and_the_others_passed_over(hook, spool, tell, told):
    webhook = hook(kinds=["delivered"])
    mails = spool("a@x.example", "b@x.example")
    assert tell() == 1 and told() == []
    assert tell() == 0, "what it does not want was read again"
    mail_moves.settle(mails[0].id, "delivered")
    tell()
    webhook.refresh_from_db()
    assert [event["kind"] for event in told()] == ["delivered"]


def test_many_events_come_a_hundred_a_call(hook, spool, tell, receiver, told):
    hook()
    spool(*(f"a{n}@x.example" for n in range(250)))
    tell()
    assert [len(json.loads(asked.body)["events"]) for asked in receiver.asked] == [100, 100, 50]
    assert len({event["id"] for event in told()}) == 250


@pytest.mark.postgresql
def test_an_event_whose_transaction_stays_open_is_told_when_it_commits(hook, spool, tell, told):
    spool("before@x.example")
    hook()
    with event_horizon.held_open(lambda: spool("slow@x.example")):
        spool("quick@y.example")
        turns.start_due(now=timezone.now())
        turns.wait()
        assert told() == []
    tell()
    assert [event["destination"] for event in told()] == ["x.example", "y.example"]


@pytest.mark.parametrize("status", [199 + 101, 302, 400, 404, 500, 503])
def test_what_is_not_taken_is_told_again(hook, spool, tell, told, receiver, status):
    webhook = hook()
    receiver.answer = lambda request: (status, {"Location": "/elsewhere"}, b"")
    spool("a@x.example")
    tell()
    assert tell() == 0, "it is not tried again at once"
    receiver.answer = lambda request: (204, {}, b"")
    assert tell(later(webhook)) == 1
    first, second = told()
    assert first == second and {asked.path for asked in receiver.asked} == {"/hook"}
    webhook.refresh_from_db()
    assert (webhook.tries, webhook.failing_since) == (0, None)
    assert tell(later(webhook)) == 0


def test_a_failure_in_between_loses_nothing_and_keeps_the_order(hook, spool, tell, told, receiver):
    webhook = hook()
    spool(*(f"a{n}@x.example" for n in range(250)))
    answers = [200, 500, 200, 500, 200]
    receiver.answer = lambda request: (answers.pop(0), {}, b"")
    for _ in range(3):
        tell(later(webhook))
    ids = [event["id"] for event in told()]
    assert list(dict.fromkeys(ids)) == sorted(Event.objects.values_list("id", flat=True))


def test_each_call_stands_in_the_log(hook, spool, tell, receiver):
    webhook = hook()
    receiver.answer = lambda request: (500, {}, b"secret words")
    spool("a@x.example", "b@x.example")
    tell()
    receiver.answer = lambda request: (200, {}, b"")
    tell(later(webhook))
    failed, taken = WebhookDelivery.objects.order_by("id")
    ids = sorted(Event.objects.values_list("id", flat=True))
    for row in (failed, taken):
        assert [row.first_event_id, row.last_event_id] == ids and (row.events, row.replay) == (2, False)
    assert (failed.status, taken.status, failed.fault) == (500, 200, "")


def test_the_log_is_pruned_after_its_retention(hook, spool, tell):
    hook()
    spool("a@x.example")
    tell()
    now = timezone.now()
    webhooks.prune(now=now + webhooks.RETENTION - timedelta(minutes=1))
    assert WebhookDelivery.objects.count() == 1
    webhooks.prune(now=now + webhooks.RETENTION + timedelta(minutes=1))
    assert not WebhookDelivery.objects.exists()


def test_delays_grow_to_a_bound(settings):
    settings.WEBHOOK_LONGEST_DELAY_SECONDS = 3600
    seconds = [webhook_leases.delay(tries).total_seconds() for tries in range(1, 40)]
    for tries, found in enumerate(seconds):
        assert 0.8 * min(2**tries, 3600) <= found <= 1.2 * min(2**tries, 3600)


def test_one_that_never_answers_is_paused_and_people_are_told(hook, spool, tell, told, receiver, account):
    webhook = hook()
    receiver.answer = lambda request: (500, {}, b"")
    spool("a@x.example")
    tell()
    webhook.refresh_from_db()
    tell(webhook.failing_since + timedelta(hours=71, minutes=59))
    webhook.refresh_from_db()
    assert webhook.paused_at is None and webhook.tries == 2
    moment = webhook.failing_since + timedelta(hours=72)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=72))
    tell(max(later(webhook), moment))
    webhook.refresh_from_db()
    assert webhook.paused_at and "72 hours" in webhook.paused_because
    entry = AuditEntry.objects.get(action="webhook.pause")
    assert entry.account == account and entry.detail == {"because": webhook.paused_because}
    assert WebhookDelivery.objects.latest("id").fault.startswith("Paused: ")
    receiver.answer = lambda request: (200, {}, b"")
    assert tell(later(webhook, days=10)) == 0
    webhooks.resume(webhook, now=timezone.now())
    tell()
    assert told()[-1]["kind"] == "spooled" and len({event["id"] for event in told()}) == 1


def test_gone_pauses_at_once(hook, spool, tell, receiver):
    webhook = hook()
    receiver.answer = lambda request: (410, {}, b"")
    spool("a@x.example")
    tell()
    webhook.refresh_from_db()
    assert webhook.paused_at and "410" in webhook.paused_because
    assert tell(later(webhook, days=1)) == 0 and len(receiver.asked) == 1


def test_a_paused_one_is_told_later_what_happened_meanwhile(hook, spool, tell, told):
    webhook = hook()
    webhooks.pause(webhook, because="asked for", now=timezone.now())
    spool("a@x.example")
    assert tell() == 0
    webhooks.resume(webhook, now=timezone.now())
    assert tell() == 1 and len(told()) == 1


def test_one_whose_account_is_closed_is_told_nothing(hook, spool, tell, account):
    hook()
    spool("a@x.example")
    account.active = False
    account.save()
    assert tell() == 0


def test_a_private_address_is_never_called(hook, spool, tell, receiver, settings):
    webhook = hook()
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = []
    spool("a@x.example")
    tell()
    row = WebhookDelivery.objects.get()
    assert not receiver.asked and row.status is None and "private" in row.fault
    webhook.refresh_from_db()
    assert webhook.tries == 1


def test_one_that_hangs_keeps_no_other_waiting(hook, spool, tell, told, receiver, account, settings):
    settings.WEBHOOK_SECONDS = 20.0
    released = threading.Event()
    hook(path="/hangs")
    hook(path="/quick")
    quick = threading.Event()

    def answer(request):
        if request.path == "/hangs":
            released.wait(30)
        else:
            quick.set()
        return 200, {}, b""

    receiver.answer = answer
    spool("a@x.example")
    event_horizon.wait()
    try:
        assert turns.start_due(now=timezone.now()) == 2
        assert quick.wait(15), "it waits for the other one"
        assert turns.start_due(now=timezone.now()) == 0, "the one that hangs is called twice at once"
    finally:
        released.set()
        turns.wait()


def test_what_took_too_long_is_told_again(hook, spool, tell, told, receiver, settings):
    settings.WEBHOOK_SECONDS = 0.3
    webhook, released = hook(), threading.Event()
    receiver.answer = lambda request: (released.wait(5) and 200, {}, b"")
    spool("a@x.example")
    tell()
    released.set()
    assert "in time" in WebhookDelivery.objects.get().fault
    receiver.answer = lambda request: (200, {}, b"")
    settings.WEBHOOK_SECONDS = 5.0
    tell(later(webhook))
    assert len(told()) == 2 and len({event["id"] for event in told()}) == 1


def test_a_lease_keeps_others_away_and_ends_by_itself(hook, spool, tell):
    webhook, now = hook(), timezone.now()
    spool("a@x.example")
    event_horizon.wait()
    assert webhook_leases.take(webhook, now=now)
    assert not webhook_leases.take(Webhook.objects.get(), now=now)
    assert tell(now) == 0
    assert tell(now + webhook_leases.lease()) == 1


def test_whoever_lost_the_lease_moves_nothing(hook, spool, told):
    webhook, now = hook(), timezone.now()
    was = webhook.event_id
    spool("a@x.example")
    event_horizon.wait()
    stale = Webhook.objects.get()
    Webhook.objects.update(next_try_at=now - timedelta(hours=1))
    assert webhook_leases.take(stale, now=now - webhook_leases.lease())
    assert webhook_leases.take(Webhook.objects.get(), now=now)
    telling.turn(stale)
    webhook.refresh_from_db()
    assert len(told()) == 1 and webhook.event_id == was


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_died_in_a_call_leaves_it_to_the_next(hook, spool, tell, told, receiver, monkeypatch):
    """The receiver took it, and nobody wrote that down."""
    hook()
    spool("a@x.example")

    def die(*_, **__):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(webhook_leases, "note", die)
        tell()
    assert tell() == 0
    assert tell(timezone.now() + webhook_leases.lease()) == 1
    assert len(told()) == 2 and len({event["id"] for event in told()}) == 1


def test_a_change_takes_the_webhook_from_who_is_calling_it(hook, spool, tell, told, receiver):
    hook()
    spool("a@x.example")

    def answer(request):
        if request.path == "/hook":
            webhooks.change(Webhook.objects.get(), url=f"{receiver.url}/new")
        return 200, {}, b""

    receiver.answer = answer
    tell()
    tell()
    assert [asked.path for asked in receiver.asked] == ["/hook", "/new"]


def test_a_webhook_that_is_deleted_while_it_is_called_leaves_nothing(hook, spool, tell, receiver):
    webhook = hook()
    spool("a@x.example")
    receiver.answer = lambda request: Webhook.objects.all().delete() and (200, {}, b"")
    tell()
    assert not Webhook.objects.exists() and not WebhookDelivery.objects.exists()
    assert len(receiver.asked) == 1 and webhook.token


def test_the_threads_of_a_process_are_bounded(hook, spool, receiver, monkeypatch):
    monkeypatch.setattr(turns, "MOST_THREADS", 2)
    for number in range(4):
        hook(path=f"/{number}")
    spool("a@x.example")
    released = threading.Event()
    receiver.answer = lambda request: (released.wait(15) and 200, {}, b"")
    event_horizon.wait()
    try:
        assert turns.start_due(now=timezone.now()) == 2
        assert turns.start_due(now=timezone.now()) == 0
    finally:
        released.set()
        turns.wait()
    assert turns.start_due(now=timezone.now()) == 2
    turns.wait()
    assert sorted(asked.path for asked in receiver.asked) == ["/0", "/1", "/2", "/3"]


def test_an_account_with_many_keeps_no_other_waiting(hook, spool, receiver, monkeypatch, other_account):
    for number in range(4):
        hook(path=f"/{number}")
    hook(path="/other", of=other_account)
    spool("a@x.example")
    spool("b@x.example", of=other_account)
    event_horizon.wait()
    first = Webhook.objects.order_by("next_try_at").first()
    assert webhook_leases.take(first, now=timezone.now())
    monkeypatch.setattr(turns, "MOST_THREADS", 1)
    turns.start_due(now=timezone.now())
    turns.wait()
    assert [asked.path for asked in receiver.asked] == ["/other"]


def test_nothing_of_a_call_reaches_the_log(hook, spool, tell, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    webhook = hook(path="/very-private")
    receiver.answer = lambda request: (500, {}, b"words of the receiver")
    spool("secret@x.example")
    tell()
    for word in ("very-private", webhook.secret, "secret@x", "words of"):
        assert word not in caplog.text


def test_what_cannot_be_signed_is_a_failure_that_people_see(hook, spool, tell, told, settings):
    webhook = hook()
    spool("a@x.example")
    ring = settings.EARWIG_KEYS
    settings.EARWIG_KEYS = ["b3RoZXIgdGhhbiB0aGUgdGVzdHMgb25lcyAuLi4uLi4="]
    tell()
    webhook.refresh_from_db()
    assert (webhook.tries, webhook.leased_until) == (
        1,
        None,
    ) and "EARWIG_KEYS" in WebhookDelivery.objects.get().fault
    settings.EARWIG_KEYS = ring
    tell(later(webhook))
    assert len(told()) == 1


def test_of_two_new_secrets_at_once_the_earlier_one_still_signs(hook):
    first = hook()
    stale = Webhook.objects.get(pk=first.pk)
    earlier = webhooks.rotate(first, now=timezone.now())
    later_ = webhooks.rotate(stale, now=timezone.now())
    assert webhooks.secrets_of(stale, now=timezone.now()) == [later_, earlier]
