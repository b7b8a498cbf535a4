"""What a mail says to those who see no HTML."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_app import errors, markup, text
from tests import costs

MEBIBYTE = 1024 * 1024

CASES = [
    ("<p>Hé</p>", "Hé"),
    ("", ""),
    ("<p></p><div> </div>", ""),
    ("<h1>A</h1><p>b\n  c</p><p>d</p>", "A\n\nb c\n\nd"),
    ("<div>a</div><div>b</div>", "a\nb"),
    ("a<br>b<br><br>c", "a\nb\n\nc"),
    ("a <b>b</b><i>c</i> <span> d </span>e", "a bc d e"),
    ("&lt;b&gt; &amp;amp; &eacute; &#233; &euro;&nbsp;5", "<b> &amp; é é € 5"),
    ("&#99999999999999999999; &#x110000; &nosuch;", "\ufffd \ufffd &nosuch;"),
    ("a < b and 3<4 <3", "a < b and 3<4 <3"),
    ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
    ("<ol><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ol>", "1. a\n2. b\n  - c\n3. d"),
    ("<ul><li><p>a</p><p>b</p></li><li>c</li></ul>", "- a\n  b\n- c"),
    ("<table><tr><th>A</th><td>B</td></tr><tr><td>C<td>D</table>", "A | B\nC | D"),
    ("<table><tr><td></td><td>x</td><td></td></tr></table>", "x"),
    ("a<blockquote>b<blockquote>c</blockquote></blockquote>d", "a\n\n> b\n>\n> > c\n\nd"),
    ("<pre>  a\n    b\n\nc</pre>", "  a\n    b\n\nc"),
    ("a<hr>b", f"a\n{'-' * 20}\nb"),
    ('<a href="https://x.example/?a=1&amp;b=2">Shop</a>!', "Shop <https://x.example/?a=1&b=2>!"),
    ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
    ('<a href="https://x.example/">x.example</a>', "x.example"),
    ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
    ('<a href="tel:+41 44">Call</a>', "Call <+4144>"),
    ('<a href="#top">Up</a> <a>b</a> <a href="javascript:x()">c</a>', "Up b c"),
    ('<a href="https://x.example/"><img src="x" alt="Logo"></a>', "Logo <https://x.example/>"),
    ('<a href="https://x.example/"><img src="x"></a>', "https://x.example/"),
    ('<a href="ewtag1z">ewtag2z</a>', "ewtag2z <ewtag1z>"),
    (
        '<a href="https://a.example/">a<a href="https://b.example/">b',
        "a <https://a.example/>b <https://b.example/>",
    ),
    ("<head><title>t</title><meta x></head><style>p{}</style><script>if (a<b) '</p>'</script>x", "x"),
    ("<!-- a --><!--[if mso]>b<![endif]--><![if !mso]>c<![endif]><?d?><!-->e<!--->f", "cef"),
    ("a<!-- never ended <p>b", "a"),
    ("a<script>never ended <p>b", "a"),
    ('a<b title="never ended>b</b>', "a"),
    ('<div style="color: red; DISPLAY : none">a<div>b</div>c</div>d', "d"),
    ("<p hidden>a<p>b", "b"),
    ("<table><tr hidden><td>a<tr><td>b</table>", "b"),
    ("<ul><li hidden>a<li>b</ul>", "- b"),
    ('<span style="visibility:hidden">a</span><input hidden>b', "b"),
    ("<p hidden>a<p hidden>b<div>c", "c"),
    ("<P CLASS=a ID='b'>a</P\n>b", "a\n\nb"),
    ("</p></ul></blockquote></pre></a>a", "a"),
    ("<a/href=https://x.example/>a</a>", "a <https://x.example/>"),
    ("a\x00\x1b[31mb", "a[31mb"),
]


@pytest.mark.parametrize(("html", "expected"), CASES)
def test_html_becomes_the_text_that_it_shows(html, expected):
    assert text.of_html(html) == expected


HOSTILE = {
    "nested elements": "<div>" * (MEBIBYTE // 5),
    "nested lists": "<ul><li>" * 9_000,
    "nested quotes": "<blockquote>a" * 9_000,
    "nested hidden": "<div hidden>" * 9_000,
    "many tags": "<b>" * 300_000,
    "many attributes": "<a " + "x " * 400_000 + ">",
    "unclosed quotes": "<a href='" * 100_000,
    "unclosed comments": "<!--" * 200_000,
    "unclosed scripts": "<script>" * 100_000,
    "openings": "<" * MEBIBYTE,
    "slashes": "<a/" + "/" * 1_000_000,
    "blanks": "<a" + " " * 1_000_000,
    "equals": "<a " + "=" * 1_000_000,
    "references": "&" * MEBIBYTE,
    "long references": "&#" + "9" * 1_000_000,
    "short references": "&lt" * 300_000,
    "words": "a " * 500_000,
    "lines": "<pre>" + "\n" * 1_000_000,
    "breaks": "<br>" * 19_000,
    "cells": "<td>a" * 19_000,
    "a long style": '<p style="' + "display " * 100_000 + '">',
    "wide characters": "😀" * MEBIBYTE,
    "too long": "a" * (MEBIBYTE + 1),
}


def converted(html):
    try:
        return text.of_html(html)
    except errors.RenderLimit:
        return None


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_costs_little(name):
    html = HOSTILE[name]
    seconds, peak = costs.seconds_and_peak(lambda: converted(html))
    assert seconds < 0.3
    assert peak < 50 * MEBIBYTE


def test_more_tags_than_allowed_are_refused():
    with pytest.raises(errors.RenderLimit):
        text.of_html("<b>" * (markup.MOST_TAGS + 1))


parts = st.sampled_from(
    ["<", ">", "/", "p", "a href=", '"', "'", "<!--", "-->", "&", "#", "<ul><li>", "</ul>", "x", " "]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(parts | st.text(max_size=3), max_size=30).map("".join))
def test_any_text_is_html(html):
    shown = text.of_html(html)
    assert shown == shown.strip("\n")
    assert "\n\n\n" not in shown
