"""Keys, scopes, limits, paging and repeatable calls, as a client sees them."""

import json
import threading

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from earwig import api_keys, rates
from earwig.models import IdempotencyKey
from earwig.models.api_keys import Scope
from earwig.web import idempotency, limits
from spooling.models import Mail
from tests.threads import together

MAIL = {"from": "shop@example.org", "to": "ann@example.com", "subject": "Hello", "text": "Hello."}


def _post(key, body=MAIL, path="/api/v1/mails/", **headers):
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    headers = {"Authorization": f"Token {key}", **headers}
    return Client().post(path, data, content_type="application/json", headers=headers)


def _code(answer):
    return answer.json()["errors"][0]["code"]


def _key(account, **restrictions):
    scopes = restrictions.pop("scopes", Scope.values)
    return api_keys.issue(account, name="t", scopes=scopes, now=timezone.now(), **restrictions).secret


@pytest.mark.parametrize("header", ["", "Token", "Token ", "Basic abc", "Token " + "0" * 40, "Token \xe9"])
def test_without_a_good_key_a_call_is_refused(db, client, header):
    for answer in (
        client.get("/api/v1/mails/", headers={"Authorization": header}),
        client.post(
            "/api/v1/mails/", "{}", content_type="application/json", headers={"Authorization": header}
        ),
    ):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Token")


def test_bearer_is_as_good_as_token(key, client):
    assert client.get("/api/v1/mails", headers={"Authorization": f"bearer {key}"}).status_code == 200


@pytest.mark.parametrize(("scope", "allowed"), [(Scope.SEND, (201, 403)), (Scope.READ, (403, 200))])
def test_a_key_does_what_its_scopes_say(account, scope, allowed):
    key = _key(account, scopes=[scope])
    listed = Client().get("/api/v1/mails/", headers={"Authorization": f"Token {key}"})
    assert (_post(key).status_code, listed.status_code) == allowed


def test_a_key_works_only_from_its_addresses(account):
    assert _code(_post(_key(account, allowed_ips=["10.0.0.0/8"]))) == "address_not_allowed"


@pytest.mark.parametrize("method", ["get", "head"])
def test_reading_needs_its_scope_whatever_the_method(account, method):
    answer = getattr(Client(), method)(
        "/api/v1/mails/", headers={"Authorization": f"Token {_key(account, scopes=[Scope.SEND])}"}
    )
    assert answer.status_code == 403


def test_a_trusted_proxy_says_who_calls(account, settings):
    key = _key(account, allowed_ips=["10.0.0.0/8"])
    settings.TRUSTED_PROXIES = ["127.0.0.0/8", "192.168.1.1"]
    assert _post(key, **{"X-Forwarded-For": "10.1.1.1, 192.168.1.1"}).status_code == 201
    assert _post(key, **{"X-Forwarded-For": "10.1.1.1, 1.2.3.4"}).status_code == 403


@pytest.mark.parametrize("shared", [False, True])
def test_a_key_has_its_requests_per_minute(account, monkeypatch, shared):
    monkeypatch.setattr(rates, "_is_shared", lambda: shared)
    monkeypatch.setattr(limits.time, "time", lambda: 1_000_000_000.0 + 60 * shared)
    key = _key(account, requests_per_minute=2)
    first, second, third = (_post(key) for _ in range(3))
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert second["RateLimit-Remaining"] == "0"
    assert (third.status_code, _code(third)) == (429, "rate_limited")
    assert third["Retry-After"] == third["RateLimit-Reset"]
    listed = Client().get("/api/v1/mails/", headers={"Authorization": f"Token {key}"})
    assert (listed.status_code, listed["Retry-After"]) == (429, third["Retry-After"])


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("offset=-1", "offset"), ("offset=100001", "offset"), ("limit=x", "limit")],
)
def test_a_page_that_cannot_be_is_refused(key, client, query, field):
    answer = client.get(f"/api/v1/mails/?{query}", headers={"Authorization": f"Token {key}"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_body_over_the_limit_is_too_large(key, settings, client):
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = json.dumps({**MAIL, "text": "x" * 200})
    assert _code(_post(key, body)) == "too_large"
    assert _post(key, body, path="/api/v1/people/").status_code == 413


def test_only_json_is_taken(key):
    for path in ("/api/v1/mails/", "/api/v1/people/"):
        answer = Client().post(path, {"from": "x"}, headers={"Authorization": f"Token {key}"})
        assert (answer.status_code, _code(answer)) == (415, "not_json")


@pytest.mark.parametrize("path", ["/api/v1/mails/", "/api/v1/people/", "/api/v1/suppressions/"])
@pytest.mark.parametrize("body", ["{", '{"name": "\\u0000"}', "[" * 5000])
def test_broken_json_is_refused(key, path, body):
    answer = _post(key, body, path=path)
    assert (answer.status_code, _code(answer)) == (400, "invalid_json")


def test_the_accept_header_changes_nothing(key, client):
    headers = {"Authorization": f"Token {key}", "Accept": "application/xml"}
    for path in ("/api/v1/mails/", "/api/v1/mails/?format=html"):
        assert client.get(path, headers=headers)["Content-Type"] == "application/json"


def test_no_path_redirects(key, client):
    headers = {"Authorization": f"Token {key}"}
    for path in ("mails", "people", "spoolers", "suppressions"):
        assert client.get(f"/api/v1/{path}", headers=headers).status_code == 200
        assert client.get(f"/api//v1///{path}//", headers=headers).status_code == 200


def test_a_repeated_call_gets_the_first_answer(key):
    first, again = (_post(key, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert again.content == first.content
    assert again.status_code == 201
    assert again["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    assert Mail.objects.count() == 1


def test_the_slash_and_the_order_of_names_do_not_make_another_call(key):
    first = _post(key, **{"Idempotency-Key": "one"})
    again = _post(key, dict(reversed(MAIL.items())), path="/api/v1/mails", **{"Idempotency-Key": "one"})
    assert again.content == first.content


def test_a_key_with_another_body_conflicts(key):
    _post(key, **{"Idempotency-Key": "one"})
    answer = _post(key, {**MAIL, "subject": "Other"}, **{"Idempotency-Key": "one"})
    assert (answer.status_code, _code(answer)) == (409, "idempotency_key_reused")


def test_keys_of_two_accounts_and_of_two_paths_are_apart(key, other_key):
    _post(key, **{"Idempotency-Key": "one"})
    assert "Idempotent-Replayed" not in _post(other_key, **{"Idempotency-Key": "one"})
    person = _post(key, {"external_id": "1"}, path="/api/v1/people/", **{"Idempotency-Key": "one"})
    assert person.status_code == 201


def test_a_refused_call_may_be_made_again_with_its_key(key):
    assert _post(key, {**MAIL, "to": "x"}, **{"Idempotency-Key": "one"}).status_code == 400
    assert _post(key, **{"Idempotency-Key": "one"}).status_code == 201


def test_the_first_answer_is_forgotten_after_a_day(key):
    _post(key, **{"Idempotency-Key": "one"})
    now = timezone.now()
    IdempotencyKey.objects.update(created_at=now - idempotency.KEPT)
    assert "Idempotent-Replayed" not in _post(key, **{"Idempotency-Key": "one"})
    assert idempotency.prune(now) == 0
    assert idempotency.prune(now + 2 * idempotency.KEPT) == 1


@pytest.mark.parametrize("bad", ["", "x" * 201, "\xe9"])
def test_an_unusable_idempotency_key_is_refused(key, bad):
    assert _code(_post(key, **{"Idempotency-Key": bad})) == "idempotency_key_invalid"


def test_people_are_added_once_per_idempotency_key(key):
    answers = [
        _post(key, {"external_id": "1"}, path="/api/v1/people/", **{"Idempotency-Key": "p"}) for _ in range(2)
    ]
    assert answers[0].content == answers[1].content


@pytest.mark.django_db(transaction=True)
def test_calls_at_the_same_time_do_the_work_once(account):
    key = _key(account)

    def call(_):
        answer = _post(key, **{"Idempotency-Key": "race"})
        return answer.status_code, "Retry-After" in answer

    statuses = together(4, call)
    assert Mail.objects.count() == 1
    assert (201, False) in statuses
    assert set(statuses) <= (
        {(201, False), (409, True)} if connection.vendor == "postgresql" else {(201, False)}
    )


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_call_whose_first_is_running_is_told_to_wait(account):
    key = _key(account)
    body = json.loads(json.dumps(MAIL))
    request = Client().request().wsgi_request
    request.method, request.path = "POST", "/api/v1/mails/"
    request.META["HTTP_IDEMPOTENCY_KEY"] = "slow"
    call = idempotency.call_of(request, body, account_id=account.pk, now=timezone.now())
    answers = []

    def second():
        answers.append(_post(key, **{"Idempotency-Key": "slow"}))
        connection.close()

    with transaction.atomic():
        idempotency._lock(call, wait=False)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert (answers[0].status_code, _code(answers[0])) == (409, "idempotency_still_running")
    assert answers[0]["Retry-After"] == "1"


def test_the_installation_answers_for_itself(db, client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz/").json()
    assert (ready["database"], ready["oldest_due_seconds"]["bulk"]) == ("ok", 0)
    assert ready["workers_silent_seconds"] == {"transactional": None, "bulk": None, "control": None}
    assert client.get("/").json()["name"] == "Earwig"
    assert b"<h1>" in client.get("/", headers={"Accept": "text/html"}).content
    assert settings.APPEND_SLASH is False


def test_every_answer_says_its_length(key, client):
    for path in ("/api/v1/mails/", "/nothing", "/healthz"):
        answer = client.get(path, headers={"Authorization": f"Token {key}"})
        assert int(answer["Content-Length"]) == len(answer.content)
