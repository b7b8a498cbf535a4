import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from earwig import api_keys
from earwig.models import ApiKey, AuditEntry
from tests.wires.octosend.clients import Caller, refused

ADA = {"username": "ada", "password": "s3cret"}


@pytest.fixture
def ada(shop):
    return get_user_model().objects.get(username="ada")


def key_of(caller):
    return caller.post("authenticate", ADA).json()["api-key"]


def test_scenario_1_a_login_gives_a_key_and_a_second_one_leaves_it_alone(shop, keyless):
    first, second = keyless.post("authenticate", ADA).json(), keyless.post("authenticate", ADA).json()
    assert set(first) == {"api-key", "entity", "username"}
    assert (first["entity"], first["username"]) == ("Shop SAS", "ada")
    for key in (first["api-key"], second["api-key"]):
        assert key and isinstance(key, str)
        assert keyless.with_key(key).get("domains/count").json() == 2


def test_scenario_2_a_wrong_login_is_forbidden_and_half_of_one_incomplete(shop, keyless):
    wrong = keyless.post("authenticate", {**ADA, "password": "guess"})
    assert refused(wrong) == (403, "forbidden")
    empty = keyless.post("authenticate", {})
    assert refused(empty) == (400, "missing-field")
    assert empty.json()["details"]["fields"].keys() == {"username"}
    assert b"api-key" not in wrong.content + empty.content


def test_a_hundred_logins_make_one_key(shop, keyless):
    assert len({key_of(keyless) for _ in range(100)}) == 1
    key = ApiKey.objects.get(name="octosend")
    assert (key.account_id, key.user.username, key.expires_at) == (shop.pk, "ada", None)
    assert AuditEntry.objects.filter(action="issue key").count() == 1


def test_the_key_is_an_ordinary_one(shop, keyless, client):
    authorization = {"Authorization": f"Token {key_of(keyless)}"}
    assert client.get("/api/v1/spoolers/", headers=authorization).status_code == 200


def test_a_new_password_gives_a_new_key_and_leaves_the_old_one(ada, keyless):
    old = key_of(keyless)
    ada.set_password("n3w")
    ada.save()
    assert refused(keyless.post("authenticate", ADA)) == (403, "forbidden")
    new = keyless.post("authenticate", {**ADA, "password": "n3w"}).json()["api-key"]
    assert new != old
    for key in (old, new):
        assert keyless.with_key(key).get("domains/count").status_code == 200


def test_a_revoked_key_stays_closed_and_the_next_login_gets_another(shop, keyless):
    old = key_of(keyless)
    api_keys.revoke(ApiKey.objects.get(name="octosend"), now=timezone.now())
    assert refused(keyless.with_key(old).get("domains/count")) == (403, "forbidden")
    new = key_of(keyless)
    assert new != old
    assert new == key_of(keyless)
    assert keyless.with_key(new).get("domains/count").status_code == 200


def test_two_users_of_an_entity_have_two_keys_that_see_the_same(shop, keyless):
    bob = get_user_model().objects.create_user("bob", password="s3cret")
    bob.memberships.create(account=shop)
    keys = {key_of(keyless), keyless.post("authenticate", {**ADA, "username": "bob"}).json()["api-key"]}
    assert len(keys) == 2
    assert {keyless.with_key(key).get("domains/count").json() for key in keys} == {2}


@pytest.mark.parametrize("what", ["user", "account"])
def test_who_was_deactivated_gets_no_key_and_the_old_one_opens_nothing(ada, shop, keyless, what):
    key = key_of(keyless)
    row = ada if what == "user" else shop
    setattr(row, "is_active" if what == "user" else "active", False)
    row.save()
    api_keys.forget_cached()
    assert refused(keyless.post("authenticate", ADA)) == (403, "forbidden")
    assert refused(keyless.with_key(key).get("domains/count")) == (403, "forbidden")


def test_wrong_passwords_are_limited_and_right_ones_never(shop, keyless):
    answers = [keyless.post("authenticate", {**ADA, "password": f"guess {n}"}) for n in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert answers[-1]["Retry-After"]


def test_a_key_that_comes_along_is_ignored(shop, keyless):
    assert keyless.with_key("bogus").post("authenticate", ADA).status_code == 200


@pytest.mark.parametrize(
    "body", [{"username": 1, "password": "s3cret"}, {"username": "ada", "password": ["s3cret"]}]
)
def test_names_and_passwords_are_strings(shop, keyless, body):
    assert refused(keyless.post("authenticate", body)) == (400, "invalid-field")


def test_logging_in_is_a_post(shop, keyless):
    answer = keyless.get("authenticate")
    assert refused(answer) == (405, "method-not-allowed")
    assert "POST" in answer["Allow"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_logins_at_once_make_one_key(shop):
    start, keys = threading.Barrier(4), []

    def log_in():
        start.wait()
        keys.append(key_of(Caller(Client())))
        connection.close()

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert ApiKey.objects.filter(name="octosend").count() == 1
