"""How far a campaign is, who may move it, and what nobody may do unasked."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from earwig.models import AuditEntry
from spooling import ledger, spoolers
from spooling.campaigns import launches, messages, staleness
from spooling.models import JobRequest, Mail, Spooler
from spooling.models.spoolers import PauseReason
from tests.spooling.admin_campaigns.pages import (
    CONFIRMED,
    CONTENT,
    FIGURE,
    LOOKS,
    VERBS,
    fail,
    fill,
    linked,
    page_of,
    press,
    progress_of,
    url,
)


def test_a_campaign_is_launched_paused_resumed_finished_and_cancelled(staff, campaign):
    fill(campaign, "ada@x.example")
    for verb, state in (
        ("launch", "ready"),
        ("pause", "paused"),
        ("resume", "ready"),
        ("finish", "finished"),
        ("cancel", "cancelled"),
    ):
        assert press(staff, verb, campaign)["HX-Redirect"] == url("change", campaign)
        campaign.refresh_from_db()
        assert campaign.state == state
        assert AuditEntry.objects.latest("id").action == f"spooler.{verb}"


def test_an_incomplete_campaign_is_not_launched_and_the_page_says_what_lacks(staff, account, domain):
    empty = spoolers.open_campaign(account, name="Empty", domain=domain, now=timezone.now())
    press(staff, "launch", empty)
    page = page_of(staff, empty)
    assert "mails: There is none." in page
    empty.refresh_from_db()
    assert empty.state == "pending" and not AuditEntry.objects.exists()


def test_who_comes_too_late_is_told_so(staff, launched):
    spoolers.cancel(launched, now=timezone.now())
    for verb in ("launch", "pause", "resume", "finish", "cancel"):
        press(staff, verb, launched)
        assert "The spooler&#x27;s state does not allow this. It is cancelled by now." in page_of(
            staff, launched
        )
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("pending", LOOKS | {"launch", "cancel", "send_draft", "preflight"}),
        ("ready", LOOKS | {"pause", "finish", "cancel", "retry", "preflight", "postpone"}),
        ("paused", LOOKS | {"resume", "finish", "cancel", "retry", "preflight", "postpone"}),
        ("finished", LOOKS | {"pause", "cancel", "retry", "preflight", "postpone"}),
    ],
)
def test_each_state_offers_its_own_buttons(staff, campaign, state, offered):
    Spooler.objects.update(state=state)
    page = page_of(staff, campaign)
    assert {verb for verb in VERBS if linked(verb, campaign) in page} == offered


def test_a_stream_is_neither_launched_nor_cancelled(staff, account):
    stream = Spooler.objects.get(pk=spoolers.stream_id(account.pk, "bulk"))
    page = page_of(staff, stream)
    assert url("pause", stream) in page
    assert not any(url(verb, stream) in page for verb in ("launch", "finish", "cancel", "preview"))


def test_what_takes_drafts_is_never_ended(staff, account):
    drafts = Spooler.objects.get(pk=spoolers.of_drafts(account.pk, None).pk)
    for verb in ("launch", "finish", "cancel"):
        press(staff, verb, drafts)
    drafts.refresh_from_db()
    assert (drafts.state, drafts.closed_at, drafts.ended_at) == ("ready", None, None)


@pytest.mark.parametrize("address", ["abc", "9" * 30, "9" * 5000, "0"])
def test_an_address_that_names_no_row_is_no_fault_of_ours(staff, campaign, address):
    for what in ("preview", "why", "send_draft", "launch", "retry"):
        assert staff.post(f"/admin/spooling/spooler/{address}/{what}/", CONFIRMED).status_code == 404
    assert staff.get(f"/admin/spooling/spooler/{address}/change/").status_code == 302
    assert staff.get(url("frame", campaign), {"mail": address}).status_code == 404


def test_staff_who_may_only_look_see_no_buttons_and_are_refused(clerk, launched):
    page = page_of(clerk, launched)
    assert "Sending" in page
    for verb in VERBS - LOOKS:
        assert linked(verb, launched) not in page
        assert press(clerk, verb, launched).status_code == 403
    launched.refresh_from_db()
    assert launched.state == "ready" and not AuditEntry.objects.exists()


def test_staff_without_the_right_see_nothing_of_it(client, launched, django_user_model):
    client.force_login(django_user_model.objects.create_user("new@example.org", password="x", is_staff=True))
    assert client.get(url("progress", launched)).status_code == 404
    assert client.get(url("frame", launched)).status_code == 404
    assert client.get(url("preview", launched)).status_code == 403
    assert client.get(url("change", launched)).status_code == 403


@pytest.mark.parametrize("what", ["progress", "frame", "preview", "change"])
def test_strangers_are_sent_to_the_login(client, launched, what):
    answer = client.get(url(what, launched))
    assert answer.status_code == 302 and "/admin/login/" in answer.url


def test_progress_is_told_with_the_ledger(staff, launched):
    def figures(told):
        return {name: int(count) for name, count in FIGURE.findall(told["html"])}

    told = progress_of(staff, launched)
    assert (told["state"], told["ended"]) == ("ready", False)
    assert figures(told) == ledger.of_spooler(launched.pk) and figures(told)["waiting"] == 2
    assert "It adds up" in told["html"]
    spoolers.cancel(launched, now=timezone.now())
    told = progress_of(staff, launched)
    assert (told["state"], told["ended"]) == ("cancelled", False)
    assert (figures(told)["cancelled"], figures(told)["waiting"]) == (2, 0)
    Spooler.objects.update(swept_at=timezone.now())
    assert progress_of(staff, launched)["ended"]
    assert "data-over" in page_of(staff, launched)


def test_a_spooler_that_is_not_there_is_no_error(staff, db):
    assert staff.get(reverse("admin:spooling_spooler_progress", args=(1,))).status_code == 404
    assert staff.get(reverse("admin:spooling_spooler_change", args=(1,))).status_code == 302
    assert staff.get(reverse("admin:spooling_spooler_preview", args=(1,))).status_code == 404


@pytest.mark.parametrize(
    ("because", "words"),
    [
        (PauseReason.FAILURES, "too many of its mails failed"),
        (PauseReason.DEFERRALS, "too many of its mails were deferred"),
        (PauseReason.STALE, "its last moment passed"),
    ],
)
def test_the_page_says_why_a_campaign_paused_itself(staff, launched, because, words):
    spoolers.pause(launched, because=because, now=timezone.now())
    assert words in page_of(staff, launched)


def test_the_page_says_who_paused(staff, launched):
    press(staff, "pause", launched)
    assert "Paused on request of root@example.org on" in page_of(staff, launched)


def test_the_page_says_when_a_campaign_starts(staff, launched):
    Spooler.objects.update(start_at=timezone.now() + timedelta(days=2))
    assert "Launched: starts on" in page_of(staff, launched)


def test_the_first_failures_are_shown_escaped_and_linked(staff, launched):
    mail = Mail.objects.get(email="bob@y.example")
    fail(mail)
    page = progress_of(staff, launched)["html"]
    assert "550 5.7.1 &lt;b&gt;refused&lt;/b&gt;" in page and "<b>refused" not in page
    assert reverse("admin:spooling_mail_change", args=(mail.pk,)) in page
    assert "bob@y.example" in page and "ada@x.example" not in page


def test_the_ledger_leads_to_the_mails_of_a_state(staff, launched, campaign, other_account):
    fail(Mail.objects.get(email="bob@y.example"))
    stream = spoolers.stream_id(other_account.pk, "bulk")
    Mail.objects.filter(email="ada@x.example").update(spooler=stream, state="failed")
    href = f"{reverse('admin:spooling_mail_changelist')}?spooler={launched.pk}&state__exact=failed"
    assert href.replace("&", "&amp;") in page_of(staff, launched)
    found = staff.get(href).context["cl"].result_list
    assert [mail.email for mail in found] == ["bob@y.example"]


def test_addresses_are_shown_only_to_who_may_see_mail(client, launched, django_user_model):
    user = django_user_model.objects.create_user("few@example.org", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_spooler"))
    client.force_login(user)
    mail = Mail.objects.get(email="bob@y.example")
    fail(mail, reply="550 <bob@y.example> refused")
    page = page_of(client, launched)
    assert f"mail {mail.pk}" in page and "bob@y.example" not in page
    assert client.get(url("preview", launched), {"mail": mail.pk}).status_code == 404
    assert "address" not in client.get(url("preview", launched)).context["form"].fields
    assert client.post(url("why", launched), {"address": "bob@y.example"}).status_code == 403


def test_a_choice_of_failed_mails_is_retried(staff, launched):
    fail(Mail.objects.get(email="bob@y.example"))
    press(staff, "retry", launched, states=["in_doubt"])
    press(staff, "retry", launched)
    assert [job.arguments["states"] for job in JobRequest.objects.order_by("id")] == [
        ["in_doubt"],
        ["failed", "in_doubt", "quarantined"],
    ]
    assert press(staff, "retry", launched, states=["delivered"]).status_code == 200
    assert JobRequest.objects.count() == 2


def test_the_page_and_its_progress_ask_as_much_for_many_mails_as_for_few(staff, account, domain):
    counts = []
    for size in (1, 200):
        spooler = spoolers.open_campaign(account, name="Sized", domain=domain, now=timezone.now())
        messages.write(spooler, CONTENT, now=timezone.now())
        fill(spooler, *(f"reader{number}@x{number}.example" for number in range(size)))
        launches.launch(spooler, now=timezone.now())
        for get in (page_of, progress_of):
            get(staff, spooler)
            with CaptureQueriesContext(connection) as asked:
                get(staff, spooler)
            counts.append(len(asked))
    assert counts[:2] == counts[2:]
    assert counts[1] <= 14


def test_the_list_asks_as_much_for_many_campaigns_as_for_few(staff, account, campaign):
    counts = []
    for _ in range(2):
        staff.get(reverse("admin:spooling_spooler_changelist"))
        with CaptureQueriesContext(connection) as asked:
            staff.get(reverse("admin:spooling_spooler_changelist"))
        counts.append(len(asked))
        for number in range(20):
            spoolers.open_campaign(account, name=f"No {number}", now=timezone.now())
    assert counts[0] == counts[1]


def test_a_campaign_whose_time_has_passed_goes_on_when_it_is_given_more(staff, launched):
    past = timezone.now() - timedelta(hours=1)
    Spooler.objects.update(not_after=past)
    staleness.stop_stale(now=timezone.now())
    assert "its last moment passed" in page_of(staff, launched)
    press(staff, "resume", launched)
    assert "give it a later one first" in page_of(staff, launched)
    later = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    press(staff, "postpone", launched, not_after=later)
    press(staff, "resume", launched)
    launched.refresh_from_db()
    assert launched.state == "ready" and launched.not_after.strftime("%Y-%m-%dT%H:%M") == later
    assert press(staff, "postpone", launched, not_after="soon").status_code == 200
    press(staff, "postpone", launched)
    launched.refresh_from_db()
    assert launched.not_after is None
