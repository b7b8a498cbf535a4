import base64

import pytest
from cryptography.hazmat.primitives import serialization
from django.utils import timezone

from earwig import dns_records, domain_settings, domains, errors
from earwig.models import DkimKey, Domain

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
    [(name, selector, pem, algorithm)] = domains.signing_keys(domain.pk, now=timezone.now())
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
    assert [row[1] for row in domains.signing_keys(domain.pk, now=timezone.now())] == ["z", "a"]
    pem = domains.signing_keys(domain.pk, now=timezone.now())[1][2]
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
    assert [row[1] for row in domains.signing_keys(domain.pk, now=timezone.now())] == ["s1"]
    assert {record.name for record in dns_records.of(domain)} >= {
        "s1._domainkey.acme.example",
        "s2._domainkey.acme.example",
    }
    domains.rotate_key(new)
    old.refresh_from_db()
    assert [row[1] for row in domains.signing_keys(domain.pk, now=timezone.now())] == ["s2"]
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


def test_a_removed_domain_is_found_and_sent_from_no_more(account):
    domain, other = add(account), add(account, "second.example")
    domains.remove(domain, now=NOW)
    assert domains.find(account.pk, "acme.example") is None
    assert domains.find(account.pk, "Second.Example.") == other
    with pytest.raises(errors.DomainNotAllowed):
        domains.sending_domain(account.pk, "a@acme.example")


def test_what_waits_of_a_removed_domain_is_still_signed(account):
    domain = domains.add_signed(account, name="acme.example", now=NOW)
    domains.remove(domain, now=NOW)
    assert len(domains.signing_keys(domain.pk, now=timezone.now())) == 1


def test_the_oldest_other_domain_becomes_the_default_one(account):
    first, _, third = add(account), add(account, "second.example"), add(account, "third.example")
    Domain.objects.filter(name="second.example").update(disabled=True)
    domains.remove(first, now=NOW)
    assert Domain.objects.get(default=True) == third
    domains.remove(third, now=NOW)
    assert not Domain.objects.filter(default=True).exists()


def test_a_domain_that_was_given_up_may_be_anothers(account, other_account):
    domains.remove(verified(account), now=NOW)
    assert verified(other_account).verified_at
    with pytest.raises(errors.DomainTaken):
        add(account)


def test_a_removed_domain_cannot_be_verified(account):
    domain = add(account)
    domains.remove(domain, now=NOW)
    domains.verify(domain, now=NOW)
    assert domain.verified_at is None


def test_a_removed_domain_comes_back_as_the_row_that_it_was(account):
    domain = domains.add_signed(account, name="acme.example", now=NOW)
    domain_settings.change(domain, {"draft_addresses": ["old@test.example"]})
    domains.remove(domain, now=NOW)
    again = domains.add_signed(account, name="ACME.example", now=NOW)
    assert (again.pk, again.removed_at, again.default, again.draft_addresses) == (domain.pk, None, True, [])
    assert DkimKey.objects.filter(domain=again).count() == 1
    assert domains.sending_domain(account.pk, "a@acme.example") == domain.pk
    with pytest.raises(errors.DomainExists):
        add(account)


def test_a_removed_domain_of_one_account_is_nothing_to_another(account, other_account):
    domains.remove(add(account), now=NOW)
    assert domains.find(other_account.pk, "acme.example") is None
    assert add(other_account).account_id == other_account.pk


def test_test_recipients_are_kept_in_canonical_form_or_not_at_all(account):
    domain = domain_settings.change(add(account), {"draft_addresses": [" Ann@Test.Example"]})
    assert domain.draft_addresses == ["Ann@test.example"]
    with pytest.raises(errors.InvalidAddress):
        domain_settings.change(domain, {"draft_addresses": ["bob@test.example", "nobody"]})
    domain.refresh_from_db()
    assert domain.draft_addresses == ["Ann@test.example"]


def test_a_domain_of_the_author_signs_before_the_default_one(account, other_account):
    default = domains.add(account, name="default.example", now=NOW)
    own = domains.add(account, name="own.example", now=NOW)
    assert domains.signing_domain(account.pk, "a@OWN.example") == own.pk
    assert domains.signing_domain(account.pk, "a@elsewhere.example") == default.pk
    Domain.objects.filter(pk=own.pk).update(disabled=True)
    assert domains.signing_domain(account.pk, "a@own.example") == default.pk
    Domain.objects.filter(pk=default.pk).update(disabled=True)
    for author in ("a@own.example", "a@elsewhere.example"):
        with pytest.raises(errors.DomainNotAllowed):
            domains.signing_domain(account.pk, author)


def test_nobody_signs_for_an_author_whose_domain_another_account_has_verified(account, other_account):
    domains.add(account, name="default.example", now=NOW)
    rivals = domains.add(other_account, name="rival.example", now=NOW)
    own = domains.add(account, name="rival.example", now=NOW)
    assert domains.signing_domain(account.pk, "a@rival.example") == own.pk
    domains.verify(rivals, now=NOW)
    for author in ("a@rival.example", "a@mail.rival.example"):
        with pytest.raises(errors.DomainNotAllowed):
            domains.signing_domain(account.pk, author)
