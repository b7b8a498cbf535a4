"""What holds for every template language."""

import quopri
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_app import errors, rendering
from templates_app.rendering import LANGUAGES, Escape, Transfer
from tests import costs

PARTS = [
    *(
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{",
        "}",
        "{%",
        "%}",
        "-",
        "#",
        "^",
        "/",
        "&",
        "!",
        "|",
        ":",
        ".",
        "..",
        "(",
        ")",
        "[",
        "]",
    ),
    *("a", "b", "l", " ", "\n", "\r\n", ".\n", "<", "'", '"', "é", "=", "1", "==", ">", ","),
    *(
        "{{a}}",
        "{{ l }}",
        "{{#l}}",
        "{{/l}}",
        "{{.}}",
        "{{click:http://x/{{a}}}}",
        "{{pixel}}",
        "{{unsubscribe}}",
    ),
    *(
        "{% for b in l %}",
        "{% endfor %}",
        "{% if a %}",
        "{% else %}",
        "{% endif %}",
        "{% assign a = ",
        " | upcase",
        " | join",
    ),
    *(
        "{% raw %}",
        "{% endraw %}",
        "{% comment %}",
        "{% endcomment %}",
        "{% capture c %}",
        "{% endcapture %}",
        "(1..9)",
    ),
]
sources = st.lists(
    st.sampled_from(PARTS) | st.text(st.characters(codec="utf-8"), max_size=4), max_size=15
).map("".join)
scalars = (
    st.text(st.characters(codec="utf-8"), max_size=9)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abl"), inner),
    max_leaves=6,
)
variables = st.dictionaries(st.sampled_from("abl"), values)


def rendered(language, source, given_values, escape, transfer):
    """The rendering, or the error of the template that it ends in."""
    try:
        return rendering.compile(source, language=language, escape=escape, transfer=transfer).render(
            given_values
        )
    except errors.TemplateError as error:
        return type(error), str(error)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(LANGUAGES)), sources, variables, st.sampled_from(Escape))
def test_any_source_renders_alike_in_both_transfers_or_raises_a_template_error(
    language, source, given_values, escape
):
    plain = rendered(language, source, given_values, escape, Transfer.PLAIN)
    quoted = rendered(language, source, given_values, escape, Transfer.QUOTED_PRINTABLE)
    if isinstance(quoted, bytes) and not re.search("\r(?!\n)", plain):
        assert quopri.decodestring(quoted) == re.sub("\r?\n", "\r\n", plain).encode()
        assert max(map(len, quoted.split(b"\r\n"))) <= 76
    else:
        assert isinstance(quoted, bytes) or quoted == plain


@settings(max_examples=500, deadline=None)
@given(sources.map(lambda source: source.replace("<", "")), variables)
def test_no_angle_of_a_value_comes_through_an_escaping_language(source, given_values):
    raw = re.sub(r"\{\{\{|&", "", source)
    for language in ("mustache", "liquid"):
        shown = rendered(language, raw, given_values, Escape.HTML, Transfer.PLAIN)
        assert not isinstance(shown, str) or "<" not in shown


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(LANGUAGES)), sources)
def test_what_passes_the_check_compiles(language, source):
    try:
        rendering.check(source, language)
    except errors.TemplateError as error:
        expected = str(error)
    else:
        expected = None
    refused = costs.refused(
        lambda: rendering.compile(source, language=language, escape=Escape.HTML, transfer=Transfer.PLAIN)
    )
    assert expected == (str(refused) if refused else None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_source_without_tags_says_itself(language):
    source = "p { color: red } 100 % <b>&amp;</b>"
    assert rendered(language, source, {}, Escape.HTML, Transfer.PLAIN) == source


MEBIBYTE = costs.MEBIBYTE
HOSTILE_BRACES = {
    "too long": ("x" * (MEBIBYTE + 1), {}),
    "too many tags": ("{{a}}" * 100_000, {}),
    "too many tags in targets": ("{{click:http://x/" + "{{a}}" * 1000 + "}}", {}),
    "a name that is too long": ("{{" + "a" * 100_000 + "}}", {}),
    "a target that is too long": ("{{click:http://" + "a" * 100_000 + "}}", {}),
    "a long value in targets": ("{{click:http://x/{{a}}}}" * 400, {"a": "x" * MEBIBYTE}),
    "a long value repeated": ("{{a}}" * 500, {"a": "x" * MEBIBYTE}),
    "wide values": ("{{a}}{{a}}", {"a": "😀" * 4 * MEBIBYTE}),
    "an endless number": ("{{a}}", {"a": 1 << 1_000_000}),
}
ODD_BRACES = {
    "unclosed targets": ("{{click:" * 100_000, {}),
    "targets never closed": ("{{click:" + "{{a}}" * 990 + "{{click:", {"a": "x"}),
    "openings": ("{{" * 500_000, {}),
    "openings and names": ("{{a" * 300_000, {}),
    "single braces": ("{{click:" + "{a} " * 200_000, {}),
    "closings": ("{{click:" + "}" * 1_000_000, {}),
    "blanks": ("{{" + " " * 1_000_000, {}),
    "names with blanks": ("{{a b}}" * 1000, {}),
    "pixels": ("{{pixel}}" * 1000, {}),
    "links": ("{{click:http://x/{{a}}}}" * 500, {"a": "x" * 7000}),
}


@pytest.mark.parametrize("transfer", Transfer)
@pytest.mark.parametrize("name", HOSTILE_BRACES | ODD_BRACES)
def test_hostile_braces_cost_little(name, transfer):
    source, given_values = (HOSTILE_BRACES | ODD_BRACES)[name]
    target = rendering.Target(escape=Escape.HTML, transfer=transfer)

    def act():
        rendering._compile(source, "braces", target).render(
            given_values, lambda kind, to: f"https://t.example/{kind}"
        )

    seconds, peak = costs.seconds_and_peak(act)
    assert seconds < 0.1
    assert peak < 50 * MEBIBYTE
    assert isinstance(costs.refused(act), errors.RenderLimit) == (name in HOSTILE_BRACES)


@pytest.mark.parametrize("transfer", Transfer)
@pytest.mark.parametrize(
    "text", ["x" * (MEBIBYTE + 1), "😀" * MEBIBYTE, ".\n" * (MEBIBYTE // 2), "=" * MEBIBYTE]
)
def test_hostile_plain_text_costs_little(text, transfer):
    target = rendering.Target(escape=Escape.HTML, transfer=transfer)
    seconds, peak = costs.seconds_and_peak(lambda: rendering._compile(text, "plain", target).render({}))
    assert seconds < 0.1
    assert peak < 50 * MEBIBYTE


def test_programs_with_tags_are_kept_and_those_of_one_persons_text_are_not():
    def compiled(source):
        return rendering.compile(source, language="braces", escape=Escape.HTML, transfer=Transfer.PLAIN)

    for source in ("kept {{a}}", "{{kept}}" * 200):
        assert compiled(source) is compiled(source)
    for source in ("not kept", "{{a}}" + "not kept" * 5000):
        assert compiled(source) is not compiled(source)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("liquid", "{% if a %}"),
        ("mustache", "{{a}}"),
        ("braces", "{{a}}"),
        ("smarty", "{$a}"),
        ("smarty", "{if 1}"),
    ],
)
def test_each_language_knows_the_tags_of_its_own(language, source):
    assert rendering.holds_tags(source, language)
    assert not rendering.holds_tags("{ a }", language) and not rendering.holds_tags(
        "p {color: red}", language
    )
    assert not rendering.holds_tags(source, "plain")
