"""`/api/v1/webhooks/`, as its clients see it; a receiver on loopback."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig import api_keys
from earwig.models import AuditEntry, IdempotencyKey
from earwig.models.api_keys import Scope
from spooling.models import JobRequest
from stats import webhooks
from stats.models import Webhook, WebhookDelivery
from tests import http_servers

pytestmark = pytest.mark.django_db
URL = "https://hooks.example/earwig"
PATH = "/api/v1/webhooks/"
SHOWN = {"id", "url", "kinds", "format", "active", "position", "tries", "failing_since", "next_try_at"} | {
    *("verified_at", "paused_at", "paused_because", "created_at")
}


def call(verb, path, key, body=None, **headers):
    headers = {"Authorization": f"Token {key}", **headers}
    if verb == "get":
        return Client().get(path, headers=headers)
    text = body if isinstance(body, (str, bytes)) else json.dumps({} if body is None else body)
    return getattr(Client(), verb)(path, text, content_type="application/json", headers=headers)


@pytest.fixture
def made(key):
    return call("post", PATH, key, {"url": URL, "kinds": ["open", "click", "open"]}).json()


@pytest.fixture
def own(made):
    return f"{PATH}{made['id']}/"


def code(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_one_is_made_and_its_secret_shown_once(made, own, key):
    assert set(made) == SHOWN | {"secret"} and made["secret"].startswith("whs_") and len(made["secret"]) == 68
    assert (made["url"], made["kinds"], made["format"]) == (URL, ["open", "click"], "native")
    assert made["active"] is True and made["paused_because"] == ""
    shown = call("get", own, key)
    del made["secret"]
    assert (shown.status_code, shown.json()) == (200, made)
    assert call("get", PATH, key).json()["results"] == [made]
    assert AuditEntry.objects.get(action="add").detail == {"fields": ["kinds", "url"]}


@pytest.mark.parametrize(
    "body, expected",
    [
        ({}, "required"),
        ({"url": ""}, "blank"),
        ({"url": "x"}, "invalid_url"),
        ({"url": "ftp://x.example/"}, "invalid_url"),
        ({"url": "https://u:p@x.example/"}, "invalid_url"),
        ({"url": "https://x.example/ y"}, "invalid_url"),
        ({"url": " https://x.example/"}, "invalid_url"),
        ({"url": "https://x.example/\ud800"}, None),
        ({"url": "https://x.example/\0"}, None),
        ({"url": "http://10.0.0.1/"}, "target_refused"),
        ({"url": "http://2130706433/"}, "target_refused"),
        ({"url": "http://[::ffff:127.0.0.1]/"}, "target_refused"),
        ({"url": "https://x.example/" + "a" * 2000}, "max_length"),
        ({"url": 7.5, "kinds": "open"}, "not_a_list"),
        ({"url": URL, "kinds": ["opened"]}, "invalid_choice"),
        ({"url": URL, "kinds": [["open"]]}, "invalid_choice"),
        ({"url": URL, "kinds": [{"a": 1}]}, "invalid_choice"),
        ({"url": URL, "format": "smtpeter"}, "unknown_field"),
        ({"url": URL, "secret": "mine"}, "unknown_field"),
        ({"url": URL, "active": "perhaps"}, "invalid"),
        ([], "invalid"),
        ("[" * 100_000, "invalid_json"),
        ("{", "invalid_json"),
    ],
)
def test_what_is_no_webhook_is_refused(key, body, expected):
    answer = call("post", PATH, key, body)
    assert answer.status_code == 400 and not Webhook.objects.exists()
    codes = [problem["code"] for problem in answer.json()["errors"]]
    assert expected is None or expected in codes


def test_an_account_has_only_so_many(key, other_key, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 1)
    assert call("post", PATH, key, {"url": URL}).status_code == 201
    assert code(call("post", PATH, key, {"url": URL})) == (409, "too_many_webhooks")
    assert call("post", PATH, other_key, {"url": URL}).status_code == 201


def test_a_call_made_again_gets_the_first_answer_without_its_secret(key):
    first, again = (call("post", PATH, key, {"url": URL}, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json()["secret"] and again.json() == first.json() | {"secret": None}
    assert again.headers["Idempotent-Replayed"] == "true" and Webhook.objects.count() == 1
    assert first.json()["secret"] not in IdempotencyKey.objects.get().answer


def test_it_is_changed(own, key):
    changed = call("patch", own, key, {"url": f"{URL}/2", "kinds": [], "active": False}).json()
    assert (changed["url"], changed["kinds"], changed["active"]) == (f"{URL}/2", [], False)
    assert changed["paused_because"] == "By its owner."
    again = call("patch", own, key, {"active": True}).json()
    assert (again["url"], again["active"], again["paused_because"]) == (f"{URL}/2", True, "")


@pytest.mark.parametrize("body", [{"url": "http://127.0.0.1/"}, {"url": ""}, {"kinds": ["x"]}, {"tries": 0}])
def test_a_change_that_is_refused_changes_nothing(own, key, body):
    before = call("get", own, key).json()
    assert call("patch", own, key, {"active": False, **body}).status_code == 400
    assert call("get", own, key).json() == before


def test_it_is_deleted_with_its_log(own, key):
    WebhookDelivery.objects.create(webhook=Webhook.objects.get(), first_event_id=1, last_event_id=1, events=1)
    assert call("delete", own, key).status_code == 204
    assert call("get", own, key).status_code == 404 and not WebhookDelivery.objects.exists()


def test_it_gets_a_new_secret(made, own, key):
    rotated = call("post", f"{own}rotate/", key).json()
    webhook = Webhook.objects.get()
    assert rotated["secret"] != made["secret"]
    now = timezone.now()
    assert webhooks.secrets_of(webhook, now=now) == [rotated["secret"], made["secret"]]


def test_it_is_paused_and_resumed(own, key):
    assert call("post", f"{own}pause/", key).json()["active"] is False
    assert call("post", f"{own}pause/", key).json()["active"] is False
    assert call("post", f"{own}resume", key).json()["active"] is True
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["add", "webhook.pause", "webhook.pause", "webhook.resume"]


def test_the_log_is_listed_newest_first(own, key):
    webhook, now = Webhook.objects.get(), timezone.now()
    for number in range(3):
        WebhookDelivery.objects.create(
            webhook=webhook,
            first_event_id=number,
            last_event_id=number,
            events=1,
            status=500,
            at=now + timedelta(seconds=number),
        )
    listed = call("get", f"{own}deliveries/?limit=2", key).json()
    assert listed["count"] == 3 and [row["first_event_id"] for row in listed["results"]] == [2, 1]
    assert set(listed["results"][0]) == {"at", "status", "fault", "milliseconds", "events", "replay"} | {
        *("first_event_id", "last_event_id")
    }


def test_lists_take_the_same_queries_however_long_they_are(own, key):
    def grow():
        call("post", PATH, key, {"url": URL})
        hook = Webhook.objects.first()
        WebhookDelivery.objects.create(webhook=hook, first_event_id=1, last_event_id=1, events=1)

    def queries(path):
        with CaptureQueriesContext(connection) as found:
            assert call("get", path, key).status_code == 200
        return len(found)

    grow()
    before = [queries(path) for path in (PATH, f"{own}deliveries/")]
    for _ in range(5):
        grow()
    assert [queries(path) for path in (PATH, f"{own}deliveries/")] == before


def test_a_replay_is_a_job(own, key):
    since = (timezone.now() - timedelta(days=1)).isoformat()
    answer = call("post", f"{own}replay/", key, {"since": since})
    assert answer.status_code == 202 and answer.json()["state"] == "waiting"
    job = call("get", f"/api/v1/jobs/{answer.json()['job']}/", key).json()
    assert (job["kind"], job["state"]) == ("replay_events", "waiting")
    assert code(call("post", f"{own}replay/", key, {"since": since})) == (400, "webhook_refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": "x"},
        {"since": "2999-01-01T00:00:00Z"},
        {"since": "2020-01-02T00:00:00Z", "until": "2020-01-01T00:00:00Z"},
    ]
    + [{"since": "0001-01-01T00:00:00+14:00"}, {"since": "2020-01-01T00:00:00Z", "until": None}],
)
def test_a_replay_of_no_time_is_refused(own, key, body):
    assert call("post", f"{own}replay/", key, body).status_code == 400
    assert not JobRequest.objects.exists()


def test_a_paused_one_is_told_nothing_once_more(own, key):
    call("post", f"{own}pause/", key)
    answer = call("post", f"{own}replay/", key, {"since": "2020-01-01T00:00:00Z"})
    assert code(answer) == (409, "webhook_paused")


def test_it_is_tried(key, settings):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.1"]
    with http_servers.serving() as receiver:
        made = call("post", PATH, key, {"url": receiver.url}).json()
        answer = call("post", f"{PATH}{made['id']}/test/", key).json()
        assert answer.pop("milliseconds") >= 0 and answer == {"taken": True, "status": 200, "fault": ""}
        body = json.loads(receiver.asked[0].body)
        assert body == {"webhook": made["id"], "test": True, "events": []}
        receiver.answer = lambda request: (500, {}, b"")
        assert call("post", f"{PATH}{made['id']}/test/", key).json()["taken"] is False
    failed = call("post", f"{PATH}{made['id']}/test/", key).json()
    assert (failed["status"], failed["taken"]) == (None, False) and failed["fault"]
    assert WebhookDelivery.objects.count() == 3 and Webhook.objects.get().tries == 0


def test_a_trial_calls_no_private_address(own, key):
    Webhook.objects.update(url="http://127.0.0.1:9/")
    answer = call("post", f"{own}test/", key).json()
    assert answer["status"] is None and "private" in answer["fault"]


def test_reading_needs_one_scope_and_changing_another(account, own):
    reader, sender = (
        api_keys.issue(account, name=scope, scopes=[scope], now=timezone.now()).secret
        for scope in (Scope.READ, Scope.SEND)
    )
    assert call("get", own, reader).status_code == 200
    for verb, path in (("patch", own), ("delete", own), ("post", f"{own}rotate/"), ("post", PATH)):
        assert code(call(verb, path, reader)) == (403, "scope_missing")
    assert code(call("get", own, sender)) == (403, "scope_missing")


@pytest.mark.parametrize(
    "verb, path",
    [("get", ""), ("patch", ""), ("delete", ""), ("get", "deliveries/")]
    + [("post", f"{name}/") for name in ("rotate", "pause", "resume", "replay", "test")],
)
def test_anothers_is_as_unknown_as_none(own, key, other_key, verb, path):
    before = call("get", own, key).json()
    body = {"since": "2020-01-01T00:00:00Z"} if path == "replay/" else {}
    foreign = call(verb, f"{own}{path}", other_key, body)
    unknown = call(verb, f"{PATH}w{'0' * 32}/{path}", other_key, body)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert code(foreign) == (404, "not_found")
    assert call("get", own, key).json() == before and call("get", PATH, other_key).json()["count"] == 0
