"""Warm-up plans: what each day lets through, and the plan of a domain over the native API."""

import json
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from earwig import domains
from spooling import warm_ups
from spooling.models import WarmUp, WarmUpDay

START = date(2026, 1, 5)


@pytest.fixture
def shop(account):
    return domains.add_signed(account, name="shop.example", now=timezone.now())


@pytest.fixture
def plan(shop):
    return warm_ups.plan(shop, warm_ups.Terms(started_on=timezone.now().date(), first_day=10))


@pytest.mark.parametrize(("day", "mails"), [(-1, None), (0, 50), (1, 75), (2, 112), (3, 168), (4, None)])
def test_a_plan_grows_day_by_day_until_it_is_over(day, mails):
    terms = warm_ups.Terms(started_on=START, first_day=50, growth_percent=50, days=4)

    assert warm_ups.quota(terms, START + timedelta(days=day)) == mails


def test_growth_has_an_end():
    terms = warm_ups.Terms(started_on=START, first_day=10_000_000, growth_percent=1_000, days=3_650)

    assert warm_ups.quota(terms, START + timedelta(days=3_649)) == warm_ups.MOST


def test_days_are_those_of_utc():
    assert warm_ups.tomorrow(datetime(2026, 1, 5, 23, 59, tzinfo=UTC)) == datetime(2026, 1, 6, tzinfo=UTC)


@pytest.mark.django_db
def test_each_provider_has_a_quota_of_its_own_and_what_did_not_leave_is_given_back(plan):
    now = timezone.now()

    assert warm_ups.let_through(plan, "gmail", 7, now=now) == 7
    assert warm_ups.let_through(plan, "gmail", 7, now=now) == 3
    assert warm_ups.let_through(plan, "other", 7, now=now) == 7
    warm_ups.give_back(Counter({warm_ups.spent(plan, "gmail", now=now): 2}))
    assert warm_ups.let_through(plan, "gmail", 7, now=now) == 2


@pytest.mark.django_db(transaction=True)
def test_workers_together_never_exceed_a_plan(plan):
    taken = []

    def work():
        try:
            taken.extend(warm_ups.let_through(plan, "gmail", 2, now=timezone.now()) for _ in range(5))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(taken) == WarmUpDay.objects.get().mails == 10


def call(verb, key, body=None, name="shop.example"):
    data = {} if verb == "get" else {"data": json.dumps(body or {}), "content_type": "application/json"}
    headers = {"Authorization": f"Token {key}"}
    return getattr(Client(), verb)(f"/api/v1/domains/{name}/warm-up/", **data, headers=headers)


@pytest.mark.django_db
def test_a_plan_is_set_shown_changed_and_ended(key, shop):
    today = timezone.now().date().isoformat()
    terms = {"started_on": today, "first_day": 20, "growth_percent": 50, "days": 30}

    assert call("get", key).status_code == 404
    answer = call("put", key, {"first_day": 20})
    assert (answer.status_code, answer.json()) == (200, terms | {"quota_today": 20, "left_today": {}})
    warm_ups.let_through(WarmUp.objects.get(), "gmail", 5, now=timezone.now())
    assert call("put", key, {"first_day": 40}).json()["left_today"] == {"gmail": 5}
    assert call("get", key, name="Shop.Example").json()["quota_today"] == 40
    assert call("delete", key).status_code == 204 and not WarmUp.objects.exists()
    assert call("delete", key).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [{"first_day": 0}, {"days": 10**9}, {"started_on": "soon"}, {"first_day": "x"}, {"more": 1}, [1]]
)
def test_a_wrong_plan_is_refused(key, shop, body):
    assert call("put", key, body).status_code == 400 and not WarmUp.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["get", "put", "delete"])
def test_the_plan_of_another_account_is_not_found(other_key, plan, verb):
    answer = call(verb, other_key)

    assert answer.status_code == 404 and answer.json()["errors"] and WarmUp.objects.get().first_day == 10
