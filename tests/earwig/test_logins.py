"""Users who log in with a name and a password instead of a key."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from earwig import errors, logins, rates
from earwig.models import Membership
from earwig.models.accounts import Role
from earwig.models.api_keys import Scope

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = "192.0.2.1"
NAME, PASSWORD = "staff@acme.example", "correct horse"


def login(username=NAME, password=PASSWORD, ip=HERE, now=NOW):
    return logins.authenticate(username, password, ip=ip, now=now)


@pytest.fixture
def hashed(monkeypatch):
    """The passwords that were looked at the slow way."""
    seen, check = [], logins.check_password

    def note(password, encoded):
        seen.append(password)
        return check(password, encoded)

    monkeypatch.setattr(logins, "check_password", note)
    return seen


def user_of(name=NAME):
    return get_user_model().objects.get(username=name)


def test_a_user_may_do_everything_in_the_own_account(account, other_account):
    credential = login()
    assert (credential.account_id, credential.account_slug) == (account.pk, "acme")
    assert credential.scopes == set(Scope.values)
    assert (credential.user_id, credential.key_id, credential.is_staff) == (user_of().pk, None, True)


def test_a_member_is_not_staff(account):
    Membership.objects.update(role=Role.MEMBER)
    assert not login().is_staff


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (NAME, "correct horses"),
        (NAME, "battery staple"),
        (NAME, ""),
        ("Staff@acme.example", PASSWORD),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("staff\0", PASSWORD),
    ],
)
def test_a_wrong_name_or_password_is_refused(account, other_account, username, password):
    with pytest.raises(errors.WrongLogin):
        login(username, password)


def test_a_user_with_another_name_logs_in_by_e_mail(account):
    get_user_model().objects.update(username="jane", email="jane@acme.example")
    assert login("jane").account_id == login("jane@acme.example").account_id == account.pk


def test_an_e_mail_of_two_users_names_neither(account, other_account):
    get_user_model().objects.update(email="shared@acme.example")
    with pytest.raises(errors.WrongLogin):
        login("shared@acme.example")


def test_a_user_without_a_password_takes_nobodys_name(account):
    user = user_of()
    user.username, user.email = "jane", NAME
    user.save()
    get_user_model().objects.create_user(username=NAME, email=NAME)
    assert login(NAME).user_id == user.pk


def test_a_user_without_a_password_cannot_log_in(account):
    get_user_model().objects.create_user(username="tokens-only")
    with pytest.raises(errors.WrongLogin):
        login("tokens-only", "")


def test_an_inactive_user_is_refused_at_once(account):
    login()
    get_user_model().objects.update(is_active=False)
    with pytest.raises(errors.WrongLogin):
        login()


def test_who_left_the_account_is_refused_at_once(account):
    login()
    Membership.objects.all().delete()
    with pytest.raises(errors.WrongLogin):
        login()


def test_an_inactive_account_lets_nobody_in(account, other_account):
    Membership.objects.create(user=user_of(), account=other_account)
    account.active = False
    account.save()
    with pytest.raises(errors.WrongLogin):
        login()


def test_the_password_of_somebody_who_may_not_come_in_is_never_found(account, hashed):
    Membership.objects.all().delete()
    for _ in range(logins.WRONG_FOR_USER):
        with pytest.raises(errors.WrongLogin):
            login()
    # As slow each time, and as often, as a wrong one.
    assert len(hashed) == logins.WRONG_FOR_USER and not logins._right
    with pytest.raises(errors.TooManyLogins):
        login()


def test_a_user_of_two_accounts_acts_for_the_first(account, other_account):
    Membership.objects.create(user=user_of(), account=other_account, role=Role.STAFF)
    assert login().account_id == account.pk


def test_a_right_password_is_hashed_once_a_minute(account, hashed):
    for seconds in (0, 1, 59, 60):
        login(now=NOW + timedelta(seconds=seconds))
    assert len(hashed) == 2


def test_a_changed_password_counts_at_once(account):
    login()
    user = user_of()
    user.set_password("another one")
    user.save()
    with pytest.raises(errors.WrongLogin):
        login()
    assert login(password="another one")


def test_what_is_remembered_holds_no_password(account):
    login()
    assert PASSWORD not in repr(logins._right) and user_of().password not in repr(logins._right)


def test_an_unknown_name_costs_as_much_as_a_wrong_password(account, hashed):
    for name in (NAME, "nobody"):
        with pytest.raises(errors.WrongLogin):
            login(name, "wrong")
    assert hashed == ["wrong", "wrong"]


def guess(times, username=NAME, ip=HERE, now=NOW):
    for number in range(times):
        with pytest.raises(errors.WrongLogin):
            login(username, f"wrong {number}", ip, now)


@pytest.mark.parametrize("shared", [False, True])
def test_after_ten_wrong_passwords_even_the_right_one_waits_for_the_next_minute(
    account, hashed, monkeypatch, shared
):
    monkeypatch.setattr(rates, "_is_shared", lambda: shared)
    guess(logins.WRONG_FOR_USER)
    with pytest.raises(errors.TooManyLogins):
        login()
    assert len(hashed) == logins.WRONG_FOR_USER
    assert login(now=NOW + timedelta(minutes=1))


def test_a_remembered_password_is_no_way_round_the_limit(account):
    login()
    guess(logins.WRONG_FOR_USER)
    with pytest.raises(errors.TooManyLogins):
        login()


def test_name_and_e_mail_share_one_limit(account):
    get_user_model().objects.update(username="jane", email="jane@acme.example")
    guess(logins.WRONG_FOR_USER - 1, "jane")
    guess(1, "jane@acme.example")
    with pytest.raises(errors.TooManyLogins):
        login("jane")


def test_guesses_from_elsewhere_lock_nobody_out(account, other_account):
    guess(logins.WRONG_FOR_USER)
    assert login(ip="192.0.2.2")
    assert login("staff@rival.example", "battery staple").account_id == other_account.pk


def test_another_address_of_the_same_ipv6_network_is_no_way_round_the_limit(account):
    for number in range(logins.WRONG_FOR_USER):
        guess(1, ip=f"2001:db8:1:2::{number:x}")
    with pytest.raises(errors.TooManyLogins):
        login(ip="2001:db8:1:2:ffff::1")
    assert login(ip="2001:db8:1:3::1")


def test_an_ipv4_address_written_as_ipv6_has_one_limit(account):
    guess(logins.WRONG_FOR_USER, ip="::ffff:192.0.2.1")
    with pytest.raises(errors.TooManyLogins):
        login()
    assert login(ip="::ffff:192.0.2.2")


def test_an_address_that_tries_many_names_is_slowed_down(account):
    for number in range(logins.WRONG_FROM_ADDRESS):
        guess(1, f"name {number}")
    with pytest.raises(errors.TooManyLogins):
        login("another name", "wrong")
    assert login(ip="192.0.2.2")
