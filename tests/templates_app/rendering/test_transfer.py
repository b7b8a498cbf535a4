"""Quoted-printable programs say what the plain ones say, in lines that every server passes unchanged."""

import quopri
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from templates_app import rendering

AWKWARD = [
    "\r",
    "\n",
    "\r\n",
    "\0",
    " ",
    "\t",
    ".",
    "F",
    "From ",
    "=",
    "&",
    "é",
    "€",
    "😀",
    "\x7f",
    "\x85",
    "a" * 70,
]
NAMES = ["a", "b", "list"]

pieces = st.lists(st.sampled_from(AWKWARD) | st.text(st.characters(codec="utf-8")), max_size=8)
#: A CR that ends one piece and an LF that begins the next are two line ends once encoded, one in plain text.
texts = pieces.map("".join).map(lambda text: text.replace("{", "").rstrip("\r"))
tags = st.sampled_from([f"{{{{{sigil}{name}}}}}" for sigil in ("", "&") for name in ("a", "b", ".")])
flat = st.lists(texts | tags, max_size=8).map("".join)
sections = st.builds(
    "{0}{{{{{1}{2}}}}}{3}{{{{/{2}}}}}".format, flat, st.sampled_from("#^"), st.sampled_from(NAMES), flat
)
sources = st.lists(flat | sections, max_size=4).map("".join)
scalars = texts | st.integers() | st.floats() | st.booleans() | st.none()
items = st.dictionaries(st.sampled_from(NAMES), scalars) | scalars
variables = st.fixed_dictionaries(
    {}, optional={"a": scalars, "b": scalars, "list": st.lists(items, max_size=4)}
)


def both(source, values, escape=rendering.Escape.HTML):
    plain = rendering.compile(source, escape=escape, transfer=rendering.Transfer.PLAIN)
    quoted = rendering.compile(source, escape=escape, transfer=rendering.Transfer.QUOTED_PRINTABLE)
    return plain.render(values), quoted.render(values)


def assert_body(body):
    body.decode("ascii")
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert line == line.rstrip(b" \t")
        assert not line.startswith((b".", b"From "))
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)


@settings(max_examples=600, deadline=None)
@given(sources, variables, st.sampled_from(rendering.Escape))
@example("Hi {{a}}", {"a": "x" * 64}, rendering.Escape.HTML)
@example("{{a}}{{b}}{{a}}", {"a": ".", "b": "From "}, rendering.Escape.HTML)
@example("F{{a}}\n.{{b}}\nFrom{{a}}", {"a": "rom you", "b": " From you"}, rendering.Escape.NONE)
@example("a" * 76 + "{{a}}" + "é" * 40 + "{{a}} ", {"a": "é" * 100 + " "}, rendering.Escape.NONE)
@example("{{#list}}{{.}}{{/list}}.", {"list": ["a ", ".", "From "]}, rendering.Escape.NONE)
def test_decoding_the_quoted_body_gives_the_plain_text_in_crlf_lines(source, values, escape):
    plain, quoted = both(source, values, escape)
    assert_body(quoted)
    assert quopri.decodestring(quoted) == re.sub("\r?\n", "\r\n", plain).encode()


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=300) | texts)
def test_any_line_of_a_value_fits_behind_its_literal(value):
    for source in ("{{a}}", "12345678901{{a}}", "123456789012{{a}}", "x\n{{a}}\n", "Dear {{&a}}, {{&a}}"):
        plain, quoted = both(source, {"a": value.rstrip("\r")})
        assert_body(quoted)
        assert quopri.decodestring(quoted) == re.sub("\r?\n", "\r\n", plain).encode()


@pytest.mark.parametrize("length", range(60, 80))
@pytest.mark.parametrize("filling", ["x", ".", "F", "é", " ", "="])
@pytest.mark.parametrize("end", ["", ".and more", "From there to here"])
def test_literals_and_values_of_any_length_keep_the_line_limit(length, filling, end):
    text = filling * length + end
    for source in (
        text,
        text + "{{a}}",
        "{{a}}" + text,
        "{{#a}}" + text + "{{/a}}",
        text + "\n{{a}}\n" + text,
    ):
        plain, quoted = both(source, {"a": text})
        assert_body(quoted)
        assert quopri.decodestring(quoted) == plain.replace("\n", "\r\n").encode()


def test_a_short_value_stays_on_the_line_of_its_literal():
    assert both("Dear {{a}},\nwelcome", {"a": "Ann"})[1] == b"Dear Ann=\r\n,\r\nwelcome"


def test_a_body_that_ends_with_a_value_ends_with_a_soft_break():
    assert both("Dear {{a}}", {"a": "Ann "})[1] == b"Dear Ann =\r\n"


def test_a_value_that_begins_its_line_is_kept_from_dots_and_from_lines():
    assert both("{{a}}\n{{b}}", {"a": ".x", "b": "From me"})[1] == b"=2Ex=\r\n\r\n=46rom me=\r\n"


def test_lone_surrogates_become_question_marks():
    assert quopri.decodestring(both("\ud800{{a}}{{&a}}", {"a": "\udfff"})[1]) == b"???"
