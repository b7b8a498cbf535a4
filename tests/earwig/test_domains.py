import base64

import pytest
from cryptography.hazmat.primitives import serialization
from django.utils import timezone

from earwig import domains, errors
from earwig.models import DkimKey

NOW = timezone.now()
RSA, ED25519 = "rsa-sha256", "ed25519-sha256"


def add(account, name="acme.example"):
    return domains.add(account, name=name, now=NOW)


def verified(account, name="acme.example"):
    domain = add(account, name)
    domains.verify(domain, now=NOW)
    return domain


def test_the_first_domain_is_the_default_one(account):
    assert add(account).default
    assert not add(account, "second.example").default


def test_a_name_is_kept_as_lower_case_a_labels(account):
    assert add(account, " Bücher.Example. ").name == "xn--bcher-kva.example"


@pytest.mark.parametrize("name", ["", "localhost", "a b.example", "-a.example", "a" * 64 + ".example"])
def test_what_is_no_domain_name_is_refused(account, name):
    with pytest.raises(errors.InvalidDomain):
        add(account, name)


def test_an_account_has_a_domain_once(account):
    add(account)
    with pytest.raises(errors.DomainExists):
        add(account, "ACME.example")


def test_a_domain_that_another_account_verified_is_taken(account, other_account):
    verified(other_account, "acme.example")
    for name in ("acme.example", "news.acme.example"):
        with pytest.raises(errors.DomainTaken):
            add(account, name)


def test_two_accounts_may_hold_a_domain_until_one_verifies_it(account, other_account):
    mine, theirs = add(account), add(other_account)
    domains.verify(mine, now=NOW)
    with pytest.raises(errors.DomainTaken):
        domains.verify(theirs, now=NOW)
    with pytest.raises(errors.DomainNotAllowed):
        domains.sending_domain(other_account.pk, "a@acme.example")


def test_without_a_domain_of_its_own_an_account_sends_from_any(account):
    assert domains.sending_domain(account.pk, "a@anything.example") is None


def test_but_never_from_what_another_account_verified(account, other_account):
    verified(other_account, "rival.example")
    for author in ("a@rival.example", "a@RIVAL.example.", "a@mail.rival.example"):
        with pytest.raises(errors.DomainNotAllowed):
            domains.sending_domain(account.pk, author)


def test_what_another_account_merely_added_is_free(account, other_account):
    add(other_account, "rival.example")
    assert domains.sending_domain(account.pk, "a@rival.example") is None


def test_with_a_domain_of_its_own_it_sends_from_that_only(account):
    mine = add(account)
    assert domains.sending_domain(account.pk, "a@Acme.example") == mine.pk
    for author in ("a@anything.example", "a@news.acme.example", "nobody"):
        with pytest.raises(errors.DomainNotAllowed):
            domains.sending_domain(account.pk, author)


def test_a_policy_frees_the_author_again_but_not_to_anothers_domain(account, other_account):
    mine = add(account)
    verified(other_account, "rival.example")
    account.any_from_domain = True
    account.save()
    assert domains.sending_domain(account.pk, "a@acme.example") == mine.pk
    assert domains.sending_domain(account.pk, "a@anything.example") is None
    with pytest.raises(errors.DomainNotAllowed):
        domains.sending_domain(account.pk, "a@rival.example")


def test_a_disabled_domain_sends_nothing(account):
    mine = add(account)
    mine.disabled = True
    mine.save()
    with pytest.raises(errors.DomainNotAllowed):
        domains.sending_domain(account.pk, "a@acme.example")


def test_a_name_of_another_script_is_found(account):
    mine = add(account, "bücher.example")
    assert domains.sending_domain(account.pk, "a@BÜCHER.example") == mine.pk


def test_a_ruling_is_remembered(account, django_assert_num_queries):
    add(account)
    domains.sending_domain(account.pk, "a@acme.example")
    with django_assert_num_queries(0):
        domains.sending_domain(account.pk, "b@acme.example")


def test_an_rsa_key_has_2048_bits_and_its_record_is_its_public_half(account):
    domain = add(account)
    key = domains.make_key(domain, algorithm=RSA, selector="s1", now=NOW)
    [(name, selector, pem, algorithm)] = domains.signing_keys(domain.pk)
    private = serialization.load_pem_private_key(pem, None)
    public = serialization.load_der_public_key(base64.b64decode(key.public_record.split("p=")[1]))
    assert (name, selector, algorithm) == ("acme.example", "s1", RSA)
    assert private.key_size == 2048
    assert public.public_numbers() == private.public_key().public_numbers()
    assert key.public_record.startswith("v=DKIM1; k=rsa; ")


def test_an_ed25519_key_signs_beside_rsa_and_second(account):
    domain = add(account)
    domains.make_key(domain, algorithm=RSA, selector="z", now=NOW)
    key = domains.make_key(domain, algorithm=ED25519, selector="a", now=NOW)
    assert [row[1] for row in domains.signing_keys(domain.pk)] == ["z", "a"]
    pem = domains.signing_keys(domain.pk)[1][2]
    raw = serialization.load_pem_private_key(pem, None).public_key().public_bytes_raw()
    assert key.public_record == f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"


def test_an_ed25519_key_alone_is_refused(account):
    with pytest.raises(errors.DkimKeyRefused):
        domains.make_key(add(account), algorithm=ED25519, selector="s1", now=NOW)


def test_the_private_half_is_sealed_at_rest(account):
    domains.make_key(add(account), algorithm=RSA, selector="s1", now=NOW)
    assert "PRIVATE KEY" not in str(DkimKey.objects.values().get())


def test_a_later_key_waits_until_it_is_rotated_in(account):
    domain = add(account)
    old = domains.make_key(domain, algorithm=RSA, selector="s1", now=NOW)
    new = domains.make_key(domain, algorithm=RSA, selector="s2", now=NOW)
    assert [row[1] for row in domains.signing_keys(domain.pk)] == ["s1"]
    assert {record.name for record in domains.records(domain)} >= {
        "s1._domainkey.acme.example",
        "s2._domainkey.acme.example",
    }
    domains.rotate_key(new)
    old.refresh_from_db()
    assert [row[1] for row in domains.signing_keys(domain.pk)] == ["s2"]
    assert (old.active, new.active) == (False, True)


def test_a_key_that_signs_is_not_rotated_in(account):
    key = domains.make_key(add(account), algorithm=RSA, selector="s1", now=NOW)
    with pytest.raises(errors.DkimKeyRefused):
        domains.rotate_key(key)


def test_a_selector_is_used_once_per_domain(account):
    domain = add(account)
    domains.make_key(domain, algorithm=RSA, selector="s1", now=NOW)
    with pytest.raises(errors.DkimKeyRefused):
        domains.make_key(domain, algorithm=RSA, selector="s1", now=NOW)


def test_the_next_selector_is_one_that_was_never_used(account):
    domain = add(account)
    selectors = []
    for _ in range(3):
        selectors.append(domains.next_selector(domain, algorithm=RSA, now=NOW))
        domains.make_key(domain, algorithm=RSA, selector=selectors[-1], now=NOW)
    assert len(set(selectors)) == 3
