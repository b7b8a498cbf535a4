import hashlib

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from earwig import addresses, errors, sealing


def test_what_is_sealed_opens_again_and_does_not_show():
    token = sealing.seal("s3cret of a router")
    assert "s3cret" not in token
    assert sealing.unseal(token) == "s3cret of a router"


def test_the_first_key_of_the_ring_seals_and_every_key_opens(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.EARWIG_KEYS = [old]
    token = sealing.seal("text")
    settings.EARWIG_KEYS = [new, old]
    assert sealing.unseal(token) == "text"
    assert Fernet(new).decrypt(sealing.seal("other").encode()) == b"other"


def test_a_token_of_a_key_that_left_the_ring_is_refused(settings):
    token = sealing.seal("text")
    settings.EARWIG_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(errors.Unsealable):
        sealing.unseal(token)


def test_a_token_that_was_changed_is_refused():
    token = sealing.seal("text")
    with pytest.raises(errors.Unsealable):
        sealing.unseal(token[:-4] + "AAA=")


def test_keyed_hashes_outlive_a_rotation_of_the_ring(settings):
    before = sealing.token_of("flag", "17"), sealing.address_hash("a@b.example")
    settings.EARWIG_KEYS = [Fernet.generate_key().decode()]
    assert (sealing.token_of("flag", "17"), sealing.address_hash("a@b.example")) == before


def test_keyed_hashes_differ_by_purpose_text_and_salt(settings):
    tokens = {
        sealing.token_of("flag", "17"),
        sealing.token_of("reply", "17"),
        sealing.token_of("flag", "18"),
    }
    settings.EARWIG_SENDER_SALT = "another"
    tokens.add(sealing.token_of("flag", "17"))
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {32}


@pytest.mark.parametrize(
    "spelling",
    ["Ann@Bücher.example", "ann@bücher.example", "ANN@BÜCHER.EXAMPLE", "ann@xn--bcher-kva.example."],
)
def test_spellings_of_one_mailbox_share_their_hash(spelling):
    assert sealing.address_hash(spelling) == sealing.address_hash("ann@xn--bcher-kva.example")


def test_an_address_hash_is_not_the_plain_sha256():
    assert sealing.address_hash("a@b.example") != hashlib.sha256(b"a@b.example").hexdigest()


def test_different_mailboxes_have_different_hashes():
    assert sealing.address_hash("a@b.example") != sealing.address_hash("a.@b.example")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_canonical_address_is_its_own_canonical_form(text):
    once = addresses.canonical(f"{text}@Example.ORG")
    assert addresses.canonical(once) == once


@pytest.mark.parametrize("name", ["example.org", "a.b.c.example", "xn--bcher-kva.example", "1.example"])
def test_host_names_are_domains(name):
    assert addresses.is_domain(name)


@pytest.mark.parametrize(
    "name",
    ["", "localhost", "a..example", "-a.example", "a b.example", "a" * 64 + ".example", "é.example"]
    + ["127.0.0.1"],
)
def test_other_words_are_not_domains(name):
    assert not addresses.is_domain(name)
