from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import errors, salts, senders
from earwig.models import Sender

NOW = timezone.now()


def vouch(account, *, email="whomever@example.com", name="Joe Bleu", ttl_days=10, now=NOW):
    return senders.vouch(account, email=email, name=name, ttl_days=ttl_days, now=now)


def test_the_hash_is_the_one_that_the_document_shows():
    assert (
        senders.hash_of("whomever@example.com")
        == "537086c371f1f81016240873e07147c468001c64a61fd76f1279387bcd62c688"
    )


def test_letter_case_makes_another_sender(account):
    assert vouch(account, email="A@x.org").pk != vouch(account, email="a@x.org").pk


def test_a_new_sender_expires_after_its_ttl(account):
    sender = vouch(account)
    assert (sender.created_at, sender.email_expires_at) == (NOW, NOW + timedelta(days=10))


@pytest.mark.parametrize(("asked", "days"), [(-5, 1), (0, 1), (1, 1), (36_501, 36_500), (10**9, 36_500)])
def test_a_ttl_is_between_a_day_and_a_century(account, asked, days):
    assert vouch(account, ttl_days=asked).email_expires_at == NOW + timedelta(days=days)


def test_a_refresh_renames_and_never_shortens(account):
    first = vouch(account)
    again = vouch(account, name="Joe Rouge", ttl_days=1, now=NOW + timedelta(hours=1))
    assert (again.pk, again.name) == (first.pk, "Joe Rouge")
    assert (again.created_at, again.email_expires_at) == (NOW, NOW + timedelta(days=10))


def test_a_refresh_prolongs(account):
    vouch(account)
    assert vouch(account, ttl_days=70).email_expires_at == NOW + timedelta(days=70)


def test_a_forgotten_sender_keeps_its_hash_and_dates_only(account):
    sender = vouch(account)
    senders.forget(sender, now=NOW)
    row = Sender.objects.values().get()
    assert (row["email"], row["name"], row["purged_at"]) == (None, "", NOW)
    assert (row["hash"], row["created_at"]) == (sender.hash, NOW)


def test_forgetting_again_keeps_the_first_date(account):
    sender = vouch(account)
    senders.forget(sender, now=NOW)
    senders.forget(sender, now=NOW + timedelta(days=1))
    assert sender.purged_at == NOW


def test_a_forgotten_sender_is_revived(account):
    first = vouch(account)
    senders.forget(first, now=NOW)
    again = vouch(account, now=NOW + timedelta(days=20))
    assert (again.pk, again.email, again.created_at) == (first.pk, "whomever@example.com", NOW)
    assert again.purged_at is None


def test_two_accounts_have_two_rows_of_one_hash(account, other_account):
    mine, theirs = vouch(account), vouch(other_account, name="Another")
    assert mine.hash == theirs.hash and mine.pk != theirs.pk
    senders.forget(theirs, now=NOW)
    mine.refresh_from_db()
    assert mine.email == "whomever@example.com"


def test_overdue_are_those_whose_time_has_passed_and_whose_address_is_there(account):
    short = vouch(account, email="short@x.example", ttl_days=1)
    vouch(account, email="long@x.example", ttl_days=3)
    later = NOW + timedelta(days=1)
    assert list(Sender.objects.overdue(later - timedelta(microseconds=1))) == []
    assert list(Sender.objects.overdue(later)) == [short]
    senders.forget(short, now=later)
    assert list(Sender.objects.overdue(later)) == []


def test_an_address_of_any_script_is_hashed(account):
    assert len(vouch(account, email="用户@例え.jp").hash) == 64


def test_the_salt_is_fixed_from_the_first_sender_on(account, settings):
    assert not salts.changed()
    vouch(account)
    settings.EARWIG_SENDER_SALT = "another"
    assert salts.changed()
    with pytest.raises(errors.SaltChanged):
        vouch(account, email="second@example.com")
    assert Sender.objects.count() == 1


def test_a_salt_changes_freely_before_the_first_sender(account, settings):
    settings.EARWIG_SENDER_SALT = "carried over"
    assert vouch(account).hash == senders.hash_of("whomever@example.com")
    assert not salts.changed()


def test_an_accepted_salt_is_the_right_one(account, settings):
    vouch(account)
    settings.EARWIG_SENDER_SALT = "another"
    salts.accept(now=NOW)
    assert not salts.changed()
    assert vouch(account).hash == senders.hash_of("whomever@example.com")
