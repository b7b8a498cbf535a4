"""Hostile templates of SMTPeter's language end in RenderLimit, quickly and in little memory; nothing else is raised."""

import quopri
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from templates_app import errors, rendering
from templates_app.rendering import Escape, Transfer
from templates_app.rendering.smarty.modifiers import MODIFIERS
from tests import costs
from tests.costs import MEBIBYTE


def nested(depth, inside, of="l"):
    return f"{{foreach ${of} as $i}}" * depth + inside + "{/foreach}" * depth


def looped(inside):
    return nested(1, inside)


SAME, EQUAL = "x" * MEBIBYTE, "x" * (MEBIBYTE - 1) + "x"
MANY = {"l": [1] * 15_000}

HOSTILE_SOURCES = {
    "too long": "x" * (MEBIBYTE + 1),
    "too many tags": "{$a}" * 100_000,
    "too many words": ("{$a" + "+$a" * 30 + "}") * 900,
    "too many patterns": "{$a|regex_replace:'a':'b'}" * 33,
    "a pattern too long": "{$a|regex_replace:'" + "a" * 900 + "':'b'}",
    "too deep blocks": nested(10_000, "x"),
    "too deep parentheses": "{$a+" + "(" * 300 + "$a" + ")" * 300 + "}",
    "too deep positions": "{$a" + "[$a" * 200 + "]" * 200 + "}",
    "too many keys": "{$a" + ".b" * 300 + "}",
    "too many modifiers": "{$a" + "|upper" * 100 + "}",
    "too many operators": "{$a" + "*$a" * 300 + "}",
    "too many operators in parentheses": "{if "
    + "(" * 3
    + "$a"
    + ("*1" * 30 + "+1" * 30 + "<1" * 30 + ")") * 3
    + "}x{/if}",
    "too many negations": "{if " + "!" * 500 + "$a}x{/if}",
    "too many signs": "{$a + " + "-" * 500 + "1}",
}

HOSTILE_RENDERINGS = {
    "a text doubled": (
        "{assign 'xx' to $s}" + looped("{assign $s|cat:$s to $s}") + "{$s|strlen}",
        {"l": [1] * 100},
    ),
    "a number squared": ("{assign 9999999999 to $s}" + looped("{assign $s*$s to $s}"), {"l": [1] * 99}),
    "an endless number": ("{$a + 1}", {"a": 1 << 1_000_000}),
    "an endless number shown": ("{$a}", {"a": 1 << 1_000_000}),
    "an indentation": ("{$a|indent:99999999999:'xx'}", {"a": "b"}),
    "an indentation of lines": ("{$a|indent:1000:'xx'}", {"a": "\n" * 100_000}),
    "a wide separator": ("{$a|spacify:$a}", {"a": "b" * 10_000}),
    "a replacement that grows": ("{$a|replace:'b':$a}", {"a": "b" * 10_000}),
    "a pattern's replacement that grows": ("{$a|regex_replace:'.':'$&$&$&'}", {"a": "x" * 500_000}),
    "wide characters": ("{$a|urlencode}", {"a": "😀" * MEBIBYTE}),
    "letters that grow": ("{$a|upper}" * 100, {"a": "ß" * 300_000}),
    "many words": (looped("{$a|count_words}"), {"a": "b " * 1000, "l": [1] * 1000}),
    "nested loops": (nested(5, "{$i}"), {"l": [1] * 1000}),
    "nested loops over nothing": (nested(16, ""), {"l": [1] * 1000}),
    "a list of ten million": (nested(1, "{$i}"), {"l": [None] * 10_000_000}),
    "a mapping of a million": (nested(1, "{$i}"), {"l": dict.fromkeys(range(1_000_000))}),
    "long texts compared": (looped("{if $a == $b}{/if}{if $a < $b}{/if}"), MANY | {"a": SAME, "b": EQUAL}),
    "long lists compared": (
        looped("{if $a == $b}{/if}"),
        MANY | {"a": [[1] * 9] * 999, "b": [[1] * 9] * 999},
    ),
    "late positions": (looped("{$d[19000]}"), MANY | {"d": {f"{n}x": n for n in range(20_000)}}),
    "long lists hashed": (looped("{$d|md5}"), MANY | {"d": list(range(20_000))}),
    "long ranges": (looped("{$d|range:0:99999}"), MANY | {"d": list(range(20_000))}),
    "long parts": (looped("{$a|substr:1}"), MANY | {"a": SAME}),
    "many calls": (looped("{$a|upper|lower}"), MANY),
    "much arithmetic": (looped("{$a * 1.5 + $a / 3 - $a % 7}"), MANY | {"a": 8}),
    "patterns that search on": (
        "{$a|regex_replace:'(?:[ab]*a[ab]{14}c)|a|b':'x'}",
        {"a": "abbabaab" * 5000},
    ),
    "patterns with a long memory": (
        "{$a|regex_replace:'(?:.*a.{40}.*b.{40}.*a.{40}c)|a|b':'x'}",
        {"a": "abbaab" * 1000},
    ),
    "patterns that repeat repetitions": ("{$a|regex_replace:'(a{1,100}){1,9}':'x'}", {"a": "a" * 50_000}),
    "patterns compiled again and again": (
        looped("{$a|regex_replace:$p:'x'}"),
        MANY | {"a": "x", "p": r"(\pL{90}){9}"},
    ),
}

#: What is much, or looks as if it were, and is within the limits.
ODD = {
    "openings": ("{ " * 500_000, {}),
    "words without blanks": ("{if" * 300_000, {}),
    "literals": ("{literal}{{literal}" * 900 + "{/literal}", {}),
    "heads": ("<head " * 150_000 + "[ldelim]", {}),
    "delimiters in a head": ("<head>" + "[ldelim]" * 100_000 + "</head>", {}),
    "a thousand tags": ("{$a|upper}" * 1000, {"a": "x"}),
    "a thousand conditions": ("{if $a==1}{/if}" * 500, {"a": "x"}),
    "many alternatives": (("{if " + " OR ".join(["$a == 1"] * 60) + "}x{/if}") * 40, {"a": 2}),
    "many conditions on what is inside": (
        "{if " + " AND ".join(["$a.b.c|lower == 'x'"] * 40) + "}x{/if}",
        {"a": {"b": {"c": "X"}}},
    ),
    "operators of each strength": (
        "{if $a" + "*1" * 18 + "+1" * 18 + "<9" * 18 + "==1" * 18 + "}x{/if}",
        {"a": 1},
    ),
    "sums": (("{$a" + "+$a" * 38 + "}") * 120, {"a": 1}),
    "strings": ("{$a|cat:'" + "x\\'" * 300 + "'}", {"a": 1}),
    "patterns": ("{$a|regex_replace:'[^\\x00-\\x{10FFFF}]|(?i)[a-zé]{50}':'b'}" * 32, {"a": "x"}),
    "patterns that would backtrack": ("{$a|regex_replace:'(x+x+)+y':'b'}", {"a": "x" * 50_000}),
    "patterns of blanks": (r"{$a|regex_replace:'\s+':' '}", {"a": "ab  " * 10_000}),
    "patterns of tags": ("{$a|regex_replace:'<[^>]*>':''}", {"a": "<p>some text</p>\n" * 200}),
    "many modified values": (looped("{$i|upper|lower}"), {"l": ["x"] * 9000}),
    "long values": ("{$a|nl2br}", {"a": "some text\n" * 10_000}),
}


@pytest.mark.parametrize("name", HOSTILE_SOURCES)
def test_a_hostile_source_is_refused_quickly(name):
    def act():
        rendering.check(HOSTILE_SOURCES[name], "smarty")

    seconds, peak = costs.seconds_and_peak(act)
    assert isinstance(costs.refused(act), errors.RenderLimit)
    assert seconds < 0.1 and peak < 50 * MEBIBYTE


@pytest.mark.parametrize("transfer", Transfer)
@pytest.mark.parametrize("name", HOSTILE_RENDERINGS | ODD)
def test_a_hostile_rendering_is_stopped_quickly_and_an_honest_one_is_not(name, transfer):
    source, variables = (HOSTILE_RENDERINGS | ODD)[name]
    target = rendering.Target(escape=Escape.HTML, transfer=transfer)

    def act():
        rendering._compile(source, "smarty", target).render(variables)

    seconds, peak = costs.seconds_and_peak(act)
    assert isinstance(costs.refused(act), errors.RenderLimit) == (name in HOSTILE_RENDERINGS), costs.refused(
        act
    )
    assert seconds < 0.2 and peak < 50 * MEBIBYTE


@pytest.mark.parametrize(
    "source",
    ["{if " * 100_000, "{$" * 500_000, "{$a|cat:'" * 50_000, "{literal}" * 100_000, "{$" + "a-" * 5000 + "}"],
    ids=lambda source: source[:9],
)
def test_broken_syntax_of_any_length_is_refused_quickly(source):
    def act():
        rendering.check(source, "smarty")

    seconds, _ = costs.seconds_and_peak(act)
    assert isinstance(costs.refused(act), errors.TemplateSyntaxError) and seconds < 0.1


PARTS = [
    *(
        "{$a}",
        "{$l}",
        "{$l[0]}",
        "{$a.b",
        "{$a",
        "{if $a}",
        "{if ",
        "{elseif $l}",
        "{else}",
        "{/if}",
        "{hash($a,'sha512')}",
    ),
    *(
        "{foreach $b in $l}",
        "{foreach $a as $a => $l}",
        "{foreachelse}",
        "{/foreach}",
        "{assign ",
        " to $a}",
        "{$a=",
    ),
    *(
        "{literal}",
        "{/literal}",
        "{ldelim}",
        "[rdelim]",
        "<head>",
        "</head>",
        "{$webversion}",
        "{",
        "}",
        "<a href='",
    ),
    *(
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "<",
        ">=",
        " AND ",
        " or ",
        "not ",
        "!",
        "(",
        ")",
        "[",
        "]",
        ".",
        "=",
        "|",
        ":",
    ),
    *("$a", "$l", "$b", "'x'", '"', "1", "0", "9e99", "true", " ", "\n", "\r\n", ".\n", "é", "\0", "1e9"),
    *(f"|{name}" for name in sorted(MODIFIERS)),
    *(f"{{$a|{name}:$l:$a}}" for name in sorted(MODIFIERS)),
]
expressions = st.recursive(
    st.sampled_from(["$a", "$l", "$b", "$a.b", "$l[0]", "1", "0", "'x'", "1.5", "$webversion", "$l[$a]"]),
    lambda inner: st.builds(
        "({} {} {})".format, inner, st.sampled_from("+ - * / % == != < >= AND or".split()), inner
    )
    | st.builds("not {}".format, inner)
    | st.builds("({})".format, inner),
    max_leaves=5,
)
modified = st.builds(
    "{{$a|{}:{}:{}}}".format,
    st.sampled_from(sorted(MODIFIERS)),
    st.sampled_from(["$l", "2", "'a'"]),
    st.sampled_from(["$a", "-1", "''"]),
)
flat = (
    st.builds("{{$x={}}}{{$x}}".format, expressions)
    | st.builds("{{assign {} to $a}}".format, expressions)
    | modified
    | st.text(st.characters(codec="utf-8"), max_size=5).map(lambda text: text.replace("{", ""))
)
blocks = st.recursive(
    st.lists(flat, max_size=3).map("".join),
    lambda inner: st.builds(
        "{{if {}}}{}{{elseif {}}}{}{{else}}{}{{/if}}".format, expressions, inner, expressions, inner, inner
    )
    | st.builds("{{foreach $b in $l}}{}{{$b}}{{foreachelse}}{}{{/foreach}}".format, inner, inner)
    | st.builds("{{foreach $l as $k => $a}}{}{{$k}}{{/foreach}}".format, inner),
    max_leaves=5,
)
broken = st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=15).map("".join)
scalars = st.text(max_size=9) | st.integers() | st.floats() | st.booleans() | st.none()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abl0"), inner),
    max_leaves=6,
)
variables = st.dictionaries(st.sampled_from("abl"), values)


def link(kind, target):
    return f"https://t.example/{kind}"


def shown(source, given_values, transfer):
    """The rendering, or the error of the template that it ends in; nothing else may come of any source."""
    try:
        program = rendering.compile(
            source, language="smarty", escape=Escape.HTML, transfer=transfer, opens=True, clicks=True
        )
        return program.render(given_values, link)
    except errors.TemplateError as error:
        return type(error), str(error)


@settings(max_examples=1500, deadline=None)
@given(broken | blocks, variables)
@example("{foreach $b in $l}{/foreach}", {"l": [1]})
@example("{if $a}{/if}{$a|truncate:3}", {"a": "\ud800 x"})
def test_any_source_renders_alike_in_both_transfers_or_raises_a_template_error(source, given_values):
    plain, quoted = (
        shown(source, given_values, transfer) for transfer in (Transfer.PLAIN, Transfer.QUOTED_PRINTABLE)
    )
    if isinstance(quoted, tuple) or isinstance(plain, tuple):
        assert quoted == plain
    elif not re.search("\r(?!\n)", plain):
        assert quopri.decodestring(quoted) == re.sub("\r?\n", "\r\n", plain).encode("utf-8", "replace")
        assert max(map(len, quoted.split(b"\r\n"))) <= 76


@settings(max_examples=500, deadline=None)
@given(blocks, variables)
def test_whole_templates_are_never_wrong(source, given_values):
    rendering.check(source, "smarty")
    made = shown(source, given_values, Transfer.PLAIN)
    assert isinstance(made, str) or made[0] in (errors.RenderFailed, errors.RenderLimit), made
