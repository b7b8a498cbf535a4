"""The language without tags."""

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import errors, rendering


def rendered(source, escape=rendering.Escape.HTML, transfer=rendering.Transfer.PLAIN):
    return rendering.compile(source, language="plain", escape=escape, transfer=transfer).render({"a": "x"})


@pytest.mark.parametrize("source", ["", "{{a}}", "{% if a %}", "{{#a}}", "<b>&amp;</b>", "}}{{"])
def test_the_source_goes_out_as_it_is(source):
    rendering.check(source, "plain")
    assert rendered(source) == source


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_its_own_rendering(source):
    source = source.replace("\n", "\r\n").replace("\r\r", "\r")
    assert rendered(source) == source
    assert (
        quopri.decodestring(rendered(source, transfer=rendering.Transfer.QUOTED_PRINTABLE)) == source.encode()
    )


def test_it_uses_no_names():
    program = rendering.compile(
        "{{a}}", language="plain", escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN
    )
    assert program.names == frozenset()


def test_a_source_that_is_too_long_is_refused():
    with pytest.raises(errors.RenderLimit):
        rendering.check("x" * (1024 * 1024 + 1), "plain")
