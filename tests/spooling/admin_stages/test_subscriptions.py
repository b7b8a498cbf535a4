"""Subscriptions in the admin: found, shown with their position, moved by verbs only, and mended in bulk."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from earwig.models import AuditEntry
from spooling.models import (
    BehindSubscription,
    JobRequest,
    MessageSet,
    Resend,
    SendEstimate,
    SendFailure,
    Subscription,
)
from spooling.outbox import intake

ADDRESS = "ada@example.net"
#: After two runs of the schedule since the subscription was made.
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


def url(model, what, *args):
    return reverse(f"admin:spooling_{model}_{what}", args=args)


def act(staff, model, action, *rows):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return staff.post(url(model, "changelist"), chosen, follow=True).content.decode()


def position(row):
    row.refresh_from_db()
    return row.next_sequence_number, row.active, row.completed, row.process_status


# Lists and pages


def test_every_list_answers(staff, subscription, message_set, shown):
    SendFailure.objects.create(account=subscription.account, subscription=subscription, reason="Full")
    SendEstimate.objects.create(
        messageset=message_set, estimated_on="2026-03-01", subscriptions=5, identities=4
    )
    Resend.objects.create(subscription=subscription, message=message_set.messages.first())
    for model in (
        "subscription",
        "sendfailure",
        "sendestimate",
        "behindsubscription",
        "resend",
        "schedulerun",
    ):
        shown(model, "changelist")
    for row in (SendFailure.objects.get(), SendEstimate.objects.get(), Resend.objects.get()):
        shown(row._meta.model_name, "change", row.pk)


def test_one_is_found_by_its_id_and_by_its_whole_identity(staff, subscribe, shown):
    ada, bob = subscribe("ada"), subscribe("bob")
    for term in (str(ada.public_id), ada.public_id.hex, " ada "):
        text = shown("subscription", "changelist", q=term)
        assert str(ada.public_id) in text and str(bob.public_id) not in text
    assert str(ada.public_id) not in shown("subscription", "changelist", q="ad")


def test_they_are_filtered_by_what_a_status_means(staff, subscribe, shown):
    rows = {status: subscribe(f"person {status}", process_status=status) for status in (0, -1, 2, 5)}
    for choice, status in (("0", 0), ("-1", -1), ("2", 2), ("other", 5)):
        text = shown("subscription", "changelist", status=choice)
        assert [each for each, row in rows.items() if str(row.public_id) in text] == [status]
    text = shown("subscription", "changelist", status="nonsense")
    assert all(str(row.public_id) in text for row in rows.values())


def test_a_list_counts_nothing_and_costs_the_same_however_long(staff, subscribe, questions):
    subscribe("0")
    one = questions(url("subscription", "changelist"))
    Subscription.objects.bulk_create(_like(subscribe("1")) for _ in range(90))
    with CaptureQueriesContext(connection) as asked:
        staff.get(url("subscription", "changelist"))
    assert len(asked) == one
    counts = [q["sql"] for q in asked if "COUNT(" in q["sql"] and "spooling_subscription" in q["sql"]]
    assert counts == []


def _like(row):
    return Subscription(
        account=row.account, identity="x", messageset=row.messageset, schedule=row.schedule, lang=row.lang
    )


@time_machine.travel(LATER, tick=False)
def test_a_page_shows_position_next_run_and_history(staff, subscription, message_set, shown):
    subscription.schedule.next_run_at = datetime(2026, 3, 3, 8, tzinfo=UTC)
    subscription.schedule.save()
    SendFailure.objects.create(
        account=subscription.account, subscription=subscription, reason="The disk <is> full"
    )
    mail = _mail_to(ADDRESS, subscription.account, wire="seed")
    Resend.objects.create(
        subscription=subscription, message=message_set.messages.first(), outbound_id=mail.id_hex
    )
    text = shown("subscription", "change", subscription.pk)
    assert "Messages behind" in text and "Tue 03 Mar 2026, 08:00 UTC" in text
    assert "The disk &lt;is&gt; full" in text and "Ready (0)" in text
    assert f"q={ADDRESS}" in text and "waiting: Hello there" in text
    assert text.count(reverse("admin:spooling_mail_change", args=(mail.id,))) == 2


class _Mail:
    def __init__(self, accepted):
        self.id, self.id_hex = accepted.id, accepted.hex


def _mail_to(email, account, *, wire):
    content = intake.NewContent(from_email="shop@example.org", subject="Hello there", text="x")
    send = intake.NewSend(content=content, mails=(intake.NewMail(email=email),), domain_id=None)
    submission = intake.NewSubmission(account_id=account.pk, wire=wire)
    [accepted] = intake.accept(submission, [send], now=timezone.now())
    return _Mail(accepted)


def test_another_accounts_mails_to_the_address_are_not_its_history(staff, subscription, other_account, shown):
    _mail_to(ADDRESS, other_account, wire="seed")
    _mail_to(ADDRESS, subscription.account, wire="native")
    assert "Hello there" not in shown("subscription", "change", subscription.pk)


def test_one_that_is_not_ready_or_has_no_address_says_so(staff, subscribe, shown):
    row = subscribe("nobody", active=False)
    text = shown("subscription", "change", row.pk)
    assert "None: it is not ready." in text and "No usable address is known here." in text


def test_a_long_history_costs_as_many_questions_as_a_short_one(staff, subscription, message_set, questions):
    path = url("subscription", "change", subscription.pk)

    def happen(times):
        for _ in range(times):
            SendFailure.objects.create(account=subscription.account, subscription=subscription, reason="Full")
            Resend.objects.create(subscription=subscription, message=message_set.messages.first())
            _mail_to(ADDRESS, subscription.account, wire="seed")

    happen(1)
    one = questions(path)
    happen(10)
    assert questions(path) == one


def test_subscriptions_cannot_be_edited_added_or_deleted_by_hand(staff, subscription):
    assert staff.post(url("subscription", "change", subscription.pk), {"active": ""}).status_code == 403
    assert staff.get(url("subscription", "add")).status_code == 403
    assert staff.post(url("subscription", "delete", subscription.pk), {"post": "yes"}).status_code == 403


# Moves

ASKED = [("send", "send"), ("resend", "resend")]


@pytest.mark.parametrize(("verb", "kind"), ASKED)
def test_a_send_is_asked_for_by_a_confirmed_post_only(staff, subscription, confirm, verb, kind):
    assert staff.get(url("subscription", verb, subscription.pk)).status_code == 200
    assert not JobRequest.objects.exists()
    answer = confirm("subscription", verb, subscription.pk)
    job = JobRequest.objects.get()
    assert (job.kind, job.arguments["subscription"]) == (kind, subscription.pk)
    assert answer["HX-Redirect"] == url("jobrequest", "change", job.pk)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == (f"subscription.{verb}", f"subscription {subscription.pk}")
    assert ADDRESS not in repr(entry.detail)


@time_machine.travel(LATER, tick=False)
def test_one_is_brought_forward_without_a_mail(staff, subscription, confirm):
    answer = confirm("subscription", "forward", subscription.pk)
    assert answer["HX-Redirect"] == url("subscription", "change", subscription.pk)
    assert position(subscription) == (3, True, False, 0)
    assert not JobRequest.objects.exists()


def test_one_is_deactivated_and_made_ready_and_a_refused_move_is_told(staff, subscription, confirm, shown):
    confirm("subscription", "deactivate", subscription.pk)
    assert position(subscription) == (1, False, False, 0)
    confirm("subscription", "deactivate", subscription.pk)
    assert "The subscription is not active." in shown("subscription", "change", subscription.pk)
    Subscription.objects.update(process_status=-1)
    confirm("subscription", "restore", subscription.pk)
    assert position(subscription) == (1, True, False, 0)
    confirm("subscription", "restore", subscription.pk)
    assert "The subscription is ready or completed." in shown("subscription", "change", subscription.pk)
    actions = [entry.action for entry in AuditEntry.objects.order_by("id")]
    assert actions == ["subscription.deactivate", "subscription.restore"]


def test_a_completed_one_stays_completed(staff, subscription, confirm):
    Subscription.objects.update(active=False, completed=True, process_status=2)
    confirm("subscription", "restore", subscription.pk)
    assert position(subscription) == (1, False, True, 2)


def test_several_are_moved_at_once_and_what_is_refused_is_counted(staff, subscribe):
    rows = [subscribe(f"person {n}") for n in range(3)]
    Subscription.objects.filter(pk=rows[0].pk).update(active=False)
    assert "2 subscriptions: done. 1 refused." in act(staff, "subscription", "deactivate_selected", *rows)
    assert "3 subscriptions: done. 0 refused." in act(staff, "subscription", "restore_selected", *rows)
    assert "3 subscriptions: done. 0 refused." in act(staff, "subscription", "send_selected", *rows)
    assert JobRequest.objects.filter(kind="send").count() == 3
    entry = AuditEntry.objects.get(action="subscription.deactivate")
    assert entry.detail == {"subscriptions": 2, "ids": sorted((rows[1].pk, rows[2].pk), reverse=True)}
    assert "person" not in repr(entry.detail)


def test_staff_who_may_only_look_move_nothing(clerk, subscription, confirm, shown):
    shown("subscription", "change", subscription.pk)
    for verb in ("send", "resend", "forward", "restore", "deactivate"):
        assert confirm("subscription", verb, subscription.pk).status_code == 403
    for verb in ("reset_stuck", "remove_duplicates", "prepend_to_audio"):
        assert clerk.post(url("subscription", verb), {"account": subscription.account_id}).status_code == 403
    for model, verb in (
        ("behindsubscription", "find"),
        ("sendfailure", "requeue"),
        ("sendestimate", "estimate"),
    ):
        assert confirm(model, verb, account=subscription.account_id).status_code == 403
    act(clerk, "subscription", "send_selected", subscription)
    assert not JobRequest.objects.exists() and not AuditEntry.objects.exists()
    assert position(subscription) == (1, True, False, 0)


# Repairs


def test_stuck_ones_of_one_account_are_reset(staff, subscribe, other_account, foreign_schedule):
    stuck, broken = subscribe("a", process_status=1), subscribe("b", process_status=-2)
    theirs = Subscription.objects.create(
        account=other_account,
        identity="c",
        lang="x",
        process_status=1,
        schedule=foreign_schedule,
        messageset=MessageSet.objects.create(
            account=other_account, short_name="t", default_schedule=foreign_schedule
        ),
    )
    assert staff.get(url("subscription", "reset_stuck")).status_code == 200
    answer = staff.post(url("subscription", "reset_stuck"), {"account": stuck.account_id}, follow=True)
    assert "1 subscriptions are ready." in answer.content.decode()
    assert [position(row)[3] for row in (stuck, broken, theirs)] == [0, -2, 1]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == ("subscription.reset_stuck", {"subscriptions": 1})


def test_duplicates_are_listed_first_and_then_deleted(staff, subscribe):
    kept = subscribe()
    double = subscribe()
    Subscription.objects.filter(pk=double.pk).update(created_at=kept.created_at + timedelta(seconds=30))
    form = {"account": kept.account_id}
    page = staff.post(url("subscription", "remove_duplicates"), form | {"dry_run": "on"}).content.decode()
    assert "1 would be deleted" in page and str(double.public_id) in page and str(kept.public_id) not in page
    assert Subscription.objects.count() == 2 and not AuditEntry.objects.exists()
    page = staff.post(url("subscription", "remove_duplicates"), form, follow=True).content.decode()
    assert "1 are deleted." in page
    assert Subscription.objects.get() == kept


def test_a_sound_is_put_before_the_next_audio_message(staff, subscription):
    MessageSet.objects.update(content_type="audio")
    form = {"account": subscription.account_id, "prepend": "https://files.example/hello.mp3"}
    staff.post(url("subscription", "prepend_to_audio"), form)
    subscription.refresh_from_db()
    assert subscription.metadata == {"prepend_next_delivery": "https://files.example/hello.mp3"}


# Behind, failures, estimates

JOBS = [
    ("behindsubscription", "find", "find_behind"),
    ("sendfailure", "requeue", "requeue_failures"),
    ("sendestimate", "estimate", "estimate"),
]


@pytest.mark.parametrize(("model", "verb", "kind"), JOBS)
def test_an_accounts_job_is_asked_for_by_a_confirmed_post_only(staff, account, confirm, model, verb, kind):
    assert account.slug in staff.get(url(model, verb)).content.decode()
    assert confirm(model, verb).status_code == 200
    assert not JobRequest.objects.exists()
    answer = confirm(model, verb, account=account.pk)
    job = JobRequest.objects.get()
    assert (job.kind, job.account) == (kind, account)
    assert answer["HX-Redirect"] == url("jobrequest", "change", job.pk)
    assert AuditEntry.objects.get().account == account


@pytest.fixture
def late(subscription, message_set, next_set):
    return BehindSubscription.objects.create(
        account=subscription.account,
        subscription=subscription,
        messages_behind=2,
        current_messageset=message_set,
        current_sequence_number=1,
        expected_messageset=message_set,
        expected_sequence_number=3,
    )


@time_machine.travel(LATER, tick=False)
def test_those_behind_are_shown_with_the_difference_of_then_and_now(staff, late, shown):
    text = shown("behindsubscription", "changelist")
    assert "first 1" in text and "first 3" in text
    late.subscription.next_sequence_number = 2
    late.subscription.save()
    text = shown("behindsubscription", "change", late.pk)
    now = text.split("By now")[1]
    assert "first 2, Ready (0)" in now and "first 3" in now


def test_those_behind_are_filtered_by_set_and_number_of_messages(staff, late, shown, next_set):
    identity = late.subscription.identity
    assert identity in shown("behindsubscription", "changelist", amount="2")
    assert identity not in shown("behindsubscription", "changelist", amount="3-5")
    assert identity in shown("behindsubscription", "changelist", amount="nonsense")
    chosen = {"current_messageset__id__exact": next_set.pk}
    assert identity not in shown("behindsubscription", "changelist", **chosen)


@time_machine.travel(LATER, tick=False)
def test_those_behind_are_brought_forward_each_once_and_sent(staff, late):
    BehindSubscription.objects.create(
        account=late.account,
        subscription=late.subscription,
        messages_behind=2,
        current_messageset=late.current_messageset,
        current_sequence_number=1,
        expected_messageset=late.current_messageset,
        expected_sequence_number=3,
    )
    rows = BehindSubscription.objects.all()
    assert "1 subscriptions: done" in act(staff, "behindsubscription", "send_selected", *rows)
    assert JobRequest.objects.count() == 1
    assert "1 subscriptions: done" in act(staff, "behindsubscription", "forward_selected", *rows)
    assert position(late.subscription) == (3, True, False, 0)


def test_lists_of_failures_and_of_those_behind_cost_the_same_however_long(staff, late, subscribe, questions):
    def happen(times):
        for n in range(times):
            row = subscribe(f"{n}")
            SendFailure.objects.create(account=row.account, subscription=row, reason="Full")
            BehindSubscription.objects.create(
                account=row.account,
                subscription=row,
                messages_behind=1,
                current_messageset=row.messageset,
                current_sequence_number=1,
                expected_messageset=row.messageset,
                expected_sequence_number=2,
            )

    happen(1)
    before = [questions(url(model, "changelist")) for model in ("sendfailure", "behindsubscription")]
    happen(30)
    assert [questions(url(model, "changelist")) for model in ("sendfailure", "behindsubscription")] == before


# People


def test_a_persons_page_shows_the_subscriptions_of_that_account_only(
    staff, make_person, subscribe, other_account
):
    person, namesake = make_person("identity-1"), make_person("identity-1", of=other_account)
    row = subscribe("identity-1")
    page = staff.get(reverse("admin:earwig_person_change", args=(person.pk,))).content.decode()
    assert url("subscription", "change", row.pk) in page and "first eng_ZA, next 1, active, Ready (0)" in page
    page = staff.get(reverse("admin:earwig_person_change", args=(namesake.pk,))).content.decode()
    assert url("subscription", "change", row.pk) not in page
    assert staff.get(reverse("admin:earwig_person_add")).status_code == 200
