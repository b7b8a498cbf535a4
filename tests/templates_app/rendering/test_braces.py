"""Octosend's placeholders, rule by rule of its contract's §19."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_app import errors, rendering
from templates_app.rendering import Escape, LinkKind, Transfer


def links(kind, target):
    return f"https://t.example/{kind}?{target}"


def rendered(source, variables=None, *, escape=Escape.HTML, **given_links):
    program = rendering.compile(source, language="braces", escape=escape, transfer=Transfer.PLAIN)
    return program.render(variables or {}, **given_links)


ANN = {"firstname": "Ann", "First": "A", "first name": "Ann B.", "a.b": "dotted", "id": "7", "click": "mine"}

NAMES = [
    ("Hi {{firstname}}!", "Hi Ann!"),
    ("{{ firstname }}{{\tfirstname\t}}", "AnnAnn"),
    ("{{First}}{{first}}", "A"),
    ("[{{unknown}}]", "[]"),
    ("{{first name}} {{last name}}", "Ann B. {{last name}}"),
    ("{{a.b}}[{{a}}]", "dotted[]"),
    ("{{firstname}}}} {{{firstname}}}", "Ann}} {Ann}"),
    ("{{click}}", ""),
]

UNTOUCHED = [
    *(
        "{{}}",
        "{{  }}",
        "{{word:arg}}",
        "{{pixel:x}}",
        "{{mirror:http://x.example}}",
        "{{Click:http://x.example}}",
    ),
    *(
        "{{firstname",
        "{{first\nname}}",
        "{{first\rname}}",
        "{ {firstname} }",
        "{{a{b}}",
        "}}{{",
        "{%firstname%}",
    ),
    "@media print { p { color: red } } .a:hover{b:c}}",
    "var f = function () {{ return {a: 1}; }}",
    *("{{click:http://x.example", "{{click:http://x.example\n}}", "{{ click :http://x.example}}"),
]

LINKS = [
    ("{{unsubscribe}}", "https://t.example/unsubscribe?"),
    ("{{ unsubscribe: }}", "https://t.example/unsubscribe?"),
    ("{{unsubscribe:https://x.example/bye}}", "https://t.example/unsubscribe?https://x.example/bye"),
    ("{{mirror}}", "https://t.example/mirror?"),
    ("{{click:http://x.example/?a=1}}", "https://t.example/click?http://x.example/?a=1"),
    ("{{ click: http://x.example }}", "https://t.example/click?http://x.example"),
    ("{{click:HTTP://X.example}}", "https://t.example/click?HTTP://X.example"),
    ("{{click:http://x.example/?id={{id}}}}", "https://t.example/click?http://x.example/?id=7"),
    ("{{click:http://{{ unknown }}x.example/{{ }}}}", "https://t.example/click?http://x.example/{{ }}"),
    ("{{click:http://x.example/{a}/{{id}}}}.", "https://t.example/click?http://x.example/{a}/7."),
    ("{{click:{{mirror}}}}", "https://t.example/click?https://t.example/mirror?"),
    ("{{click:{{pixel}}}}", ""),
    ("{{click:}}{{click: }}", ""),
    ("{{click:mailto:a@x.example}}", "mailto:a@x.example"),
    ("{{click:#top}}{{unsubscribe:/bye/{{id}}}}", "#top/bye/7"),
    ("{{click:javascript:alert(1)}}", "javascript:alert(1)"),
]


@pytest.mark.parametrize(("source", "expected"), NAMES)
def test_a_name_gives_the_recipients_value(source, expected):
    assert rendered(source, ANN) == expected


@pytest.mark.parametrize("source", UNTOUCHED)
def test_what_is_no_placeholder_stays(source):
    rendering.check(source, "braces")
    assert rendered(source, ANN, links=links) == source


@pytest.mark.parametrize(("source", "expected"), LINKS)
@pytest.mark.parametrize("escape", Escape)
def test_a_link_leads_where_its_mail_says(source, expected, escape):
    assert rendered(source, ANN, escape=escape, links=links) == expected


def test_the_pixel_is_a_tag_in_html_and_nothing_in_text():
    shown = rendered("a{{pixel}}b", links=links)
    assert shown == 'a<img src="https://t.example/pixel?" width="1" height="1" alt="" style="border:0">b'
    assert rendered("a{{pixel}}b", escape=Escape.NONE, links=links) == "ab"


def test_references_are_decoded_in_html_targets_only():
    source = "{{click:http://x.example/?a=1&amp;b={{v}}&copy=2}}"
    assert rendered(source, {"v": "&lt;"}, links=links).endswith("?a=1&b=<&copy=2")
    assert rendered(source, {"v": "&lt;"}, escape=Escape.NONE, links=links).endswith("?a=1&amp;b=&lt;&copy=2")
    assert rendered("{{click:http://x.example/?a&#38;b}}", links=links).endswith("?a&b")


@pytest.mark.parametrize(
    "source", ["{{unsubscribe}}", "{{click:http://x.example/{{a}}}}", "{{mirror}}{{pixel}}"]
)
def test_links_show_nothing_where_there_is_no_mail_to_follow(source):
    assert rendered(f"[{source}]") == "[]"


def test_values_are_inserted_as_they_are_and_never_read_again():
    values = {"a": "<b>{{pixel}}</b>", "pixel": "mine", "b": "{{a}}"}
    assert rendered("{{a}}{{b}}", values, links=links) == "<b>{{pixel}}</b>{{a}}"


@pytest.mark.parametrize(("value", "expected"), [(None, ""), (True, "true"), (1.0, "1"), ([1], ""), ({}, "")])
def test_values_print_as_json_does_and_containers_print_nothing(value, expected):
    assert rendered("[{{a}}]", {"a": value}) == f"[{expected}]"


def test_a_program_says_its_names_and_fixed_links():
    program = rendering.compile(
        "{{a}}{{b c}}{{click:http://x.example/?a&amp;b}}{{click:http://x.example/{{d}}}}{{unsubscribe}}{{click:no}}",
        language="braces",
        escape=Escape.HTML,
        transfer=Transfer.PLAIN,
    )
    assert program.names == {"a", "b c", "d"}
    assert set(program.links) == {(LinkKind.CLICK, "http://x.example/?a&b"), (LinkKind.UNSUBSCRIBE, "")}


@pytest.mark.parametrize(
    ("source", "is_fixed"),
    [
        ("x", True),
        ("{{click:no}}", True),
        ("{{a}}", False),
        ("{{mirror}}", False),
        ("{{click:{{a}}}}", False),
    ],
)
def test_a_program_with_a_link_or_a_name_is_not_fixed(source, is_fixed):
    program = rendering.compile(source, language="braces", escape=Escape.HTML, transfer=Transfer.PLAIN)
    assert program.is_fixed is is_fixed


def test_a_target_that_is_too_long_is_refused():
    with pytest.raises(errors.RenderLimit):
        rendering.check("{{click:http://x.example/" + "x" * 8000 + "}}", "braces")
    with pytest.raises(errors.RenderLimit):
        rendered("{{click:http://x.example/{{a}}}}", {"a": "x" * 8000})


awkward = st.sampled_from(
    ["{{", "}}", "{", "}", "click:", "unsubscribe:", "a", " ", "\n", "http://x", "b c", ":"]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(awkward, max_size=30).map("".join))
def test_no_text_is_wrong_and_what_has_no_placeholder_stays(source):
    rendering.check(source, "braces")
    shown = rendered(source, {"a": "{{a}}"}, links=links)
    if "}}" not in source:
        assert shown == source
