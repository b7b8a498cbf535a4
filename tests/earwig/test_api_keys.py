from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.utils import timezone

from earwig import api_keys, errors
from earwig.models import ApiKey

NOW = timezone.now()
HERE = "127.0.0.1"


def issue(account, **restrictions):
    return api_keys.issue(account, name="shop", scopes=["send"], now=NOW, **restrictions)


def test_an_issued_key_opens_its_account_with_its_scopes(account):
    issued = api_keys.issue(account, name="shop", scopes=["read", "send"], now=NOW)
    credential = api_keys.authenticate(issued.secret, ip=HERE, now=NOW)
    assert (credential.account_id, credential.account_slug) == (account.pk, "acme")
    assert credential.scopes == {"send", "read"}
    assert credential.prefix == issued.secret[:8]


def test_a_secret_has_40_hex_digits_and_is_stored_as_its_digest_only(account):
    issued = issue(account)
    assert len(issued.secret) == 40 and int(issued.secret, 16)
    row = ApiKey.objects.filter(pk=issued.key.pk).values().get()
    assert row["digest"] == api_keys.digest_of(issued.secret)
    assert issued.secret not in str(row)


def test_a_secret_is_not_shown_by_repr(account):
    issued = issue(account)
    assert issued.secret not in repr(issued)
    assert issued.secret not in repr(api_keys.authenticate(issued.secret, ip=HERE, now=NOW))


@pytest.mark.parametrize("secret", ["", "0" * 40, "nothing", "é\ud800"])
def test_an_unknown_key_is_refused(account, secret):
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(secret, ip=HERE, now=NOW)


def test_a_revoked_key_closes_at_once_in_this_process(account):
    issued = issue(account)
    api_keys.authenticate(issued.secret, ip=HERE, now=NOW)
    api_keys.revoke(issued.key, now=NOW)
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(issued.secret, ip=HERE, now=NOW)


def test_a_key_revoked_elsewhere_closes_within_five_seconds(account):
    issued = issue(account)
    api_keys.authenticate(issued.secret, ip=HERE, now=NOW)
    ApiKey.objects.update(revoked_at=NOW)
    api_keys.authenticate(issued.secret, ip=HERE, now=NOW + timedelta(seconds=4))
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(issued.secret, ip=HERE, now=NOW + timedelta(seconds=5))


def test_a_key_is_revoked_once(account):
    issued = issue(account)
    api_keys.revoke(issued.key, now=NOW)
    with pytest.raises(errors.KeyClosed):
        api_keys.revoke(issued.key, now=NOW + timedelta(days=1))
    assert ApiKey.objects.get().revoked_at == NOW


def test_a_key_closes_on_the_second_it_expires_even_while_it_is_cached(account):
    issued = issue(account, expires_at=NOW + timedelta(seconds=2))
    api_keys.authenticate(issued.secret, ip=HERE, now=NOW + timedelta(seconds=1))
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(issued.secret, ip=HERE, now=NOW + timedelta(seconds=2))


def test_the_keys_of_an_inactive_account_open_nothing(account, other_account):
    mine, theirs = issue(account), issue(other_account)
    account.active = False
    account.save()
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(mine.secret, ip=HERE, now=NOW)
    assert api_keys.authenticate(theirs.secret, ip=HERE, now=NOW).account_id == other_account.pk


@pytest.mark.parametrize("ip", ["10.1.2.3", "192.0.2.7", "2001:db8::5", "::ffff:10.1.2.3"])
def test_a_key_opens_from_its_addresses_and_networks(account, ip):
    issued = issue(account, allowed_ips=["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
    assert api_keys.authenticate(issued.secret, ip=ip, now=NOW)


@pytest.mark.parametrize("ip", ["11.1.2.3", "192.0.2.8", "2001:db9::5", "::ffff:11.1.2.3", "", "unix"])
def test_a_key_does_not_open_from_elsewhere(account, ip):
    issued = issue(account, allowed_ips=["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
    with pytest.raises(errors.AddressNotAllowed):
        api_keys.authenticate(issued.secret, ip=ip, now=NOW)


def test_sender_domains_and_rate_travel_with_the_credential(account):
    issued = issue(account, allowed_sender_domains=["Bücher.example"], requests_per_minute=30)
    credential = api_keys.authenticate(issued.secret, ip=HERE, now=NOW)
    assert credential.allowed_sender_domains == {"xn--bcher-kva.example"}
    assert credential.requests_per_minute == 30


@pytest.mark.parametrize(
    "wrong",
    [{"allowed_ips": ["10.0.0.0/33"]}, {"allowed_ips": ["here"]}, {"allowed_sender_domains": ["a b"]}],
)
def test_a_key_with_impossible_restrictions_is_refused(account, wrong):
    with pytest.raises(errors.InvalidKey):
        issue(account, **wrong)
    assert not ApiKey.objects.exists()


def test_a_key_with_an_unknown_scope_is_refused(account):
    with pytest.raises(errors.InvalidKey, match="root"):
        api_keys.issue(account, name="", scopes=["send", "root"], now=NOW)


def test_a_missing_scope_is_said(account):
    credential = api_keys.authenticate(issue(account).secret, ip=HERE, now=NOW)
    credential.require("send")
    with pytest.raises(errors.ScopeMissing):
        credential.require("manage")


def test_after_a_rotation_both_keys_open_until_the_overlap_ends(account):
    old = issue(account, allowed_ips=["10.0.0.0/8"], requests_per_minute=5)
    new = api_keys.rotate(old.key, overlap=timedelta(hours=2), now=NOW)
    later = NOW + timedelta(hours=2)
    for secret in (old.secret, new.secret):
        assert api_keys.authenticate(secret, ip="10.0.0.1", now=later - timedelta(seconds=1))
    assert api_keys.authenticate(new.secret, ip="10.0.0.1", now=later).requests_per_minute == 5
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(old.secret, ip="10.0.0.1", now=later)


def test_a_rotated_key_keeps_its_restrictions_user_and_length_of_life(account):
    user = get_user_model().objects.get(username="staff@acme.example")
    old = issue(account, user=user, allowed_ips=["10.0.0.0/8"], expires_at=NOW + timedelta(days=30))
    later = NOW + timedelta(days=29)
    new = api_keys.rotate(old.key, overlap=timedelta(days=7), now=later)
    old.key.refresh_from_db()
    assert old.key.replaced_by == new.key
    assert old.key.expires_at == NOW + timedelta(days=30)
    assert new.key.expires_at == later + timedelta(days=30)
    assert (new.key.user, new.key.allowed_ips, new.key.scopes) == (user, ["10.0.0.0/8"], ["send"])


def test_a_key_without_overlap_closes_at_once(account):
    old = issue(account)
    api_keys.authenticate(old.secret, ip=HERE, now=NOW)
    api_keys.rotate(old.key, overlap=timedelta(0), now=NOW)
    with pytest.raises(errors.UnknownKey):
        api_keys.authenticate(old.secret, ip=HERE, now=NOW)


def test_a_key_is_rotated_once(account):
    old = issue(account)
    api_keys.rotate(old.key, overlap=timedelta(hours=1), now=NOW)
    with pytest.raises(errors.KeyClosed):
        api_keys.rotate(old.key, overlap=timedelta(hours=1), now=NOW)
    assert ApiKey.objects.count() == 2


def test_a_revoked_key_is_not_rotated(account):
    old = issue(account)
    api_keys.revoke(old.key, now=NOW)
    with pytest.raises(errors.KeyClosed):
        api_keys.rotate(old.key, overlap=timedelta(hours=1), now=NOW)


def test_an_overlap_is_not_negative(account):
    with pytest.raises(errors.InvalidKey):
        api_keys.rotate(issue(account).key, overlap=timedelta(hours=-1), now=NOW)


def test_a_key_of_an_old_installation_goes_on_working(account):
    secret = "0123456789abcdef0123456789abcdef"
    api_keys.adopt(account, secret, name="old", scopes=["send"], now=NOW)
    assert api_keys.authenticate(secret, ip=HERE, now=NOW).account_id == account.pk


def test_a_key_is_adopted_by_one_account_only(account, other_account):
    secret = "0123456789abcdef0123456789abcdef"
    api_keys.adopt(account, secret, name="old", scopes=["send"], now=NOW)
    with pytest.raises(errors.InvalidKey):
        api_keys.adopt(other_account, secret, name="old", scopes=["send"], now=NOW)


@pytest.mark.parametrize("secret", ["short", "Z" * 32, "0" * 31, "0" * 33])
def test_what_was_never_a_key_is_not_adopted(account, secret):
    with pytest.raises(errors.InvalidKey):
        api_keys.adopt(account, secret, name="old", scopes=["send"], now=NOW)


def test_restrictions_change_at_once_in_this_process(account):
    issued = issue(account)
    api_keys.authenticate(issued.secret, ip=HERE, now=NOW)
    api_keys.change(issued.key, allowed_ips=["10.0.0.0/8"])
    with pytest.raises(errors.AddressNotAllowed):
        api_keys.authenticate(issued.secret, ip=HERE, now=NOW)


def test_last_use_is_noted_at_most_once_a_minute(account):
    issued = issue(account)
    noted = []
    for seconds in (0, 59, 60, 61):
        at = NOW + timedelta(seconds=seconds)
        api_keys.authenticate(issued.secret, ip=HERE, now=at)
        issued.key.refresh_from_db()
        noted.append((issued.key.last_used_at - NOW).total_seconds())
    assert noted == [0, 0, 60, 60]


def test_a_use_that_cannot_be_noted_fails_no_request(account, monkeypatch):
    issued = issue(account)

    def fail(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    assert api_keys.authenticate(issued.secret, ip=HERE, now=NOW)


def test_a_key_in_use_costs_no_query(account, django_assert_num_queries):
    issued = issue(account)
    api_keys.authenticate(issued.secret, ip=HERE, now=NOW)
    with django_assert_num_queries(0):
        api_keys.authenticate(issued.secret, ip=HERE, now=NOW + timedelta(seconds=1))
