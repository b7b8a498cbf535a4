"""What keeps a waiting mail back on its way out is told, with the time when it goes on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import domains, sealing
from earwig.models import Account
from spooling import heartbeats, limits, routers, warm_ups
from spooling.campaigns import explanations
from spooling.models import Heartbeat, LedgerDelta, Mail, ProviderLimit, Route, Router, Shape
from tests import outbox_states

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("workers")]

ADDRESS = "ann@people.example"


@pytest.fixture
def router():
    routers.ensure_default()
    return Router.objects.get()


@pytest.fixture
def mail(router, campaign, spool):
    (accepted,) = spool(ADDRESS, lane="bulk", spooler_id=campaign.pk)
    return Mail.objects.get(pk=accepted.id)


def reasons(mail, now=None):
    routers._table = routers._read()
    warm_ups.forget()
    row = Mail.objects.select_related("spooler").get(pk=mail.pk)
    return explanations.of_mail(row, now=now or timezone.now()).reasons


def codes(mail, now=None):
    return [reason.code for reason in reasons(mail, now)]


def change(router, **fields):
    Router.objects.filter(pk=router.pk).update(**fields)


def limit(router, provider, **most):
    ProviderLimit.objects.update_or_create(router=router, provider=provider, defaults=most)


def test_a_router_that_rests_says_until_when(mail, router):
    until = routers.defer(router.pk, fault="no route", now=timezone.now())
    (reason,) = reasons(mail)
    assert (reason.code, reason.at) == ("router_rests", until)


def test_a_router_that_is_disabled_is_told_apart_from_none(mail, router):
    change(router, disabled=True)
    assert codes(mail) == ["router_disabled"]
    router.delete()
    assert codes(mail) == ["no_router"]


def test_a_router_whose_password_cannot_be_opened_is_told(mail, router, settings):
    change(router, password_sealed=sealing.seal("secret"))
    assert codes(mail) == ["due"]
    settings.EARWIG_KEYS = ["b3RoZXIgdGhhbiB0aGUgdGVzdHMgb25lcyAuLi4uLi4="]
    assert codes(mail) == ["router_locked"]


def test_of_routers_out_of_use_the_account_s_own_is_told(mail, router, account, other_account, settings):
    change(router, password_sealed=sealing.seal("secret"))
    settings.EARWIG_KEYS = ["b3RoZXIgdGhhbiB0aGUgdGVzdHMgb25lcyAuLi4uLi4="]
    foreign = Router.objects.create(name="foreign", host="b.example", disabled=True)
    Route.objects.create(router=foreign, account=other_account, provider="other")
    assert codes(mail) == ["router_locked"]
    Router.objects.create(name="own", host="a.example", account=account, default=True, disabled=True)
    assert codes(mail) == ["router_disabled"]


@pytest.mark.parametrize("nothing", ["max_connections", "mails_per_minute"])
def test_a_router_that_is_given_nothing_is_told(mail, router, nothing):
    change(router, **{nothing: 0})
    assert codes(mail) == ["router_closed"]


def test_a_provider_s_rate_is_told_and_that_it_gets_nothing(mail, router):
    limit(router, "gmail", mails_per_minute=0)
    assert codes(mail) == ["due"]
    limit(router, "*", mails_per_minute=30)
    (reason,) = reasons(mail)
    assert reason.code == "provider_rate" and "30 mails a minute" in reason.message
    limit(router, "other", mails_per_minute=0)
    assert codes(mail) == ["provider_closed"]


def test_connections_of_a_part_are_those_of_direct_delivery(mail, router):
    limit(router, "people.example", max_connections=0)
    assert codes(mail) == ["due"]
    change(router, kind="mx")
    assert codes(mail) == ["provider_closed"]
    limit(router, "people.example", max_connections=1, mails_per_minute=6)
    limit(router, "*", mails_per_minute=1)
    (reason,) = reasons(mail)
    assert reason.code == "provider_rate" and "6 mails a minute" in reason.message


def test_a_direct_router_s_own_rate_is_told_once(mail, router):
    change(router, kind="mx", mails_per_minute=60)
    Shape.objects.create(router=router, provider="*", pace=500)
    assert codes(mail) == ["rate", "slowed"]


def test_servers_that_rest_are_told_with_the_time_of_the_next_try(mail, router):
    change(router, kind="mx")
    until = routers.defer(router.pk, part="mx.people.example", fault="timed out", now=timezone.now())
    outbox_states.put(due_at=until)
    first, second = reasons(mail)
    assert (first.code, first.at, second.code) == ("site_rests", until, "not_due")
    change(router, kind="smtp")
    assert codes(mail) == ["not_due"]


def test_a_pace_that_was_slowed_is_told(mail, router):
    Shape.objects.create(router=router, provider="*", pace=250)
    Shape.objects.create(router=router, provider="gmail", pace=100)
    (reason,) = reasons(mail)
    assert reason.code == "slowed" and "25 %" in reason.message
    Shape.objects.create(router=router, provider="other", pace=500)
    assert codes(mail) == ["slowed", "provider_slowed"]


def test_a_warm_up_plan_holds_today_s_rest_back_until_tomorrow(mail, account):
    now = timezone.now()
    shop = domains.add_signed(account, name="shop.example", now=now)
    plan = warm_ups.plan(shop, warm_ups.Terms(started_on=now.date(), first_day=3))
    Mail.objects.update(domain=shop)
    assert warm_ups.let_through(plan, "other", 2, now=now) == 2
    assert codes(mail, now) == ["due"]
    assert warm_ups.let_through(plan, "other", 2, now=now) == 1
    (reason,) = reasons(mail, now)
    assert (reason.code, reason.at) == ("warm_up", warm_ups.tomorrow(now))
    outbox_states.put(due_at=warm_ups.tomorrow(now))
    assert codes(mail, now) == ["warm_up", "not_due"]
    warm_ups.end(plan)
    assert codes(mail, now) == ["not_due"]


def delivered(campaign, count, *, at):
    LedgerDelta.objects.create(
        spooler=campaign, account=campaign.account, at=at, delivered=count, spooled=count
    )


def test_a_used_up_limit_says_when_there_is_room_again(mail, campaign, account, other_account):
    now = timezone.now()
    Account.objects.update(mails_per_hour=10)
    delivered(campaign, 9, at=now - timedelta(minutes=50))
    assert codes(mail, now) == ["due"]
    delivered(campaign, 4, at=now - timedelta(minutes=20))
    (reason,) = reasons(mail, now)
    assert (reason.code, reason.at) == ("over_limit", now + timedelta(minutes=10))
    assert "10 mails in an hour" in reason.message
    Account.objects.update(mails_per_hour=3)
    assert reasons(mail, now)[0].at == now + timedelta(minutes=40)
    Account.objects.update(mails_per_hour=0)
    assert reasons(mail, now)[0].at is None


def test_each_limit_that_is_used_up_is_told(mail, campaign, account):
    now = timezone.now()
    Account.objects.update(mails_per_hour=5, mails_per_day=5, mails_per_month=6)
    delivered(campaign, 5, at=now - timedelta(minutes=30))
    assert [reason.at - now for reason in reasons(mail, now)] == [
        timedelta(minutes=30),
        timedelta(hours=23, minutes=30),
    ]
    hour, *_ = limits.windows(account.pk, figure="delivered", now=now)
    assert hour.left == 0


def test_what_holds_it_longer_than_it_was_put_off_comes_first(mail, router):
    now = timezone.now()
    until = routers.defer(router.pk, fault="no route", now=now)
    outbox_states.put(due_at=until + timedelta(hours=1))
    assert codes(mail, now) == ["not_due", "router_rests"]
    outbox_states.put(due_at=until - timedelta(seconds=1))
    assert codes(mail, now) == ["router_rests", "not_due"]


def test_workers_that_fell_silent_or_never_were_are_told(mail):
    now = timezone.now()
    Heartbeat.objects.all().delete()
    assert codes(mail, now) == ["no_worker"]
    heartbeats.beat("transactional", now=now - timedelta(hours=1))
    heartbeats.beat("bulk", now=now - timedelta(seconds=30))
    assert codes(mail, now) == ["due"]
    heartbeats.beat("bulk", now=now - timedelta(minutes=5))
    (reason,) = reasons(mail, now)
    assert (reason.code, reason.at) == ("no_worker", now - timedelta(minutes=5))
