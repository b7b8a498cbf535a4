"""Hostile Liquid costs less than 100 ms and 50 MiB, compiling included, and ends in a clear error."""

from functools import reduce

import pytest

from templates_app import errors, rendering
from templates_app.rendering import Escape, Target, Transfer
from tests import costs
from tests.costs import MEBIBYTE


def loops(depth, inside, values="l"):
    return "".join(f"{{% for i{n} in {values} %}}" for n in range(depth)) + inside + "{% endfor %}" * depth


def many(body, times=1000):
    return f"{{% for n in (1..{times}) %}}{body}{{% endfor %}}"


#: Refused, by RenderLimit or TemplateSyntaxError.
REFUSED = {
    "too long": ("x" * (MEBIBYTE + 1), {}),
    "too many tags": ("{{a}}" * 100_000, {}),
    "too much in tags": (("{% if " + " and ".join(["a"] * 150) + " %}{% endif %}") * 40, {}),
    "too deep": ("{% if a %}" * 900, {}),
    "unclosed tags": ("{{" * 50_000, {}),
    "one unclosed tag": ("{{ " + "x" * 1_000_000, {}),
    "unclosed raws": ("{% raw " * 100_000, {}),
    "raws without end": ("{% raw %}" * 1000, {}),
    "comments without end": ("{% comment %}" * 80_000, {}),
    "halves of comments": ("{% comment %}{%" * 60_000, {}),
    "comments that begin and begin": ("{% comment %}" + "{%comment" * 110_000, {}),
    "brackets": ("{{ " + "[" * 900 + " }}", {}),
    "parentheses": ("{% if " + "(" * 30 + "x" * 900 + " %}{% endif %}", {}),
    "nested loops over a long list": (loops(5, "{{a}}"), {"l": list(range(1000))}),
    "nested loops of nothing": (loops(16, ""), {"l": [1, 2]}),
    "one loop after the other": (many("x", 1900) * 300, {}),
    "empty loops": (many("", 19_000) * 300, {}),
    "branches in a loop": (many("{% if 1 == 2 %}{% endif %}" * 300, 20_000), {}),
    "cases in a loop": (many("{% case n %}" + "{% when 1 %}x" * 200 + "{% endcase %}"), {}),
    "doubling by append": (many("{% assign a = a | append: a %}", 64) + "{{ a }}", {"a": "x"}),
    "doubling in tags": ("{% assign a = 'x' %}" + "{% assign a = a | append: a %}" * 500, {}),
    "doubling by capture": (many("{% capture a %}{{a}}{{a}}x{% endcapture %}", 64), {}),
    "doubling a list": (many("{% assign l = l | concat: l %}", 64), {"l": [1, 2]}),
    "squares": ("{% assign a = 99 %}" + "{% assign a = a | times: a %}" * 100, {}),
    "a long replacement": ("{{ a | replace: '', a }}", {"a": "x" * 60_000}),
    "replacements": ("{{ a | replace: 'x', a | replace: 'x', a }}", {"a": "x" * 1000}),
    "a long separator": ("{{ l | join: a | size }}", {"l": [1] * 10_000, "a": "x" * 60_000}),
    "a long range": ("{% for i in (1..1000000000) %}x{% endfor %}", {}),
    "a long range from its end": ("{% for i in (1..n) reversed %}{% endfor %}", {"n": 10**9}),
    "a range longer than a word": ("{% for i in (1..n) reversed %}{% endfor %}", {"n": 10**300}),
    "a range joined": ("{{ (1..1000000000) | join }}", {}),
    "a range searched": ("{% assign r = (1..1000000000) %}{% if r contains 'x' %}{% endif %}", {}),
    "many ranges": (many("{{ (1..1000) | join }}"), {}),
    "an endless number": ("{{ a | plus: 1 }}", {"a": 1 << 100_000}),
    "long texts compared": (many("{% if a == b %}{% endif %}"), {"a": "x" * 500_000, "b": "x" * 500_000}),
    "a long text searched": (many("{% if a contains b %}{% endif %}"), {"a": "x" * 500_000, "b": "xy"}),
    "deep values compared": (many("{% if a == b %}{% endif %}"), {n: [["x" * 999] * 99] * 9 for n in "ab"}),
    "lists made unique": (many("{{ l | uniq }}"), {"l": list(range(9000))}),
    "lists sorted": (many("{{ l | sort }}"), {"l": [f"{'x' * 300}{n}" for n in range(3000)]}),
    "texts split": (many("{% assign b = a | split: '' %}"), {"a": "x" * 10_000}),
    "a list of ten million": ("{% for i in l reversed %}{% endfor %}", {"l": [None] * 10_000_000}),
    "a long mapping": ("{% for i in m %}{% endfor %}", {"m": dict.fromkeys(map(str, range(200_000)))}),
    "a long text repeated": (many("x" * 1000, 5000), {}),
    "a long value repeated": (many("{{ a }}"), {"a": "x" * 100_000}),
    "a value that is too long": ("{{ a | size }}", {"a": "x" * MEBIBYTE}),
    "specials that grow": ("{{ a }}{{ a }}", {"a": "'" * 500_000}),
    "specials that grow among wide characters": ("{{ a }}" * 9, {"a": "'" * 500_000 + "😀"}),
    "wide captures": ("{% capture c %}" + "😀" * 900_000 + "{% endcapture %}{{ c }}", {}),
    "texts encoded": ("{{ a | url_encode }}" * 20, {"a": "😀" * 65_000}),
    "filters after filters": (("{{ a" + "|upcase" * 130 + " }}") * 20, {"a": "x" * 60_000}),
}

#: Harmless, though they look for trouble.
RENDERED = {
    "tags": ("{{a}}" * 1000, {"a": "x"}),
    "conditions": (("{% if " + " and ".join(["a"] * 150) + " %}{% endif %}") * 15, {"a": 1}),
    "blanks in a tag": ("{{" + " " * 900 + "a}}", {}),
    "filters": (("{{ a" + "|upcase" * 130 + " }}") * 20, {"a": "x"}),
    "a list made unique": ("{{ l | uniq | size }}", {"l": [[n] for n in range(9000)]}),
    "angles": ("{{ a | strip_html }}" * 5, {"a": "<" * 65_000}),
    "rounding": ("{{ 5 | round: -1000000000 }}{{ 5.5 | round: 1000000000 }}", {}),
    "numbers in texts": ("{{ '1e1000000000' | ceil }}{{ '1e1000000000' | times: 9 }}", {}),
    "forms of times": ("{{ 0 | date: '%999999999d%999999999Y' }}{{ 1e300 | date: '%Y' }}", {}),
    "lines": (many("{{ a }}"), {"a": "\n.\r" * 300}),
    "wide text": ("😀" * (MEBIBYTE - 9) + "{{ a }}", {}),
    "the loop itself": (many("{{ forloop }}{{ forloop | join }}{% assign f = forloop %}", 100), {}),
}

#: Whatever they end in.
ODD = {
    "a range to infinity": ("{% for i in (1..n) %}{% endfor %}", {"n": float("inf")}),
    "a sum of endless numbers": ("{{ l | sum }}", {"l": ["1e1000000000", "-1e1000000000", "nan", "sNaN"]}),
    "a list in lists": ("{{ l }}{{ l | join }}", {"l": reduce(lambda inner, _: [inner], range(5000), [])}),
    "escapes of escapes": ("{{ a | escape | escape | escape | escape }}", {"a": "&" * 60_000}),
}


def act_of(name, transfer):
    source, values = (REFUSED | RENDERED | ODD)[name]
    target = Target(escape=Escape.HTML, transfer=transfer)
    return lambda: rendering._compile(source, "liquid", target).render(values)


@pytest.mark.parametrize("transfer", Transfer)
@pytest.mark.parametrize("name", REFUSED | RENDERED | ODD)
def test_whatever_liquid_asks_for_costs_little(name, transfer):
    seconds, peak = costs.seconds_and_peak(act_of(name, transfer))
    assert seconds < 0.1
    assert peak < 50 * MEBIBYTE


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_liquid_is_refused(name):
    error = costs.refused(act_of(name, Transfer.PLAIN))
    assert isinstance(error, errors.RenderLimit | errors.TemplateSyntaxError)


@pytest.mark.parametrize("name", RENDERED)
def test_odd_liquid_is_rendered(name):
    assert costs.refused(act_of(name, Transfer.PLAIN)) is None


def test_steps_count_to_the_pass():
    def act(times):
        return rendering.compile(
            many("x", times), language="liquid", escape=Escape.NONE, transfer=Transfer.PLAIN
        ).render({})

    # A pass of this loop takes two steps, and the range one for eight items.
    assert len(act(9_000)) == 9_000
    with pytest.raises(errors.RenderLimit):
        act(10_001)


def test_an_honest_large_template_is_rendered():
    source = (
        "<p>é {{ a }}{% for i in l %}{{ i.b | upcase | default: 'x' }}{% endfor %}</p>\n" * 100
        + "x" * 500_000
    )
    shown = rendering.compile(
        source, language="liquid", escape=Escape.HTML, transfer=Transfer.QUOTED_PRINTABLE
    )
    assert shown.render({"a": "A" * 500, "l": [{"b": "b"}] * 10}).count(b"BBBBBBBBBB") == 100
