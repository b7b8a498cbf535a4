"""Why a mail is where it is, told plainly."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from earwig.models import Account
from spooling import routers, spoolers, suppressions
from spooling.campaigns import explanations
from spooling.models import Mail, Router, Spooler
from tests import outbox_states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("workers")]

ADDRESS = "ann@people.example"


@pytest.fixture
def mail(campaign, spool):
    routers.ensure_default()
    (accepted,) = spool(ADDRESS, lane="bulk", spooler_id=campaign.pk)
    return Mail.objects.get(pk=accepted.id)


def codes(mail, **fields):
    if fields:
        outbox_states.put(Mail.objects.filter(pk=mail.pk), **fields)
    found = explanations.of_mail(Mail.objects.select_related("spooler").get(pk=mail.pk), now=timezone.now())
    assert found.summary == found.reasons[0].message
    return [reason.code for reason in found.reasons]


def suppress(account_id, **scope):
    where = suppressions.Scope(account_id=account_id, **scope)
    return suppressions.suppress(where, ADDRESS, reason="unsubscribe", source="t", now=timezone.now())


def test_what_is_due_leaves_next(mail):
    assert codes(mail) == ["due"]


@pytest.mark.parametrize(
    ("because", "code"),
    [
        ("request", "paused"),
        ("failures", "brake_failures"),
        ("deferrals", "brake_deferrals"),
        ("stale", "stale"),
    ],
)
def test_a_paused_spooler_says_why(mail, campaign, because, code):
    spoolers.pause(campaign, because=because, now=timezone.now())
    assert codes(mail) == [code]


def test_a_campaign_that_was_not_launched_or_starts_later_holds_its_mail(mail, campaign):
    later = timezone.now() + timedelta(days=1)
    Spooler.objects.filter(pk=campaign.pk).update(start_at=later)
    assert codes(mail) == ["not_started"]
    Spooler.objects.filter(pk=campaign.pk).update(state="pending")
    assert codes(mail) == ["not_launched", "not_started"]
    past = timezone.now() - timedelta(days=1)
    Spooler.objects.filter(pk=campaign.pk).update(state="ready", start_at=past, not_after=past)
    assert codes(mail) == ["stale"]


def test_a_router_that_rests_or_is_slow_or_missing_holds_it(mail):
    router = Router.objects.get()
    routers.defer(router.pk, fault="no route", now=timezone.now())
    routers._table = None
    assert codes(mail) == ["router_rests"]
    routers.recover(router.pk)
    Router.objects.update(mails_per_minute=60)
    routers._table = None
    assert codes(mail) == ["rate"]
    Router.objects.all().delete()
    routers._table = routers._read()
    assert codes(mail) == ["no_router"]


def test_a_used_up_limit_holds_it(mail, account):
    Account.objects.filter(pk=account.pk).update(mails_per_hour=0)
    assert codes(mail) == ["over_limit"]


def test_what_is_about_the_mail_itself(mail):
    later = timezone.now() + timedelta(hours=1)
    assert codes(mail, due_at=later) == ["not_due"]
    assert codes(mail, due_at=later, deferral=1, last_code=451, last_reply="busy", tries=1) == ["deferred"]
    assert codes(mail, deferral=0, due_at=timezone.now(), not_after=timezone.now()) == ["late"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"state": "delivered", "last_code": 250}, ["delivered"]),
        ({"state": "failed", "last_code": 550, "last_reply": "no such user"}, ["failed"]),
        ({"state": "quarantined", "last_reply": "Odd."}, ["quarantined"]),
        ({"state": "expired"}, ["expired"]),
        ({"state": "cancelled"}, ["cancelled"]),
        ({"state": "in_doubt"}, ["in_doubt"]),
        ({"state": "sending"}, ["sending"]),
        (
            {"state": "delivered", "bounced_at": timezone.now(), "bounce_class": "hard"},
            ["delivered", "bounced"],
        ),
        ({"state": "delivered", "complained_at": timezone.now()}, ["delivered", "complaint"]),
    ],
)
def test_what_is_settled_says_how(mail, fields, told):
    assert codes(mail, **fields) == told


def test_a_reply_is_quoted(mail):
    outbox_states.put(state="failed", last_code=550, last_reply="no such user", ended_at=timezone.now())
    found = explanations.of_mail(Mail.objects.select_related("spooler").get(), now=timezone.now())
    assert found.summary == "It failed for good: 550 no such user" and found.reasons[0].at is not None


def test_a_suppression_is_told_with_its_scope_and_moment(mail, account):
    row = suppress(account.pk, stream="bulk")
    found = explanations.of_mail(Mail.objects.select_related("spooler").get(), now=timezone.now())
    (reason,) = found.reasons
    assert (reason.code, reason.at) == ("suppressed_unsubscribe", row.created_at)
    assert "bulk" in reason.message and "account" in reason.message
    assert codes(mail, state="blocked", last_reply="suppressed: unsubscribe") == [
        "blocked",
        "suppressed_unsubscribe",
    ]


def test_another_account_s_suppression_is_never_told(mail, other_account):
    suppress(other_account.pk)
    assert codes(mail) == ["due"]
    suppress(None)
    assert codes(mail) == ["suppressed_unsubscribe"]


def test_a_cancelled_spooler_cancels_what_waits(mail, campaign):
    spoolers.cancel(campaign, now=timezone.now())
    found = explanations.of_mail(Mail.objects.select_related("spooler").get(), now=timezone.now())
    assert (found.state, found.reasons[0].at is not None) == ("cancelled", True)


def get(path, key):
    return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Token {key}"})


def test_the_api_answers_by_mail_and_by_address(mail, campaign, key):
    by_mail = get(f"mails/{mail.public_id.hex}/why/", key).json()
    by_address = get(f"spoolers/{campaign.token}/why/?address=ann@People.Example", key).json()
    assert by_mail == by_address
    assert (by_mail["mail"], by_mail["state"]) == (mail.public_id.hex, "waiting")
    assert by_mail["summary"] == by_mail["reasons"][0]["message"]


def test_an_address_that_is_not_in_the_spooler_is_told_with_its_suppressions(campaign, account, key):
    path = f"spoolers/{campaign.token}/why/?address={ADDRESS}"
    assert [reason["code"] for reason in get(path, key).json()["reasons"]] == ["not_in_spooler"]
    suppress(account.pk)
    found = get(path, key).json()
    assert [reason["code"] for reason in found["reasons"]] == ["not_in_spooler", "suppressed_unsubscribe"]
    assert found["mail"] is None


def test_what_is_no_address_is_refused(campaign, key):
    for query in ("", "?address=", "?address=nobody"):
        assert get(f"spoolers/{campaign.token}/why/{query}", key).status_code == 400


def test_a_stranger_is_told_nothing(mail, campaign, other_key):
    assert get(f"mails/{mail.public_id.hex}/why/", other_key).status_code == 404
    assert get(f"spoolers/{campaign.token}/why/?address={ADDRESS}", other_key).status_code == 404
    assert get("mails/00/why/", other_key).status_code == 404
