"""Styles inlined and text made of a template's HTML, its tags kept where they are."""

import re
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_app import conversions
from templates_app.errors import NotConvertible, TemplateError
from tests import costs

inlined = partial(conversions.inlined, language="mustache")
text_of = partial(conversions.text_of, language="mustache")
STYLE = "<style>p { color: red } td { color: blue }</style>"


def test_rules_go_to_the_elements_and_tags_stay():
    made = inlined(
        f"<html><head>{STYLE}<title>{{{{t}}}}</title></head><body><p>Hello {{{{ name }}}}, {{{{{{raw}}}}}}</p>"
        '<a href="https://x.example/?a=1&amp;b={{&id}}">{{#a}}more{{/a}}</a></body></html>'
    )
    assert re.search(r'<p style="color: ?red;?">Hello \{\{ name \}\}, \{\{\{raw\}\}\}</p>', made)
    assert "<title>{{t}}</title>" in made
    assert "b={{&id}}" in made and "{{#a}}more{{/a}}" in made


def test_what_stands_in_a_tag_is_not_escaped():
    html = STYLE + "<p title='{{ a['b'] }}'>{% if a < b && c %}x{% endif %}</p>"
    made = conversions.inlined(html, language="liquid")
    assert "{% if a < b && c %}x{% endif %}" in made and "{{ a['b'] }}" in made
    assert "{% if a < b %}y" in conversions.text_of("<p>{% if a < b %}y", language="liquid")


def test_tags_inside_tags_of_braces_stay_together():
    html = STYLE + "<p><a href='{{click:http://x.example/?id={{id}}&a=1}}'>x</a></p>"
    assert "{{click:http://x.example/?id={{id}}&a=1}}" in conversions.inlined(html, language="braces")


def test_tags_of_smarty_stay_whole_and_braces_of_styles_are_none():
    tags = ['{$name|cat:"}<"}', "{if $a < 5 AND $b == '}'}", "{$c}", "{/if}", "{hash($a, 'sha256')}"]
    html = (
        STYLE + f"<p>{tags[0]}{tags[1]}<a href='https://x.example/?a={tags[2]}'>x</a>{tags[3]}{tags[4]}</p>"
    )
    made = conversions.inlined(html, language="smarty")
    assert all(tag in made for tag in tags) and re.search(r'<p style="color: ?red;?">', made)
    assert conversions.text_of(f"<p>{tags[1]}y{tags[3]}", language="smarty") == f"{tags[1]}y{tags[3]}"
    with pytest.raises(NotConvertible):
        conversions.text_of("<p {if $a}class='b'{/if}>x</p>", language="smarty")


def test_plain_html_has_no_tags():
    assert conversions.text_of("<p>{{#a}} {% if", language="plain") == "{{#a}} {% if"


@pytest.mark.parametrize("mark", ["{}", "<!--{}-->", "<!-- {} -->"])
def test_a_section_between_rows_of_a_table_stays_there(mark):
    opening, closing = mark.format("{{#rows}}"), mark.format("{{/rows}}")
    html = f"{STYLE}<table>{opening}<tr><td>{{{{name}}}}</td></tr>{closing}</table>"
    made = inlined(html)
    assert re.search(
        r"<table>(<tbody>)?(<!-- ?)?\{\{#rows\}\}( ?-->)?(<tbody>)?<tr>"
        r'<td style="color: ?blue;?">\{\{name\}\}</td></tr>(<!-- ?)?\{\{/rows\}\}',
        made,
    )
    assert text_of(html).split() == ["{{#rows}}", "{{name}}", "{{/rows}}"]


def test_text_keeps_tags_and_addresses_of_links():
    made = text_of(
        '<style>p{}</style><h1>{{title}}</h1><p>Dear {{name}},<br>see <a href="{{url}}">your order {{id}}</a></p>'
        "<ul>{{#items}}<li>{{.}} &amp; more</li>{{/items}}</ul>"
    )
    assert "{{title}}" in made and "Dear {{name}},\nsee" in made and "{{url}}" in made
    assert made.index("{{#items}}") < made.index("{{.}} & more") < made.index("{{/items}}")
    assert "<" not in made.replace("<{{url}}>", "")


@pytest.mark.parametrize(
    "html",
    [
        "<style>p { color: {{a}} }</style><p>1</p><p>2</p>",
        "<select><option {{#a}}selected{{/a}}>x</option></select>",
    ],
)
def test_what_cannot_be_kept_is_refused(html):
    with pytest.raises(NotConvertible):
        inlined(html)


@pytest.mark.parametrize(
    "html", ["<script>{{#a}}x{{/a}}</script>y", "<p style='display:none'>{{#a}}x</p>{{/a}}"]
)
def test_text_that_would_lose_a_block_is_refused(html):
    with pytest.raises(NotConvertible):
        text_of(html)


def test_words_like_the_masks_are_left_alone():
    assert text_of("<p>ewtag0z ewtag0x0z {{a}}</p>") == "ewtag0z ewtag0x0z {{a}}"


@pytest.mark.parametrize("word", ["&#101;wtag0x7z", "ew\x01tag0x7z", f"&#101;wtag0x{'7' * 5000}z"])
@pytest.mark.parametrize("language", ["mustache", "plain"])
def test_a_word_that_only_the_parser_makes_is_no_tag(word, language):
    for convert in (conversions.text_of, conversions.inlined):
        try:
            assert "{{a}}" in convert(f"<p>{word} {{{{a}}}}</p>", language=language)
        except TemplateError as refused:
            assert isinstance(refused, NotConvertible)


@pytest.mark.parametrize(
    "html", ["ewtag" + "x" * 1_000_000, "".join(f"ewtag{n}x" for n in range(80_000))], ids=["long", "many"]
)
def test_html_full_of_words_like_those_for_tags_costs_no_more(html):
    assert costs.seconds(lambda: text_of(html + "{{a}}"), enough=0.5) < 1


@pytest.mark.parametrize(
    "html",
    [
        "{{" * 300_000,
        "{{" * 300_000 + "}}",
        "<!--" * 200_000,
        "<a " * 300_000,
        "<a '" * 250_000,
        "<a\"'" * 200_000,
        "<" + "a" * 1_000_000,
        "{{a}}" * 200_000,
        "<style>" * 100_000,
        "{%" * 400_000,
    ],
)
def test_hostile_html_takes_no_longer_than_a_second(html):
    def act():
        for convert in (inlined, text_of):
            costs.refused(partial(convert, html))

    assert costs.seconds(act, enough=0.9) < 1


PIECES = st.sampled_from(
    [
        *"<>\"' =/-x",
        "<p>",
        "</p>",
        "<table>",
        "<tr>",
        "<!--",
        "-->",
        "{{a}}",
        "{{#a}}",
        "{{/a}}",
        "<td title=",
        "<style>",
        "</style>",
        "&amp;",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join))
def test_text_of_any_html_keeps_the_order_of_its_blocks_or_is_refused(html):
    try:
        made = text_of(html)
    except TemplateError:
        return
    blocks = re.compile(r"\{\{[#/]a\}\}")
    assert "ewtag" not in made
    assert blocks.findall(made) == blocks.findall(html)


@settings(max_examples=25, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join))
def test_inlining_any_html_keeps_its_tags_or_is_refused(html):
    try:
        made = inlined(html)
    except TemplateError:
        return
    tags = re.compile(r"\{\{[#/]?a\}\}")
    assert "ewtag" not in made
    assert tags.findall(made) == tags.findall(html)
