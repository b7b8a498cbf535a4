"""Limits, keys, sessions and the user (contract §7.3, §7.4)."""

from datetime import datetime, timedelta

import jwt
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.utils import timezone

from earwig import accounts, api_keys, domains
from earwig.models import ApiKey, AuditEntry, Membership
from earwig.models.accounts import Role
from earwig.models.api_keys import Scope
from spooling import limits
from spooling.models import Mail
from tests.wires.relay.clients import refused
from tests.wires.relay.test_messages import LETTER

LOGIN = {"username": "ana@acme.example", "password": "s3cret"}
MONTH = timedelta(days=30)


@pytest.fixture
def login(keyless, acme):
    """Call to log in; a caller with the session's token."""

    def call(**members):
        answer = keyless.call("POST", "/tokens", LOGIN | members, content_type="text/plain")
        assert answer.status_code == 200
        return keyless.with_key(answer.json()["access_token"])

    return call


@pytest.fixture
def member(acme):
    """Another user of the account, who is none of its staff."""
    user = get_user_model().objects.create_user("bob@acme.example", "bob@acme.example", "pass")
    return Membership.objects.create(user=user, account=acme)


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_relay_12_a_limit_that_is_used_up_is_told_with_its_members(caller, acme):
    acme.mails_per_month = 1
    acme.save()
    limits._rooms.clear()
    assert caller.post("messages", LETTER).status_code == 201
    answer = caller.post("messages", LETTER)
    document = answer.json()
    assert (answer.status_code, document["errorCode"]) == (402, 1)
    assert (document["deliveriesCount"], document["limit"], document["period"]) == (1, 1, "monthly")
    assert datetime.fromisoformat(document["resetDate"]) > timezone.now()
    assert Mail.objects.count() == 1


def test_limits_tell_what_is_left(caller, acme):
    document = caller.get("status/limits").json()
    assert document["noLimits"] is True and document["hasNotDeliveries"] is True
    assert not {"hourly", "daily", "monthly"} & set(document)
    acme.mails_per_hour, acme.mails_per_day = 0, 10
    acme.save()
    caller.account = str(acme.pk)
    document = caller.get("status/limits").json()
    assert document["noLimits"] is False and "monthly" not in document
    assert (document["hourly"]["limit"], document["hourly"]["remaining"]) == (0, 0)
    assert document["daily"]["remaining"] == 10
    assert datetime.fromisoformat(document["daily"]["reset"]) > timezone.now()
    acme.mails_per_hour = None
    acme.save()
    limits._rooms.clear()
    caller.post("messages", LETTER)
    document = caller.get("status/limits").json()
    assert document["daily"]["remaining"] == 9 and document["hasNotDeliveries"] is False


def test_limits_tell_what_is_to_be_set_up(caller, acme):
    document = caller.get("status/limits").json()
    assert (document["domainConfigurationRequired"], document["dkimConfigurationRequired"]) == (False, True)
    domains.remove(domains.find(acme.pk, "test.com"), now=timezone.now())
    assert caller.get("status/limits").json()["domainConfigurationRequired"] is True


def test_keys_are_shown_masked_and_new_ones_once(caller, stranger, acme):
    (shown,) = caller.get("/user/apikeys").json()["api_keys"]
    assert shown["api_key"] == caller.key[:8] + "*" * 32
    answer = caller.post("/user/apikeys", {})
    secret = answer.json()["api_key"]
    assert answer.status_code == 201 and caller.with_key(secret).get("").status_code == 200
    listed = [item["api_key"][:8] for item in caller.get("/user/apikeys").json()["api_keys"]]
    assert listed == [secret[:8], caller.key[:8]]
    assert AuditEntry.objects.get(action="issue key").key_prefix == caller.key[:8]
    assert [item["api_key"][:8] for item in stranger.get("/user/apikeys").json()["api_keys"]] == [
        stranger.key[:8]
    ]


def test_a_new_key_may_no_more_than_the_one_that_made_it(caller, acme, make_key):
    narrow = make_key(
        acme, [Scope.MANAGE, Scope.READ], allowed_sender_domains=["test.com"], allowed_ips=["127.0.0.1"]
    )
    made = ApiKey.objects.get(prefix=caller.with_key(narrow).post("/user/apikeys").json()["api_key"][:8])
    assert made.scopes == [Scope.READ, Scope.MANAGE]
    assert (made.allowed_sender_domains, made.allowed_ips) == (["test.com"], ["127.0.0.1/32"])
    reader = caller.with_key(make_key(acme, [Scope.READ]))
    assert refused(reader.post("/user/apikeys")) == ("403.0", [])


def test_a_login_gives_a_session(login, acme):
    session = login()
    told = claims(session.key)
    assert (told["sub"], told["unique_name"]) == (acme.pk, "ana@acme.example")
    assert told["relay_accounts"] == ["acme"] and told["iat"] == told["nbf"]
    assert told["exp"] - told["iat"] == MONTH.total_seconds() and told["iss"]
    assert session.get("").json()["accountName"] == "acme"
    assert session.post("messages", LETTER).status_code == 201
    session.scheme = "token"
    assert session.get("/user").status_code == 200


def test_logging_in_again_makes_no_further_key(login):
    for _ in range(2):
        login()
    assert ApiKey.objects.filter(name="relay").count() == 1
    assert login().get("/user/apikeys").json()["api_keys"] == []


def test_a_session_makes_keys_of_its_user(login):
    session = login()
    secret = session.post("/user/apikeys").json()["api_key"]
    assert ApiKey.objects.get(prefix=secret[:8]).user.username == "ana@acme.example"
    assert [item["api_key"][:8] for item in session.get("/user/apikeys").json()["api_keys"]] == [secret[:8]]


def test_a_session_ends_with_its_time_and_with_its_key(login):
    session = login()
    with time_machine.travel(timezone.now() + MONTH - timedelta(minutes=1)):
        assert session.get("").status_code == 200
    with time_machine.travel(timezone.now() + MONTH + timedelta(minutes=1)):
        assert refused(session.get("")) == ("401.3", [])
    api_keys.revoke(ApiKey.objects.get(name="relay"), now=timezone.now())
    assert refused(session.get("")) == ("401.2", [])
    assert login().get("").status_code == 200


def test_a_token_that_we_did_not_sign_opens_nothing(login, keyless, settings):
    token = login().key
    head, body, signature = token.split(".")
    unsigned = jwt.encode(claims(token), "", algorithm="none")
    others = jwt.encode(claims(token), b"x" * 32, algorithm="HS256")
    for forged in (
        *(f"{head}.{body}.", f"{head}.{body}.{signature[:-2]}xx", unsigned, others),
        *("..", "a.b.c", "é.é.é", "." * 2 + "x" * 5000),
    ):
        assert refused(keyless.get(f"/accounts/acme?api_key={forged}")) == ("401.2", [])
    settings.EARWIG_KEYS = ["bmV3IGtleSBvZiB0aGUgcmluZywgMzIgYnl0ZXMuLi4=", *settings.EARWIG_KEYS]
    assert keyless.with_key(token).get("").status_code == 200
    settings.EARWIG_KEYS = settings.EARWIG_KEYS[:1]
    assert refused(keyless.with_key(token).get("")) == ("401.2", [])


@pytest.mark.parametrize(
    ("body", "number", "keys"),
    [
        ({"password": "wrong"}, "401.2", []),
        ({"username": "nobody"}, "401.2", []),
        ({"username": None}, "400.1", ["username"]),
        ({"password": ["s3cret"]}, "400.1", ["password"]),
        ({"username": "x" * 255}, "400.1", ["username"]),
    ],
)
def test_a_wrong_login_is_refused(keyless, acme, body, number, keys):
    assert refused(keyless.post("/tokens", LOGIN | body)) == (number, keys)
    assert refused(keyless.post("/tokens", LOGIN | body | {"x": 1}))[0] == number
    assert not ApiKey.objects.exists()


def test_guessing_is_slow(keyless, acme):
    for _ in range(10):
        keyless.post("/tokens", LOGIN | {"password": "wrong"})
    answer = keyless.post("/tokens", LOGIN)
    assert refused(answer) == ("429.1", []) and answer["Retry-After"]


def test_staff_act_for_another_user_of_the_account(keyless, acme, member):
    Membership.objects.filter(user__email="ana@acme.example").update(role=Role.STAFF)
    answer = keyless.post("/tokens/impersonate", LOGIN | {"userToImpersonate": "bob@acme.example"})
    told = claims(answer.json()["access_token"])
    assert (told["unique_name"], told["impersonated_by"]) == ("bob@acme.example", "ana@acme.example")
    assert keyless.with_key(answer.json()["access_token"]).get("/user").json()["user_id"] == member.user_id
    entry = AuditEntry.objects.get(action="impersonate")
    assert (entry.user.email, entry.subject) == ("ana@acme.example", f"user {member.user_id}")


def test_nobody_else_is_impersonated(keyless, acme, rival, member):
    wish = {"userToImpersonate": "bob@acme.example"}
    path = "/tokens/impersonate"
    Membership.objects.filter(user__email="ana@acme.example").update(role=Role.MEMBER)
    assert refused(keyless.post(path, LOGIN | wish)) == ("403.9", [])
    assert refused(keyless.post(path, LOGIN | wish | {"password": "x"})) == ("401.2", [])
    Membership.objects.filter(user__email="ana@acme.example").update(role=Role.STAFF)
    accounts.open_account("third", name="", email="eve@third.example", password="x", now=timezone.now())
    for name in ("eve@third.example", "nobody"):
        assert refused(keyless.post(path, LOGIN | {"userToImpersonate": name})) == ("404.1", [])
    assert refused(keyless.post(path, LOGIN)) == ("400.1", ["userToImpersonate"])
    get_user_model().objects.filter(pk=member.user_id).update(is_staff=True)
    assert refused(keyless.post(path, LOGIN | wish)) == ("403.9", [])


def test_the_user_is_told_of(login, caller, stranger, acme):
    document = login().get("/user").json()
    assert (document["user_email"], document["account_name"]) == ("ana@acme.example", "acme")
    assert (document["domain"], document["pending_activation"]) == ("test.com", False)
    assert document["password_empty"] is False and document["user_id"]
    expected = {
        *("user_email", "user_id", "account_name", "pending_activation", "domain", "password_empty"),
        *("firstName", "lastName", "terms_and_conditions_version", "company_name", "phone_number"),
        *("country_code", "industry_code", "_links"),
    }
    assert set(document) == expected
    assert caller.get("/user").json()["user_email"] == ""
    assert stranger.get("/user").json()["account_name"] == "rival"
