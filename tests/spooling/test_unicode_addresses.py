"""Addresses of type utf-8, as RFC 6533 §3 writes them in ASCII."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooling import unicode_addresses


@pytest.mark.parametrize(
    ("address", "numbered"),
    [
        ("bob@x.example", "bob@x.example"),
        ("jürgen@x.example", r"j\x{FC}rgen@x.example"),
        ("a+b=c\\d@x.example", r"a\x{2B}b\x{3D}c\x{5C}d@x.example"),
        ("用户@例.example", r"\x{7528}\x{6237}@\x{4F8B}.example"),
        ("😀@x.example", r"\x{1F600}@x.example"),
    ],
)
def test_what_is_not_plain_stands_as_its_number(address, numbered):
    assert unicode_addresses.numbered(address) == numbered
    assert unicode_addresses.plain(numbered) == address


@pytest.mark.parametrize("text", [r"a\x{D800}@x.example", r"a\x{110000}@x.example"])
def test_a_number_of_no_character_is_nothing(text):
    assert unicode_addresses.plain(text) == "a@x.example"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_address_comes_back(address):
    numbered = unicode_addresses.numbered(address)
    assert numbered.isascii() and numbered.isprintable() and not set(numbered) & set(" +=")
    assert unicode_addresses.plain(numbered) == address
