"""How a request says who sends it: by a key, or by a user's name and password."""

import base64
import json
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from earwig import api_keys, logins
from earwig.models import Account, AuditEntry, Membership, Person
from earwig.models.accounts import Role

NAME, PASSWORD = "staff@acme.example", "correct horse"


def basic(username=NAME, password=PASSWORD, encoding="utf-8"):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode(encoding)).decode()


def ask(authorization, path="/api/v1/people/"):
    return Client().get(path, headers={"Authorization": authorization})


def code_of(answer):
    return answer.json()["errors"][0]["code"]


@pytest.fixture
def strangers_person(other_account):
    return Person.objects.create(account=other_account, external_id="hidden")


def test_name_and_password_open_the_users_account_and_no_other(account, strangers_person, make_person):
    make_person("mine")
    people = ask(basic()).json()["results"]
    assert [person["external_id"] for person in people] == ["mine"]
    assert ask(basic(), f"/api/v1/people/{strangers_person.pk}/").status_code == 404


def test_name_and_password_may_write(account):
    answer = Client().post(
        "/api/v1/people/",
        '{"external_id": "new"}',
        content_type="application/json",
        headers={"Authorization": basic()},
    )
    assert answer.status_code == 201
    assert Person.objects.get().account == account


def test_the_audit_trail_names_the_user(account):
    token = own_key(account, ["manage"])
    for number, authorization in enumerate((basic(), f"Token {token}")):
        Client().post(
            "/api/v1/people/",
            json.dumps({"external_id": str(number)}),
            content_type="application/json",
            headers={"Authorization": authorization},
        )
    entries = AuditEntry.objects.order_by("id").values_list("user__username", "key_prefix")
    assert list(entries) == [(NAME, ""), (NAME, token[:8])]


def test_mail_is_accepted_without_a_key(account):
    mail = '{"from": "shop@acme.example", "to": ["ann@example.com"], "text": "Hello."}'
    answer = Client().post(
        "/api/v1/mails/", mail, content_type="application/json", headers={"Authorization": basic()}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_password_may_have_any_letters(account, encoding):
    user = get_user_model().objects.get()
    user.set_password("größe: fünf")
    user.save()
    assert ask(basic(password="größe: fünf", encoding=encoding)).status_code == 200


@pytest.mark.parametrize(
    "authorization", [basic(password="wrong"), basic("nobody"), basic("staff\0"), "Token none"]
)
def test_wrong_credentials_are_refused_with_a_challenge(account, authorization):
    answer = ask(authorization)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Token realm="earwig"')
    assert code_of(answer) in ("wrong_login", "unknown_key")


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic ", "Basic a b", "Basic ???", "Basic =", "Token", "Token a b", "Digest x", "\xff"],
)
def test_an_unreadable_header_is_no_credential(account, authorization):
    answer = ask(authorization)
    assert (answer.status_code, code_of(answer)) == (401, "not_authenticated")


def test_too_many_wrong_passwords_say_when_to_come_back(account):
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(logins.WRONG_FOR_USER):
            assert ask(basic(password="wrong")).status_code == 401
        answer = ask(basic())
    assert (answer.status_code, code_of(answer), answer["Retry-After"]) == (429, "too_many_logins", "60")


def own_key(account, scopes=("read",)):
    user = get_user_model().objects.get(username=NAME)
    return api_keys.issue(account, name="", scopes=scopes, now=timezone.now(), user=user).secret


def read_anew(secret):
    api_keys.forget_cached()
    return ask(f"Token {secret}").status_code


def test_a_users_key_closes_with_the_user(account, other_key):
    secret = own_key(account)
    assert read_anew(secret) == 200
    get_user_model().objects.filter(username=NAME).update(is_active=False)
    assert (read_anew(secret), read_anew(other_key)) == (401, 200)


def test_a_users_key_closes_with_the_membership(account, other_account, other_key):
    secret = own_key(account)
    Membership.objects.filter(account=account).update(account=other_account)
    assert (read_anew(secret), read_anew(other_key)) == (401, 200)


def test_a_users_key_closes_with_the_account(account, other_key):
    secret = own_key(account)
    Account.objects.filter(pk=account.pk).update(active=False)
    assert (read_anew(secret), read_anew(other_key)) == (401, 200)


@pytest.mark.parametrize(("role", "is_staff"), [(Role.STAFF, True), (Role.MEMBER, False)])
def test_a_users_key_is_staffs_when_the_user_is(account, role, is_staff):
    Membership.objects.update(role=role)
    credential = api_keys.authenticate(own_key(account), ip="", now=timezone.now())
    assert credential.is_staff == is_staff


@pytest.mark.parametrize(("scopes", "is_staff"), [(["manage"], True), (["send", "read"], False)])
def test_a_key_of_nobody_is_staffs_when_it_may_manage(account, scopes, is_staff):
    issued = api_keys.issue(account, name="", scopes=scopes, now=timezone.now())
    assert api_keys.authenticate(issued.secret, ip="", now=timezone.now()).is_staff == is_staff


def test_a_rotated_key_stays_the_users(account):
    user = get_user_model().objects.get(username=NAME)
    issued = api_keys.issue(account, name="", scopes=["read"], now=timezone.now(), user=user)
    new = api_keys.rotate(issued.key, overlap=timedelta(hours=1), now=timezone.now())
    assert api_keys.authenticate(new.secret, ip="", now=timezone.now()).user_id == user.pk
