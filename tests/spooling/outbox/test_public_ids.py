"""Public ids as wires write them."""

import re
import uuid

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from spooling.outbox import public_ids


@given(st.uuids())
def test_an_id_written_letter_first_is_read_again(public_id):
    written = public_ids.letter_first(public_id)
    assert re.fullmatch("[a-z][a-z0-9]{15,31}", written)
    assert public_ids.from_letter_first(written) == public_id


def test_ids_keep_their_length_and_their_order():
    drawn = [uuid.UUID(hex=public_ids.draw(1, now=timezone.now())[0]) for _ in range(3)]
    smallest, greatest = uuid.UUID(int=0), uuid.UUID(int=(1 << 128) - 1)
    written = [public_ids.letter_first(each) for each in (smallest, *sorted(drawn), greatest)]
    assert written == sorted(written) and {len(each) for each in written} == {26}


@pytest.mark.parametrize(
    "text",
    ["", "m", "m" + "0" * 24, "m" + "0" * 26, "m" + "z" * 25, "n" + "0" * 25, "M" + "0" * 25]
    + [
        "m" + "0" * 24 + "A",
        "m" + "0" * 24 + "\n",
        "m" + "0" * 24 + "٣",
        "m" + "0" * 24 + "\ud800",
        "m-1" + "0" * 23,
    ],
)
def test_other_text_is_no_id(text):
    assert public_ids.from_letter_first(text) is None
