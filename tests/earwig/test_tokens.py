"""Tokens of users: minted by staff, or got for a name and a password."""

import base64
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from earwig import api_keys, logins, users
from earwig.models import ApiKey, AuditEntry, Membership, Person
from earwig.models.accounts import Role
from tests.threads import together

EMAIL = "hub@partner.example"
MINT, LOGIN = "/api/v1/user/token/", "/api/token-auth/"
NAME, PASSWORD = "staff@acme.example", "correct horse"
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
NOT_LOGGED_IN = {"non_field_errors": ["Unable to log in with provided credentials."]}


def post(path, body, token=None, **options):
    headers = {"Authorization": f"Token {token}"} if token else {}
    return Client().post(path, body, **{"content_type": "application/json", **options}, headers=headers)


def mint(token, email=EMAIL):
    return post(MINT, {"email": email}, token)


def minted(token, email=EMAIL):
    answer = mint(token, email)
    assert answer.status_code == 201
    return answer.json()["token"]


def works(token):
    api_keys.forget_cached()
    return Client().get("/api/v1/people/", headers={"Authorization": f"Token {token}"}).status_code == 200


def user_of(name):
    return get_user_model().objects.get(username=name)


def test_staff_mint_a_token_that_works(account, key):
    answer = mint(key)
    assert (answer.status_code, list(answer.json())) == (201, ["token"])
    token = answer.json()["token"]
    assert re.fullmatch("[0-9a-f]{40}", token) and works(token)


def test_the_user_is_made_without_a_password_and_is_no_staff(account, key):
    minted(key)
    user = user_of(EMAIL)
    assert (user.email, user.is_staff, user.has_usable_password()) == (EMAIL, False, False)
    membership = Membership.objects.get(user=user)
    assert (membership.account, membership.role) == (account, Role.MEMBER)


def test_a_known_address_gets_a_further_token_and_keeps_the_earlier_ones(account, key):
    first, second = minted(key), minted(key)
    assert first != second and works(first) and works(second)
    assert get_user_model().objects.filter(email=EMAIL).count() == 1


def test_both_forms_of_the_path_and_of_the_body_are_served(account, key):
    for path in ("/api/v1/user/token", "/api/v1/user/token.json"):
        assert post(path, {"email": EMAIL}, key).status_code == 201
    headers = {"Authorization": f"Token {key}"}
    assert Client().post(MINT, {"email": EMAIL}, headers=headers).status_code == 201
    form = Client().post(
        MINT, "email=hub%40partner.example", content_type="application/x-www-form-urlencoded", headers=headers
    )
    assert form.status_code == 201


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "This field is required."),
        ({"email": ""}, "This field may not be blank."),
        ({"email": None}, "This field may not be null."),
        ({"email": "bad"}, "Enter a valid email address."),
        ({"email": ["a@b.example"]}, "Enter a valid email address."),
        (
            {"email": "a" * 60 + "@" + "b" * 63 + ".example"},
            "Ensure this field has no more than 128 characters.",
        ),
    ],
)
def test_a_wrong_address_is_refused_on_its_field(account, key, body, said):
    answer = post(MINT, body, key)
    assert (answer.status_code, answer.json()) == (400, {"email": [said]})


def test_a_member_may_not_mint(account, key):
    answer = mint(minted(key), "another@partner.example")
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert not get_user_model().objects.filter(username="another@partner.example").exists()


def test_a_key_that_may_not_manage_may_not_mint(account):
    weak = api_keys.issue(account, name="", scopes=["send", "read"], now=timezone.now())
    assert mint(weak.secret).status_code == 403


def test_without_a_valid_token_nobody_mints(account):
    for token in (None, "0" * 40):
        answer = mint(token)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="api"')


def test_staff_mint_by_name_and_password_too(account):
    authorization = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    answer = Client().post(MINT, {"email": EMAIL}, headers={"Authorization": authorization})
    assert answer.status_code == 201
    assert AuditEntry.objects.get(action="issue key").user == user_of(NAME)


def test_a_token_belongs_to_the_minters_account(account, other_account, key, other_key):
    Person.objects.create(account=other_account, external_id="hidden")
    headers = {"Authorization": f"Token {minted(key)}"}
    assert Client().get("/api/v1/people/", headers=headers).json()["results"] == []


def test_a_token_may_no_more_than_its_minter(account):
    until = timezone.now() + timedelta(days=1)
    narrow = api_keys.issue(
        account,
        name="",
        scopes=["manage"],
        now=timezone.now(),
        expires_at=until,
        allowed_ips=["127.0.0.0/8"],
        allowed_sender_domains=["acme.example"],
        requests_per_minute=7,
    )
    token = minted(narrow.secret)
    made = ApiKey.objects.get(digest=api_keys.digest_of(token))
    assert (made.scopes, made.expires_at, made.allowed_ips) == (["manage"], until, ["127.0.0.0/8"])
    assert (made.allowed_sender_domains, made.requests_per_minute) == (["acme.example"], 7)


def test_a_key_that_was_closed_elsewhere_mints_nothing_more(account, key, other_key):
    assert works(key)
    # By another process: this one still trusts what it read.
    ApiKey.objects.filter(digest=api_keys.digest_of(key)).update(revoked_at=timezone.now())
    answer = mint(key)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid token."})
    assert ApiKey.objects.filter(user__isnull=False).count() == 0
    assert mint(other_key).status_code == 201


def test_a_key_that_was_narrowed_elsewhere_mints_what_is_left(account, key):
    assert works(key)
    ApiKey.objects.filter(digest=api_keys.digest_of(key)).update(scopes=["manage"])
    assert ApiKey.objects.get(digest=api_keys.digest_of(minted(key))).scopes == ["manage"]


def test_no_address_takes_the_name_of_an_accounts_own_user(account, other_account, key, other_key):
    for separator in ("/", "+", "-", "_"):
        minted(other_key, f"{account.pk}{separator}{EMAIL}")
    minted(other_key)
    minted(key)
    assert mint(other_key, f"{account.pk}:{EMAIL}").status_code == 400


def test_a_strangers_user_is_not_touched_and_looks_unknown(account, other_account, key, other_key):
    theirs = minted(other_key)
    answer = mint(key)
    assert (answer.status_code, list(answer.json())) == (201, ["token"])
    assert list(Membership.objects.filter(user=user_of(EMAIL)).values_list("account", flat=True)) == [
        other_account.pk
    ]
    mine = answer.json()["token"]
    assert api_keys.authenticate(mine, ip="", now=timezone.now()).account_id == account.pk
    assert api_keys.authenticate(theirs, ip="", now=timezone.now()).account_id == other_account.pk


def test_a_strangers_user_gets_one_user_here(account, other_account, key, other_key):
    minted(other_key)
    minted(key)
    minted(key)
    assert get_user_model().objects.filter(email=EMAIL).count() == 2


def test_a_strangers_user_still_logs_in(account, other_account, other_key):
    minted(other_key, NAME)
    assert logins.authenticate(NAME, PASSWORD, ip="", now=timezone.now()).account_id == account.pk


def test_who_administers_the_installation_gets_no_token(account, key):
    get_user_model().objects.filter(username=NAME).update(is_staff=True)
    answer = mint(key, NAME)
    assert (answer.status_code, list(answer.json())) == (400, ["email"])
    assert not ApiKey.objects.filter(user__isnull=False).exists()


def test_a_deactivated_user_gets_no_token(account, key):
    minted(key)
    get_user_model().objects.filter(username=EMAIL).update(is_active=False)
    answer = mint(key)
    assert (answer.status_code, list(answer.json())) == (400, ["email"])


def test_minting_is_written_down(account, key):
    token = minted(key)
    entry = AuditEntry.objects.get(action="issue key")
    assert (entry.account, entry.key_prefix) == (account, key[:8])
    assert entry.subject == f"apikey {ApiKey.objects.get(prefix=token[:8]).pk}"
    assert token not in str(AuditEntry.objects.values())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_one_user_is_made_by_calls_at_the_same_time(account, key):
    tokens = together(6, lambda _: minted(key))
    assert len(set(tokens)) == 6
    assert get_user_model().objects.filter(email=EMAIL).count() == 1
    assert Membership.objects.filter(user=user_of(EMAIL)).count() == 1


def log_in(username=NAME, password=PASSWORD, **options):
    return post(LOGIN, {"username": username, "password": password}, **options)


def test_name_and_password_get_a_token(account):
    answer = log_in()
    assert (answer.status_code, list(answer.json())) == (200, ["token"])
    assert works(answer.json()["token"])


def test_a_login_may_be_a_form_and_end_without_a_slash(account):
    assert Client().post("/api/token-auth", {"username": NAME, "password": PASSWORD}).status_code == 200


def test_a_token_of_a_login_may_what_its_user_may(account, other_account):
    Person.objects.create(account=other_account, external_id="hidden")
    credential = api_keys.authenticate(log_in().json()["token"], ip="", now=timezone.now())
    assert (credential.account_id, credential.is_staff) == (account.pk, True)
    assert credential.scopes == {"send", "read", "manage"}


@pytest.mark.parametrize(
    ("username", "password"), [(NAME, "wrong"), ("nobody", PASSWORD), (NAME, "battery staple"), (NAME, " ")]
)
def test_a_wrong_login_is_refused(account, other_account, username, password):
    answer = log_in(username, password)
    assert (answer.status_code, answer.json()) == (400, NOT_LOGGED_IN)
    assert not ApiKey.objects.exists()


def test_a_login_without_name_or_password_says_which(account):
    answer = post(LOGIN, {"username": ""})
    assert answer.status_code == 400
    assert answer.json() == {
        "username": ["This field may not be blank."],
        "password": ["This field is required."],
    }


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "7"])
def test_a_login_is_an_object(account, body):
    answer = post(LOGIN, body)
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


def test_only_the_newest_tokens_of_logins_stay_open(account, key):
    tokens = [log_in().json()["token"] for _ in range(users.MOST_LOGIN_TOKENS + 2)]
    assert [works(token) for token in tokens] == [False, False] + [True] * users.MOST_LOGIN_TOKENS
    assert works(key)
    assert AuditEntry.objects.filter(action="revoke", user=user_of(NAME)).count() == 2


def test_logins_end_no_minted_tokens(account, key):
    mine = api_keys.issue(account, name="hub", scopes=["read"], now=timezone.now(), user=user_of(NAME))
    for _ in range(users.MOST_LOGIN_TOKENS + 1):
        log_in()
    assert works(mine.secret)


def test_guessing_is_slowed_down(account):
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(logins.WRONG_FOR_USER):
            assert log_in(password="wrong").status_code == 400
        answer = log_in()
    assert (answer.status_code, answer["Retry-After"], list(answer.json())) == (429, "60", ["detail"])


def test_a_wrong_key_beside_it_does_not_matter_to_a_login(account):
    assert log_in(token="0" * 40).status_code == 200


def test_tokens_are_only_posted_for(account, key):
    headers = {"Authorization": f"Token {key}"}
    for path in (MINT, LOGIN):
        assert Client().get(path, headers=headers).status_code == 405
