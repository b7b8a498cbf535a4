"""Liquid as programs know it, without what loads, reads a clock or reaches into Python."""

import pytest

from templates_app import errors, rendering
from templates_app.rendering import Escape, Transfer


def rendered(source, variables=None, *, escape=Escape.HTML):
    program = rendering.compile(source, language="liquid", escape=escape, transfer=Transfer.PLAIN)
    return program.render(variables or {})


VALUES = {
    "name": "Ann",
    "html": "<b>",
    "items": [{"label": "a", "price": 3}, {"label": "b", "price": 1}],
    "when": "2026-11-20T08:30:00+01:00",
    "partial": "p",
    "null": None,
    "mixed": [1, None, "a", True],
}

CASES = [
    ("Hi {{ name }}, {{name}}{{ unknown }}{{ null }}!", "Hi Ann, Ann!"),
    ("{{ items[0].label }}{{ items.first.price }}{{ items.size }}{{ items[9].label }}", "a32"),
    ("{{ 1 }} {{ 1.5 }} {{ true }} {{ 'x' }}", "1 1.5 true x"),
    (
        "{% for i in items %}{{ forloop.index }}{{ i.label }}{% unless forloop.last %}, {% endunless %}{% endfor %}",
        "1a, 2b",
    ),
    ("{% for i in none %}x{% else %}empty{% endfor %}", "empty"),
    ("{% for i in (1..3) reversed %}{{ i }}{% endfor %}", "321"),
    ("{% for i in (1..9) limit: 2 offset: 3 %}{{ i }}{% endfor %}", "45"),
    ("{% for i in (1..9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "12"),
    ("{% if name == 'Ann' and items.size > 1 %}yes{% elsif name %}no{% else %}never{% endif %}", "yes"),
    ("{% case name %}{% when 'Bob', 'Ann' %}known{% else %}new{% endcase %}", "known"),
    ("{% assign a = name | upcase %}{% capture c %}[{{ a }}]{% endcapture %}{{ c }}", "[ANN]"),
    ("{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}{% increment n %}{% increment n %}", "ab01"),
    ("{% comment %}{{ x }}{% comment %}y{% endcomment %}{% endcomment %}{% # note %}z", "z"),
    ("{% raw %}{{ name }}{% if %}{% endraw %}", "{{ name }}{% if %}"),
    ("a  {{- name -}}  b {%- if true -%} c {%- endif %}", "aAnnbc"),
    ("p { color: red } }} %} {", "p { color: red } }} %} {"),
    ("{{ partial }}{{ now }}{{ today }}{{ 'now' | date: '%Y' }}", "pnow"),
    ("{{ items | map: 'label' | join: '-' }} {{ items | sort: 'price' | map: 'price' | join }}", "a-b 1 3"),
    ("{{ items | where: 'label', 'b' | map: 'price' | first }}", "1"),
    ("{{ 'b,a,b' | split: ',' | uniq | sort | join: '+' }}", "a+b"),
    (
        "{{ unknown | default: 'you' }} {{ 'Anna' | truncate: 3, '.' }} {{ 'a b' | url_encode }}",
        "you An. a+b",
    ),
    (
        "{{ 7 | divided_by: 2 }} {{ '3' | plus: 4.5 }} {{ 'x' | times: 2 }} {{ 2.345 | round: 2 }}",
        "3 7.5 0 2.35",
    ),
    (
        "{{ when | date: '%d %B %Y %H:%M' }} {{ 0 | date: '%Y' }} {{ 'soon' | date: '%Y' }}",
        "20 November 2026 08:30 1970 soon",
    ),
    ("{{ '<p>a</p><br>' | strip_html }}", "a"),
    ("{{ mixed }}|{{ mixed | join: ',' }}|{% echo mixed %}|{{ (1..3) }}", "1atrue|1,,a,true|1atrue|1..3"),
    ("{{ items | map: 'nothing' | compact | size }}{{ items | map: 'label' | reverse | join }}", "0b a"),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_liquid_renders_as_its_users_know_it(source, expected):
    rendering.check(source, "liquid")
    assert rendered(source, VALUES) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ html }}", "&lt;b&gt;"),
        ("{{ html | safe }}", "<b>"),
        ("{{ html | escape }}", "&lt;b&gt;"),
        ("{{ html | append: '<i>' }}", "&lt;b&gt;<i>"),
        ("{{ '<i>' | append: html }}", "<i>&lt;b&gt;"),
        ("{{ html | newline_to_br }}{{ html | strip_newlines }}", "&lt;b&gt;&lt;b&gt;"),
        ("{% capture c %}{{ html }}{% endcapture %}{{ c }}", "&lt;b&gt;"),
        ("{{ '%3Cb%3E' | url_decode }}", "&lt;b&gt;"),
        ("{{ encoded | url_decode }}", "&lt;b&gt;"),
        ("{{ list }}{{ list | join }}", "&lt;b&gt;&lt;b&gt;"),
        ("{{ broken | safe | strip_html }}", "&lt;b&gt;"),
    ],
)
def test_values_are_escaped_in_html_unless_the_template_calls_them_safe(source, expected):
    values = {"html": "<b>", "encoded": "%3Cb%3E", "list": ["<b>"], "broken": "<<i>b>"}
    assert rendered(source, values) == expected


def test_text_is_not_escaped():
    assert rendered("{{ a }}{{ a | upcase }}", {"a": "<b>"}, escape=Escape.NONE) == "<b><B>"


@pytest.mark.parametrize(
    ("source", "line", "part"),
    [
        ("a\n{{ name", 2, "}}"),
        ("{% if a %}", 1, "endif"),
        ("\n\n{% nope %}", 3, "nope"),
        ("{% include 'x' %}", 1, "include"),
        ("{% render 'x' %}", 1, "render"),
        ("{% layout 'x' %}", 1, "layout"),
        ("{{ a | nope }}", 1, "nope"),
        ("{% raw %}x", 1, "raw"),
        ("{% comment %}x", 1, "comment"),
        ("{% %}", 1, "tag"),
        ("{{ a b }}", 1, "expected"),
        ("{{ }}", 1, "expected"),
    ],
)
def test_broken_syntax_is_refused_by_line(source, line, part):
    with pytest.raises(errors.TemplateSyntaxError) as caught:
        rendering.check(source, "liquid")
    assert caught.value.line == line
    assert part in caught.value.detail


@pytest.mark.parametrize(
    "source", ["{{ 1 | divided_by: 0 }}", "{% if a < 'x' %}{% endif %}", "{{ a | concat: 1 }}"]
)
def test_what_cannot_be_computed_fails_with_a_reason(source):
    with pytest.raises(errors.RenderFailed):
        rendered(source, {"a": [1]})


class Walked(dict):
    secret = "leaked"


@pytest.mark.parametrize(
    "path",
    [
        "secret",
        "__class__",
        "keys",
        "items",
        "x.__class__",
        "x.__len__",
        "n.real",
        "l.append",
        "l['__len__']",
    ],
)
def test_only_keys_are_looked_up(path):
    values = {"m": Walked(x="y"), "x": "y", "n": 1, "l": ["x"]}
    assert rendered("[{{ m.%s }}{{ %s }}]" % (path, path), values | {"items": "", "secret": ""}) == "[]"


def test_what_json_cannot_express_is_refused():
    for value in (object(), b"x", len, {1, 2}, [object()]):
        with pytest.raises(errors.UnsupportedValue):
            rendered("{{ a }}", {"a": value})


def test_names_are_those_of_the_variables():
    program = rendering.compile(
        "{{ a.b }}{% for i in l %}{{ i }}{{ c }}{% endfor %}{% assign z = 1 %}{{ z | plus: w }}",
        language="liquid",
        escape=Escape.HTML,
        transfer=Transfer.PLAIN,
    )
    assert program.names == {"a", "l", "c", "w"}
    assert program.links == ()
