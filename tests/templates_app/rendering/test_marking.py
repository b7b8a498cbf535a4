import pytest

from templates_app import rendering
from templates_app.rendering import Escape, LinkKind, Transfer
from tests import costs

WHAT = {"html": "<html><body>{}</body></html>"}


def links(kind, target):
    return f"[{kind} {target}]"


def shown(source, variables=None, language="mustache", **marks):
    program = rendering.compile(
        source, language=language, escape=Escape.HTML, transfer=Transfer.PLAIN, **(marks or {"clicks": True})
    )
    assert not program.is_fixed or not marks
    return program.render(variables or {}, links)


@pytest.mark.parametrize("language", ["mustache", "braces", "plain", "liquid"])
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<a href="http://x.example/">x</a>', '<a href="[click http://x.example/]">x</a>'),
        (
            "<A class=b HREF='https://x.example/?a=1&amp;b=2'>",
            "<A class=b HREF='[click https://x.example/?a=1&b=2]'>",
        ),
        (
            "<area shape=rect href=https://x.example/ alt=x>",
            "<area shape=rect href=[click https://x.example/] alt=x>",
        ),
        *(
            (same, same)
            for same in (
                '<a href="mailto:a@x.example">',
                '<a href="#top">',
                '<a href="">',
                '<a href="/path">',
                "<a>",
                '<a href="javascript:x">',
                '<a data-href="http://x.example/">',
                '<abbr href="http://x.example/">',
                '<link href="http://x.example/">',
                '<img src="http://x.example/">',
                "href=http://x.example/",
                '<a href="http://x.example/',
            )
        ),
    ],
)
def test_addresses_of_the_web_become_links_and_nothing_else_does(source, expected, language):
    assert shown(source, language=language) == expected


def test_a_recipients_values_keep_their_place_in_an_address():
    source = '<a class="{{c}}" href="https://x.example/{{id}}?q={{q}}&amp;r=1">{{q}}</a>'
    assert shown(source, {"c": "k", "id": 7, "q": "a&b<"}) == (
        '<a class="k" href="[click https://x.example/7?q=a&b<&r=1]">a&amp;b&lt;</a>'
    )


def test_an_address_that_is_a_value_is_a_link_when_it_is_of_the_web_and_else_stays_escaped():
    source = '<a href="{{url}}">x</a>'
    assert (
        shown(source, {"url": "https://x.example/?a&b"}) == '<a href="[click https://x.example/?a&b]">x</a>'
    )
    assert shown(source, {"url": '"onclick="x'}) == '<a href="&quot;onclick=&quot;x">x</a>'
    assert shown(source, {}) == '<a href="">x</a>'


def test_addresses_in_sections_have_the_values_of_their_items():
    source = '{{#items}}<a href="https://x.example/{{id}}">{{id}}</a>{{/items}}{{^items}}<a href="http://n">{{/items}}'
    expected = '<a href="[click https://x.example/1]">1</a><a href="[click https://x.example/2]">2</a>'
    assert shown(source, {"items": [{"id": 1}, {"id": 2}]}) == expected
    assert shown(source, {}) == '<a href="[click http://n]">'


def test_links_that_a_template_asks_for_itself_stay():
    source = "<a href='{{unsubscribe}}'><a href='{{click:http://x.example/}}'><a href='{{mirror}}'>"
    expected = "<a href='[unsubscribe ]'><a href='[click http://x.example/]'><a href='[mirror ]'>"
    assert shown(source, language="braces") == expected


@pytest.mark.parametrize("language", ["mustache", "braces", "plain", "liquid"])
def test_the_picture_stands_before_the_last_end_of_the_body_or_at_the_end(language):
    picture = '<img src="[pixel ]" width="1" height="1" alt="" style="border:0">'
    body = "<p></body></p></BODY></html>"
    assert shown(body, language=language, opens=True) == f"<p></body></p>{picture}</BODY></html>"
    assert shown("<p>a</p>", language=language, opens=True) == f"<p>a</p>{picture}"


def test_a_template_with_a_picture_of_its_own_gets_no_second_one():
    assert shown("{{pixel}}<p>", language="braces", opens=True).count("<img") == 1


def test_texts_are_never_marked():
    program = rendering.compile(
        '<a href="http://x.example/">', escape=Escape.NONE, transfer=Transfer.PLAIN, opens=True, clicks=True
    )
    assert program.is_fixed and program.render({}) == '<a href="http://x.example/">'


def test_fixed_addresses_are_listed_in_their_order_and_once():
    source = '<a href="http://b"><a href="http://a"><a href="http://b"><a href="http://c/{{x}}">'
    program = rendering.compile(source, escape=Escape.HTML, transfer=Transfer.PLAIN, opens=True, clicks=True)
    assert program.links == ((LinkKind.CLICK, "http://b"), (LinkKind.CLICK, "http://a"), (LinkKind.PIXEL, ""))


@pytest.mark.parametrize(
    "part",
    ['<a "', "<a href=", '<a href="', "<a ", "<a href='http://x\"", '<a href="http://x">', "<a\thref\t"],
)
def test_marking_takes_no_longer_than_its_source_is_long(part):
    source = (part * (1024 * 1024 // len(part)))[: 1024 * 1024]

    def act():
        shown(source, opens=True, clicks=True)
        shown(source, language="liquid", opens=True, clicks=True)

    assert costs.seconds(act, enough=2) < 3
