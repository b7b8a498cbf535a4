"""Health for balancers, for Seed's clients and for Prometheus."""

from datetime import timedelta

import django
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from earwig import api_keys
from spooling import heartbeats
from spooling.models import JobRequest
from stats import metrics, webhooks

NOW = timezone.now()


@pytest.fixture
def database_away(monkeypatch):
    def refuse(*args, **kwargs):
        raise OperationalError("the database system is shutting down")

    with monkeypatch.context() as patch:
        yield lambda: patch.setattr(connection, "cursor", refuse)


def ask(client, key=None, path="/api/health/", **headers):
    if key:
        headers["Authorization"] = f"Token {key}"
    return client.get(path, headers=headers)


def test_health_says_what_is_up_and_installed(client, key):
    answer = ask(client, key)
    assert answer.status_code == 200
    document = answer.json()
    assert (document["up"], document["result"]["database"]) == (True, "Accessible")
    assert document["result"]["version"]
    assert document["result"]["libraries"]["django"] == django.__version__
    assert set(document["result"]["libraries"]) == {"django", "djangorestframework"}


@pytest.mark.parametrize("path", ["/api/health", "/api/health/", "/api/health/x", "/api/health/a/b.json"])
def test_any_suffix_is_health_too(client, key, path):
    assert ask(client, key, path).json()["up"] is True


def test_another_path_that_begins_alike_is_not(client, key):
    assert ask(client, key, "/api/healthy").status_code == 404


def test_every_account_and_any_key_may_ask(client, account, other_key):
    weak = api_keys.issue(account, name="", scopes=[], now=NOW).secret
    assert ask(client, weak).status_code == ask(client, other_key).status_code == 200


def test_health_needs_a_token(client, db):
    answer = ask(client)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="api"')
    assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert ask(client, "0" * 40).json() == {"detail": "Invalid token."}


def test_health_is_only_read(client, key):
    answer = client.post("/api/health/", headers={"Authorization": f"Token {key}"})
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "POST" not allowed.'})


@pytest.mark.parametrize("is_known", [True, False])
def test_without_the_database_health_is_down(client, key, database_away, is_known):
    if is_known:
        ask(client, key)
    database_away()
    answer = ask(client, key)
    assert (answer.status_code, answer.json()["up"]) == (503, False)
    assert answer.json()["result"]["database"] == "Inaccessible"


def test_without_the_database_nothing_is_ready(client, db, database_away):
    database_away()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "unavailable")
    assert client.get("/healthz").status_code == 200


def scrape(client, token="secret", **headers):
    return client.get("/metrics", headers={"Authorization": f"Bearer {token}", **headers})


@pytest.fixture
def samples(client, settings):
    """What Prometheus reads: (name, label values) → value."""
    settings.PROMETHEUS_TOKEN = "secret"

    def read():
        answer = scrape(client)
        assert answer.status_code == 200
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answer.content.decode())
            for sample in family.samples
        }

    return read


def test_without_a_setting_there_are_no_figures(client, db):
    assert scrape(client, "").status_code == 404


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", "Bearer sécret", "Token secret", "secret"]
)
def test_figures_need_the_token(client, db, settings, authorization):
    settings.PROMETHEUS_TOKEN = "secret"
    answer = client.get("/metrics", headers={"Authorization": authorization})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"earwig_" not in answer.content


@pytest.mark.parametrize(
    "accepted",
    [
        "application/openmetrics-text; version=abc",
        "text/plain; version=x; escaping=x",
        "application/openmetrics-text;version=1.a",
        ",;=",
    ],
)
def test_whatever_is_accepted_figures_are_shown(client, db, settings, accepted):
    settings.PROMETHEUS_TOKEN = "secret"
    answer = client.get("/metrics", headers={"Authorization": "Bearer secret", "Accept": accepted})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain")


def test_a_key_of_an_account_opens_no_figures(client, key, settings):
    settings.PROMETHEUS_TOKEN = "secret"
    assert scrape(client, key).status_code == 401


def test_mails_are_counted_by_account_and_state(client, key, other_account, samples):
    mail = {"from": "shop@acme.example", "to": ["ann@example.com", "bob@example.com"], "text": "Hello."}
    headers = {"Authorization": f"Token {key}"}
    assert client.post("/api/v1/mails/", mail, "application/json", headers=headers).status_code == 201
    found = samples()
    assert found["earwig_mails", "acme", "waiting"] == 2
    assert found["earwig_mails", "acme", "delivered"] == 0
    assert ("earwig_mails", "rival", "waiting") not in found
    assert found["earwig_oldest_due_seconds", "transactional"] >= 0


def test_stage_metrics_are_shown_under_their_own_names(account, other_account, samples):
    metrics.add(account.pk, {"subscriptions.created.sum": 3}, now=NOW)
    metrics.put(account.pk, {"subscriptions.set one.active.last": 7}, now=NOW)
    metrics.add(other_account.pk, {"subscriptions.created.sum": 1}, now=NOW)
    found = samples()
    assert found["earwig_stage_events_total", "acme", "subscriptions.created.sum"] == 3
    assert found["earwig_stage_events_total", "rival", "subscriptions.created.sum"] == 1
    assert found["earwig_stage_value", "acme", "subscriptions.set one.active.last"] == 7


def test_workers_and_jobs_are_shown(account, samples):
    heartbeats.beat("control", now=timezone.now() - timedelta(seconds=30))
    JobRequest.objects.create(account=account, kind="measure")
    JobRequest.objects.create(account=account, kind="measure", state="done")
    found = samples()
    assert 30 <= found["earwig_worker_silent_seconds", "control"] < 60
    assert ("earwig_worker_silent_seconds", "bulk") not in found
    assert found["earwig_open_jobs", "measure", "waiting"] == 1


def test_webhooks_are_counted_by_how_they_are_doing(account, other_account, samples):
    for number, owner in enumerate((account, account, other_account)):
        wanted = webhooks.Wanted(url=f"https://hooks.example/{number}")
        webhook, _ = webhooks.create(owner.pk, wanted, now=NOW)
    webhooks.pause(webhook, because="asked for", now=NOW)
    found = samples()
    states = {state: found["earwig_webhooks", state] for state in ("well", "failing", "paused")}
    assert states == {"well": 2, "failing": 0, "paused": 1}


def test_a_set_with_a_hostile_name_breaks_no_line(account, samples):
    metrics.put(account.pk, {'subscriptions.a"} 1\n\\x.active.last': 1}, now=NOW)
    assert samples()["earwig_stage_value", "acme", 'subscriptions.a"} 1\n\\x.active.last'] == 1


def test_more_mails_cost_no_more_queries(
    account, other_account, client, settings, django_assert_max_num_queries
):
    settings.PROMETHEUS_TOKEN = "secret"
    for owner in (account, other_account):
        metrics.put(owner.pk, {f"m{number}.last": 1 for number in range(50)}, now=NOW)
    with django_assert_max_num_queries(9):
        assert scrape(client).status_code == 200
