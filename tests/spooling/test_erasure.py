"""Taking addresses and names out of text."""

import html
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooling import erasure

EMAIL = "joe.bleu+x@example.com"


@pytest.mark.parametrize(
    "text, erased",
    [
        (EMAIL, "[erased]"),
        (f"Write to {EMAIL}.", "Write to [erased]."),
        (f"<{EMAIL}>, mailto:{EMAIL}?x", "<[erased]>, mailto:[erased]?x"),
        (EMAIL.upper(), "[erased]"),
        (f"/u?e=3D{quote(EMAIL)}&f", "/u?e=3D[erased]&f"),
        (f"/u?e%3D{quote(EMAIL, safe='')}", "/u?e%3D[erased]"),
        (f"not-{EMAIL}", f"not-{EMAIL}"),
        (f"{EMAIL}.au", f"{EMAIL}.au"),
        (f"{EMAIL}s", f"{EMAIL}s"),
    ],
)
def test_exact_occurrences_of_an_address_go(text, erased):
    assert erasure.of_addresses([EMAIL, "other@example.com"]).text(
        text.replace("=3D", "==3D")
    ) == erased.replace("=3D", "==3D")


def test_a_name_goes_as_whole_words():
    words = erasure.of_person(EMAIL, "Joe Bleu")
    assert words.text("I am Joe Bleu, or Joe\n Bleu; not Joe Bleuler.") == (
        "I am [erased], or [erased]; not Joe Bleuler."
    )


@pytest.mark.parametrize("name", ["", "  ", "...", "-"])
def test_a_name_without_letters_names_nobody(name):
    assert erasure.of_person(EMAIL, name).text("one - two ... three") == "one - two ... three"


def test_data_is_searched_to_its_leaves():
    words = erasure.of_addresses([EMAIL])
    data = {"a": [{EMAIL: f"to {EMAIL}"}, 1, None, True], "b": 2.5}
    assert words.data(data) == {"a": [{"[erased]": "to [erased]"}, 1, None, True], "b": 2.5}


def test_a_mailbox_goes_whole():
    words = erasure.of_person(EMAIL, "Joe")
    boxes = [["Joe", EMAIL], ["Joe and Ann", "ann@example.com"]]
    assert words.mailboxes(boxes) == [["[erased] and Ann", "ann@example.com"]]


local_parts = st.text("abcXYZ019._+-'&é", min_size=1, max_size=12).filter(lambda text: text[0].isalnum())


@given(
    local=local_parts,
    before=st.sampled_from(["", " ", "<", '"', ":", "="]),
    after=st.sampled_from(["", " ", ">", ".", ",", '"']),
)
def test_no_spelling_of_an_address_is_left(local, before, after):
    email = f"{local}@example.com"
    words = erasure.of_addresses([email])
    for spelling in (email, quote(email), quote(email, safe=""), html.escape(email)):
        text = f"{before}{spelling}{after}"
        assert words.text(text) == f"{before}[erased]{after}"
        assert all(needle.lower() in text.lower() for needle in erasure.needles(email))
