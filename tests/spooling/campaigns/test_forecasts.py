"""When a campaign will be through at the earliest: what waits for each provider, within every limit that it meets."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig import domains
from earwig.models import Account
from spooling import limits, routers, spoolers, warm_ups
from spooling.campaigns import forecasts, progress
from spooling.models import Backlog, LedgerDelta, ProviderLimit, Route, Router, Spooler
from stats.models import Event
from tests import mail_moves

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def router():
    routers.ensure_default()
    return Router.objects.get()


@pytest.fixture
def minutes(router, campaign):
    """Call with mails by provider; answers in how many minutes they will have left."""

    def ask(measured=0, now=None, **mails):
        routers._table = routers._read()
        now = now or timezone.now()
        spooler = Spooler.objects.select_related("domain").get(pk=campaign.pk)
        end = forecasts.through_at(spooler, mails, measured=measured, now=now)
        return end and round((end - now) / MINUTE, 2)

    return ask


def change(router, **fields):
    Router.objects.filter(pk=router.pk).update(**fields)


def limit(router, provider, **most):
    ProviderLimit.objects.update_or_create(router=router, provider=provider, defaults=most)


def test_what_waits_is_spread_over_providers_as_the_figures_say(campaign, spool):
    mails = spool(
        "a@gmail.com", "b@gmail.com", "c@gmail.com", "d@x.example", lane="bulk", spooler_id=campaign.pk
    )
    assert forecasts.waiting(campaign, 4) == {"gmail": 3, "other": 1}
    mail_moves.settle(mails[0].id, "tempfail", "delivered")
    mail_moves.settle(mails[3].id, "failed")
    assert forecasts.waiting(campaign, 2) == {"gmail": 2}
    assert forecasts.waiting(campaign, 1) == {"gmail": 1}, "the ledger says how many"


def test_without_figures_it_is_spread_over_what_is_known_to_wait(campaign, spool):
    spool("a@gmail.com", "d@x.example", lane="bulk", spooler_id=campaign.pk)
    Event.objects.all().delete()
    assert forecasts.waiting(campaign, 10) == {"gmail": 5, "other": 5}
    Backlog.objects.all().delete()
    assert forecasts.waiting(campaign, 10) == {"other": 10}


def test_a_router_s_rate_is_shared_and_a_provider_s_is_its_own(minutes, router):
    change(router, mails_per_minute=10)
    assert minutes(gmail=20, other=20) == 4
    limit(router, "gmail", mails_per_minute=4)
    assert minutes(gmail=20, other=20) == 5
    assert minutes(gmail=4, other=36) == 4
    limit(router, "*", mails_per_minute=1)
    assert minutes(gmail=20, other=20) == 20


def test_of_several_routers_the_last_one_decides(minutes, router, account):
    change(router, mails_per_minute=100)
    slow = Router.objects.create(name="slow", host="s.example", mails_per_minute=2)
    Route.objects.create(router=slow, account=account, provider="gmail")
    assert minutes(gmail=20, other=1000) == 10
    assert minutes(gmail=2, other=1000) == 10


def test_connections_are_taken_to_carry_so_much_where_nothing_was_measured(minutes, router):
    change(router, max_connections=2)
    assert minutes(other=360) == 1
    assert minutes(measured=60, other=360) == 6
    change(router, kind="mx", max_connections=100)
    limit(router, "gmail", max_connections=1)
    assert minutes(gmail=360) == 2, "of a part of a direct router"
    assert minutes(yahoo=3600) == 2, "a part without a limit of its own has ten"


def test_what_was_measured_never_exceeds_a_limit(minutes, router):
    limit(router, "gmail", mails_per_minute=5)
    assert minutes(measured=1000, gmail=50, other=50) == 10


@pytest.mark.parametrize("nothing", ["max_connections", "mails_per_minute"])
def test_what_is_given_nothing_has_no_end(minutes, router, nothing):
    change(router, **{nothing: 0})
    assert minutes(other=1) is minutes(measured=5, other=1) is None


def test_what_has_no_router_or_a_provider_that_is_given_nothing_has_no_end(minutes, router):
    limit(router, "gmail", mails_per_minute=0)
    assert minutes(gmail=1, other=1) is None and minutes(other=1) is not None
    change(router, disabled=True)
    assert minutes(other=1) is None


def test_nothing_is_foretold_beyond_a_year(minutes, router):
    change(router, mails_per_minute=1)
    assert minutes(other=10**6) is None and minutes(other=10**30) is None


def test_a_router_that_rests_begins_when_it_is_tried_again(minutes, router):
    now = timezone.now()
    change(router, mails_per_minute=10)
    until = routers.defer(router.pk, fault="no route", now=now)
    assert minutes(now=now, other=10) == round(1 + (until - now) / MINUTE, 2)


def test_a_campaign_that_starts_later_ends_later(minutes, router, campaign):
    now = timezone.now()
    change(router, mails_per_minute=10)
    Spooler.objects.update(start_at=now + timedelta(hours=1))
    assert minutes(now=now, other=10) == 61
    Spooler.objects.update(start_at=datetime.max.replace(tzinfo=UTC))
    assert minutes(now=now, other=10) is None


def test_a_warm_up_plan_lets_so_many_leave_each_day(minutes, account, router):
    now = datetime(2026, 5, 4, 18, tzinfo=UTC)
    shop = domains.add_signed(account, name="shop.example", now=now)
    Spooler.objects.update(domain=shop, start_at=now)
    plan = warm_ups.plan(
        shop, warm_ups.Terms(started_on=now.date(), first_day=100, growth_percent=100, days=3)
    )
    assert warm_ups.let_through(plan, "gmail", 40, now=now) == 40
    until_midnight, day = 6 * 60, 24 * 60
    assert minutes(now=now, gmail=60, other=100) < 1
    assert minutes(now=now, gmail=61) == until_midnight
    assert minutes(now=now, gmail=60 + 200 + 400, other=1) == until_midnight + day
    assert minutes(now=now, gmail=60 + 200 + 401) == until_midnight + 2 * day, "then the plan is over"
    Spooler.objects.update(start_at=now + timedelta(days=1))
    assert minutes(now=now, gmail=201) == until_midnight + day


def test_a_plan_that_grows_too_slowly_has_no_end(minutes, account, router):
    now = timezone.now()
    shop = domains.add_signed(account, name="shop.example", now=now)
    Spooler.objects.update(domain=shop)
    terms = warm_ups.Terms(started_on=now.date(), first_day=1, growth_percent=0, days=3_650)
    warm_ups.plan(shop, terms)
    assert minutes(now=now, gmail=1000) is None


def delivered(campaign, count, *, at):
    LedgerDelta.objects.create(
        spooler=campaign, account=campaign.account, at=at, delivered=count, spooled=count
    )


def test_an_account_s_limit_has_room_again_as_what_was_counted_leaves_the_hour(
    minutes, campaign, router, other_account
):
    now = timezone.now()
    Account.objects.update(mails_per_hour=10)
    delivered(campaign, 4, at=now - timedelta(minutes=50))
    delivered(campaign, 3, at=now - timedelta(minutes=20))
    assert minutes(now=now, other=3) < 1
    assert minutes(now=now, other=7) == 10
    assert minutes(now=now, other=10) == 40
    assert minutes(now=now, other=13) == 60, "the three that leave now are in the way of more"
    assert minutes(now=now, other=14) == 70
    Account.objects.update(mails_per_hour=0)
    assert minutes(now=now, other=1) is None


def test_a_limit_that_was_lowered_holds_what_it_is_exceeded_by_too(minutes, campaign, router):
    now = timezone.now()
    Account.objects.update(mails_per_hour=2)
    for ago in (50, 40, 30, 20):
        delivered(campaign, 1, at=now - timedelta(minutes=ago))
    assert [minutes(now=now, other=count) for count in (1, 2, 3)] == [30, 40, 90]


def test_a_limit_counts_from_the_start_of_what_starts_later(minutes, campaign, router):
    now = timezone.now()
    Account.objects.update(mails_per_hour=2)
    delivered(campaign, 2, at=now)
    Spooler.objects.update(start_at=now + timedelta(hours=5))
    assert minutes(now=now, other=2) == 300 and minutes(now=now, other=3) == 360
    (window,) = limits.windows(campaign.account_id, figure="delivered", now=now)
    assert window.left == 0


def test_capacity_is_what_routers_and_their_limits_allow_together(router, account):
    change(router, mails_per_minute=100)
    slow = Router.objects.create(name="slow", host="s.example", mails_per_minute=20)
    Route.objects.create(router=slow, account=account, provider="gmail")
    limit(slow, "gmail", mails_per_minute=5)
    routers._table = routers._read()
    assert forecasts.capacity(account.pk, ["gmail"]) == 5
    assert forecasts.capacity(account.pk, ["gmail", "yahoo", "other"]) == 105
    assert forecasts.capacity(account.pk, []) == 0


def test_progress_is_foretold_without_a_look_at_the_mails(campaign, spool, router):
    spool("a@gmail.com", "d@x.example", lane="bulk", spooler_id=campaign.pk)
    limit(router, "gmail", mails_per_minute=1)
    now = timezone.now()
    with CaptureQueriesContext(connection) as asked:
        found = progress.of(campaign, now=now)
    assert found.predicted_end_at == now + MINUTE
    for query in asked.captured_queries:
        assert '"spooling_mail"' not in query["sql"] and "spooling_pending" not in query["sql"]


def test_a_standing_stream_is_never_through(account, spool):
    spool("a@x.example")
    stream = Spooler.objects.get(pk=spoolers.stream_id(account.pk, "transactional"))
    assert progress.of(stream, now=timezone.now()).predicted_end_at is None
