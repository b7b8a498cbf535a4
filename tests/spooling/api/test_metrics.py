"""`/api/metrics/`: names of metrics, and setting their gauges (Seed contract §7)."""

import pytest
from django.test import Client
from django.utils import timezone

from earwig import api_keys
from spooling import jobs
from spooling.models import JobRequest, MessageSet, Schedule, Subscription
from stats import metrics

PATH = "/api/metrics/"


def call(verb, key=None, path=PATH, **options):
    headers = {"Authorization": f"Token {key}"} if key else {}
    return getattr(Client(), verb)(path, headers=headers, **options)


@pytest.fixture
def subscription(account):
    schedule = Schedule.objects.create(account=account)
    message_set = MessageSet.objects.create(account=account, short_name="one", default_schedule=schedule)
    return Subscription.objects.create(
        account=account, messageset=message_set, schedule=schedule, identity="ann", lang="eng_ZA"
    )


@pytest.mark.parametrize(
    "path", ["/api/metrics", "/api/metrics/", "/api/metrics.json", "/api/metrics/?format=json"]
)
def test_the_names_are_listed(subscription, key, path):
    answer = call("get", key, path)
    assert (answer.status_code, list(answer.json())) == (200, ["metrics_available"])
    assert {"subscriptions.created.sum", "subscriptions.one.active.last"} <= set(
        answer.json()["metrics_available"]
    )


def test_a_stranger_sees_no_name_of_ours(subscription, other_key):
    assert "subscriptions.one.active.last" not in call("get", other_key).json()["metrics_available"]


@pytest.mark.parametrize("body", ["", "{}", "null", "[]"])
def test_asking_for_the_gauges_needs_no_body(subscription, key, body):
    answer = call("post", key, data=body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"scheduled_metrics_initiated": True})


def test_asking_stores_a_job_that_sets_them(subscription, key, account, other_account):
    call("post", key)
    job = JobRequest.objects.get()
    assert (job.account, job.kind, metrics.values(account.pk)) == (account, "measure", {})
    jobs.run_due(now=timezone.now())
    job.refresh_from_db()
    assert job.state == "done"
    assert metrics.values(account.pk)["subscriptions.one.active.last"] == 1
    assert metrics.values(other_account.pk) == {}


@pytest.mark.parametrize("verb", ["get", "post"])
def test_metrics_need_a_token(subscription, verb):
    for key in (None, "0" * 40):
        answer = call(verb, key)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    assert not JobRequest.objects.exists()


def test_reading_is_enough(account):
    reader = api_keys.issue(account, name="", scopes=["read"], now=timezone.now()).secret
    assert call("get", reader).status_code == call("post", reader).status_code == 200
    sender = api_keys.issue(account, name="", scopes=["send"], now=timezone.now()).secret
    assert call("get", sender).status_code == call("post", sender).status_code == 403


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_metrics_know_no_other_verbs(key, verb):
    assert call(verb, key).status_code == 405
