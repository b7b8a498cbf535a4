"""Tokens of users, health and metrics, over the wire: scenario 2 and the end of scenario 25 (contract §13)."""

import base64
import re

from django.contrib.auth import get_user_model
from django.utils import timezone

from earwig import api_keys
from spooling import jobs
from stats import metrics
from tests.wires.seed.clients import Hub

ADDRESS = "hub@partner.example"


def test_02_staff_mint_a_token_for_a_new_address_and_for_a_known_one(hub, account):
    tokens = [hub.made("/user/token/", {"email": ADDRESS})["token"] for _ in range(2)]
    for token in tokens:
        assert re.fullmatch("[0-9a-f]{40}", token)
        assert Hub(token).get("/schedule/").status_code == 200
    assert get_user_model().objects.filter(username=ADDRESS).count() == 1


def test_02_a_bad_address_is_400_on_its_field(hub):
    answer = hub.post("/user/token/", {"email": "nobody"})
    assert (answer.status_code, answer.json()) == (400, {"email": ["Enter a valid email address."]})


def test_02_a_user_who_is_no_staff_mints_nothing(hub):
    member = Hub(hub.made("/user/token/", {"email": ADDRESS})["token"])
    answer = member.post("/user/token/", {"email": "another@partner.example"})
    assert answer.status_code == 403
    assert answer.json() == {"detail": "You do not have permission to perform this action."}


def test_02_a_user_may_use_everything_else(hub, stage, stranger):
    member = Hub(hub.made("/user/token/", {"email": ADDRESS})["token"])
    assert member.post("/schedule/", {}).status_code == 201
    assert member.results("/messageset/") == hub.results("/messageset/")
    assert stranger.results("/messageset/") == []


def test_name_and_password_open_the_same_account(hub, stage):
    login = base64.b64encode(b"staff@acme.example:correct horse").decode()
    answer = Hub(None).get("/messageset/", Authorization=f"Basic {login}")
    assert answer.json() == hub.get("/messageset/").json()


def test_a_password_gets_a_token(hub, stage):
    login = {"username": "staff@acme.example", "password": "correct horse"}
    answer = Hub(None).post("/api/token-auth/", login)
    assert answer.status_code == 200
    assert Hub(answer.json()["token"]).results("/messageset/") == hub.results("/messageset/")


def test_25_health_says_what_is_up(hub, stranger, anonymous):
    for program in (hub, stranger):
        answer = program.get("/api/health/")
        assert answer.status_code == 200
        assert answer.json()["up"] is True
        assert answer.json()["result"]["database"] == "Accessible"
    assert anonymous.get("/api/health/").status_code == 401


def test_25_metrics_are_listed_and_their_gauges_set(hub, stage, account, stranger):
    assert {"subscriptions.created.sum", "subscriptions.first.active.last"} <= set(
        hub.get("/api/metrics/").json()["metrics_available"]
    )
    assert "subscriptions.first.active.last" not in stranger.get("/api/metrics/").content.decode()
    answer = hub.post("/api/metrics/")
    assert (answer.status_code, answer.json()) == (200, {"scheduled_metrics_initiated": True})
    jobs.run_due(now=timezone.now())
    assert metrics.values(account.pk)["subscriptions.first.active.last"] == 0


def test_a_deactivated_users_token_is_401(hub):
    token = hub.made("/user/token/", {"email": ADDRESS})["token"]
    get_user_model().objects.filter(username=ADDRESS).update(is_active=False)
    api_keys.forget_cached()
    answer = Hub(token).get("/schedule/")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})
