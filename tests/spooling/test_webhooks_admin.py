"""Webhooks as staff of the installation see them."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from earwig.models import AuditEntry
from spooling.models import JobRequest
from stats import webhooks
from stats.models import Webhook, WebhookDelivery

pytestmark = pytest.mark.django_db
LIST = "admin:stats_webhook_changelist"
LOG = "admin:stats_webhookdelivery_changelist"
DIALOG = {"_form_submitted": "on"}
SECRET = re.compile(r'<pre id="secret"[^>]*>(whs_[0-9a-f]{64})</pre>')


def make(owner, name="hook"):
    wanted = webhooks.Wanted(url=f"https://{name}.example/")
    return webhooks.create(owner.pk, wanted, now=timezone.now())[0]


@pytest.fixture
def hook(account):
    return make(account)


def page(name, row):
    return reverse(f"admin:stats_webhook_{name}", args=(row.pk,))


def test_webhooks_are_listed_with_account_and_state(staff, hook, other_account):
    failing, paused = make(other_account, "failing"), make(other_account, "paused")
    Webhook.objects.filter(pk=failing.pk).update(failing_since=timezone.now(), tries=7)
    webhooks.pause(paused, because="No call was taken for 72 hours.", now=timezone.now())
    shown = staff.get(reverse(LIST)).content.decode()
    assert all(word in shown for word in ("acme", "rival", "failing", "paused", "hook.example"))
    for state, found in (("well", hook), ("failing", failing), ("paused", paused)):
        answer = staff.get(reverse(LIST), {"state": state})
        assert [row.pk for row in answer.context["cl"].queryset] == [found.pk]
    assert "No call was taken for 72 hours." in staff.get(page("change", paused)).content.decode()


def test_its_log_is_a_click_away(staff, hook, other_account):
    other = make(other_account, "other")
    for row, fault in ((hook, "The connection failed."), (other, "Something else.")):
        WebhookDelivery.objects.create(webhook=row, first_event_id=1, last_event_id=2, events=2, fault=fault)
    link = re.search(
        r'href="([^"]*webhook__id__exact[^"]*)"', staff.get(page("change", hook)).content.decode()
    )
    log = staff.get(link.group(1)).content.decode()
    assert "The connection failed." in log and "Something else." not in log
    assert staff.get(
        reverse("admin:stats_webhookdelivery_change", args=(WebhookDelivery.objects.first().pk,))
    )


def test_it_is_paused_and_resumed(staff, hook):
    staff.post(page("pause", hook), DIALOG)
    hook.refresh_from_db()
    assert hook.paused_at and hook.paused_because == "By the installation's staff."
    staff.post(page("resume", hook), DIALOG)
    hook.refresh_from_db()
    assert hook.paused_at is None
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        *("webhook.pause", "webhook.resume")
    ]


def test_a_new_secret_is_shown_once(staff, hook):
    old = webhooks.secrets_of(hook, now=timezone.now())
    assert staff.get(page("rotate", hook)).status_code == 200
    shown = staff.post(page("rotate", hook), {"made": "on"})
    secret = SECRET.search(shown.content.decode()).group(1)
    hook.refresh_from_db()
    assert webhooks.secrets_of(hook, now=timezone.now()) == [secret, *old]
    assert secret not in staff.get(page("change", hook)).content.decode()
    entry = AuditEntry.objects.get(action="webhook.rotate")
    assert entry.account_id == hook.account_id and secret not in repr(entry.detail) + repr(
        list(LogEntry.objects.values())
    )


def test_events_of_some_time_are_told_again(staff, hook):
    now = timezone.now()
    asked = {
        "since_0": f"{now - timedelta(days=1):%Y-%m-%d}",
        "since_1": "00:00:00",
        "until_0": "",
        "until_1": "",
    }
    assert staff.get(page("replay", hook)).status_code == 200
    assert staff.post(page("replay", hook), asked).status_code == 302
    job = JobRequest.objects.get()
    assert job.kind == "replay_events" and job.arguments["webhook"] == hook.pk
    again = staff.post(page("replay", hook), asked)
    assert "is not done yet" in again.content.decode() and JobRequest.objects.count() == 1


def test_who_may_only_look_does_nothing(clerk, hook):
    assert clerk.get(page("change", hook)).status_code == 200
    for name in ("pause", "resume", "rotate", "replay"):
        assert clerk.post(page(name, hook), DIALOG).status_code == 403
    hook.refresh_from_db()
    assert hook.paused_at is None and hook.previous_until is None


def test_lists_cost_the_same_however_long(staff, account, other_account, django_assert_max_num_queries):
    for owner in (account, other_account):
        for number in range(10):
            row = make(owner, f"h{number}")
            WebhookDelivery.objects.create(webhook=row, first_event_id=1, last_event_id=1, events=1)
    for name in (LIST, LOG):
        with django_assert_max_num_queries(9):
            assert staff.get(reverse(name)).status_code == 200
