"""What a body may hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwig.web import bodies, errors

STORABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | STORABLE,
    lambda inner: st.lists(inner) | st.dictionaries(STORABLE, inner),
)


@given(VALUES, st.booleans())
def test_whatever_a_database_stores_is_read_as_json_reads_it(value, escaped):
    assert bodies.load(json.dumps(value, ensure_ascii=escaped).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"[Infinity]",
        b"1e999",
        b'"\\u0000"',
        b'{"a\\u0000": 1}',
        b'[{"a": ["\\ud800"]}]',
        b'"\x00"',
        b"9" * 5000,
        b"[" * 100_000,
        b"[" * 400 + b"]" * 400,
        b"[" * 301 + b"]" * 301,
    ],
)
def test_what_no_database_stores_is_invalid_json(body):
    with pytest.raises(errors.InvalidJson):
        bodies.load(body)


def test_an_escaped_backslash_before_u0000_is_text():
    assert bodies.load(rb'"\\u0000"') == r"\u0000"


def test_of_equal_names_the_last_one_counts():
    assert bodies.load(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize("depth", [1, 254, 255, 300])
def test_nesting_is_read_up_to_its_limit(depth):
    bodies.load(b"[" * depth + b"]" * depth)


def test_breadth_is_no_depth():
    wide = [{"a": [n]} for n in range(10_000)]
    assert bodies.load(json.dumps([2**70, *wide]).encode()) == [2**70, *wide]


def test_brackets_in_texts_are_no_objects():
    tags = {"text": "{{name}}" * (bodies.MAX_CONTAINERS // 2) + '\\"'}
    assert bodies.load(json.dumps(tags).encode()) == tags


def test_more_objects_and_lists_than_may_be_are_refused_before_they_are_made():
    with pytest.raises(errors.InvalidJson, match="too many"):
        bodies.load(b"[" + b"[]," * bodies.MAX_CONTAINERS + b"1]")
    inside = b"[" + b"[]," * (bodies.MAX_CONTAINERS - 1) + b"1]"
    assert len(bodies.load(inside)) == bodies.MAX_CONTAINERS
