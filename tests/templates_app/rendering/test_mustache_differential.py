"""Our Mustache against another one, chevron, on what templates and models Relay's clients send (its contract §4.6).
Where the two differ on purpose, a test says by which rule.
"""

import re

import chevron
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from templates_app import rendering
from templates_app.rendering import Escape, Transfer

KEYS = ["name", "Name", "Prénom", "First name", "list", "person"]
PATHS = [*KEYS, "person.name", "person.person.Prénom", "list.name", "."]


def ours(source, model, escape=Escape.HTML):
    program = rendering.compile(source, language="mustache", escape=escape, transfer=Transfer.PLAIN)
    return program.render(model)


class SilentMapping(dict):
    def __str__(self):
        return ""


class SilentList(list):
    def __str__(self):
        return ""


def silenced(value):
    """`value` with containers that print nothing."""
    if isinstance(value, dict):
        return SilentMapping({key: silenced(inner) for key, inner in value.items()})
    return SilentList(map(silenced, value)) if isinstance(value, list) else value


def theirs(source, model):
    return chevron.render(source, model)


words = st.sampled_from(["Hi ", "\n", "\r\n", " ", "é", "<b>", "x"])
paths = st.sampled_from(PATHS)
shown = st.builds(
    "{}{}{}".format,
    st.sampled_from(["{{", "{{ "]),
    paths,
    st.sampled_from(["}}", " }}"]),
)
raw = st.builds("{{{{&{}}}}}".format, paths) | st.builds("{{{{{{{}}}}}}}".format, paths)
comments = st.sampled_from(["{{! a comment }}", "{{!}}", "{{! of\ntwo lines}}"])
flat = st.lists(words | shown | raw | comments, max_size=6).map("".join)


def sections(inner):
    named = st.sampled_from([path for path in PATHS if path != "."])
    return st.builds(
        "{0}{{{{{1}{2}}}}}{3}{{{{/{2}}}}}{4}".format, flat, st.sampled_from("#^"), named, inner, flat
    )


sources = st.recursive(flat, sections, max_leaves=5)
texts = st.text('ab&<>" é\n', max_size=6)
scalars = texts | st.integers(-5, 5)


def models(inner):
    whole = st.fixed_dictionaries(
        {"name": scalars, "person": inner}, optional={key: scalars for key in KEYS[1:4]}
    )
    return whole | whole.flatmap(
        lambda made: st.lists(scalars.filter(bool) | inner, max_size=3).map(
            lambda items: made | {"list": items}
        )
    )


model = st.recursive(st.dictionaries(st.sampled_from(KEYS[:4]), scalars, min_size=1), models, max_leaves=4)


def may_differ(source):
    """Whether a dotted name stands in a section, or the item itself in an inverted one (see RULES); or a list has a
    section and an inverted one, of which chevron takes the end of the inner one for that of the outer one.
    """
    both = "{{#list}}" in source and "{{^list}}" in source
    dotted = any(path in source for path in PATHS if "." in path[1:])
    itself = re.search(r"\{[{& ]?\.", source)
    return bool(both or "{{#" in source and dotted or "{{^" in source and itself)


@settings(max_examples=1500, deadline=None)
@given(sources, model)
@example("{{#list}}\n * {{First name}} {{.}}\n{{/list}}\n", {"list": [{"First name": "A & B"}, "x"]})
def test_templates_say_what_another_mustache_says(source, given_model):
    assume(not may_differ(source))
    source += "\n."
    assert ours(source, given_model) == theirs(source, silenced(given_model))


@settings(max_examples=300, deadline=None)
@given(sources, model)
def test_subjects_are_what_unescaped_bodies_are(source, given_model):
    unescaped = source.replace("{{{", "{{").replace("}}}", "}}").replace("{{&", "{{")
    assert ours(source, given_model, Escape.NONE) == ours(unescaped, given_model, Escape.NONE)


RULES = {
    "a dotted name is what its first part is in the innermost scope that has it (specification, Dotted Names)": (
        ("{{#person}}[{{person.name}}]{{/person}}", {"person": {"person": {}, "name": "in"}}),
        "[]",
    ),
    "a name with an empty part is a key as it stands, as CSV headings are (Relay contract §4.6)": (
        ("{{No.}}", {"No.": "7"}),
        "7",
    ),
    "tabs before a tag that stands alone go with it (specification, Standalone Indentation)": (
        ("\t{{#a}}\n{{/a}}\n.", {}),
        ".",
    ),
    "a list's section is there for every item (specification, Sections)": (
        ("{{#a}}[{{.}}]{{/a}}", {"a": ["", 0, "x"]}),
        "[][0][x]",
    ),
    "an inverted section has no item of its own": (("{{^a}}[{{.}}]{{/a}}", {"b": 1}), "[]"),
    "blanks do not keep a comment from standing alone on the last line": (("{{! a }} ", {}), ""),
    "an empty mapping is true (specification, Sections)": (("{{#a}}yes{{/a}}", {"a": {}}), "yes"),
    "booleans print as JSON has them": (("{{a}}{{b}}", {"a": True, "b": False}), "truefalse"),
    "lists and mappings print nothing: nobody wants a program's words in a mail": (
        ("[{{a}}{{b}}]", {"a": [1], "b": {"c": 1}}),
        "[]",
    ),
    "apostrophes are escaped, as an attribute may stand in them": (("{{a}}", {"a": "it's"}), "it&#39;s"),
    "whole numbers have no fraction, as JSON has them": (("{{a}}", {"a": 2.0}), "2"),
}


@pytest.mark.parametrize("rule", RULES)
def test_where_the_two_differ_a_rule_says_why(rule):
    (source, given_model), expected = RULES[rule]
    assert ours(source, given_model) == expected
    assert theirs(source, given_model) != expected
