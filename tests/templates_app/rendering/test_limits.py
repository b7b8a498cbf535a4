"""Hostile templates and variables end in RenderLimit, quickly and in little memory."""

from collections.abc import Mapping, Sequence

import pytest

from templates_app import errors, rendering
from templates_app.rendering import mustache, program, targets
from tests import costs
from tests.costs import MEBIBYTE


class Endless(Sequence):
    def __len__(self):
        return 10**9

    def __getitem__(self, index):
        return "x"


class Walked(Mapping):
    """A mapping whose attributes must never be reached."""

    secret = "leaked"

    def __getitem__(self, key):
        return {"open": "seen"}[key]

    def __iter__(self):
        return iter(["open"])

    def __len__(self):
        return 1


def nested(depth, inside, name="l"):
    return f"{{{{#{name}}}}}" * depth + inside + f"{{{{/{name}}}}}" * depth


HOSTILE_SOURCES = {
    "too long": "x" * (MEBIBYTE + 1),
    "too many tags": "{{a}}" * 100_000,
    "too many comments": "{{!}}" * 200_000,
    "too deep": nested(10_000, "x"),
    "a name too long": "{{" + "a" * 100_000 + "}}",
    "a path too long": "{{" + "a." * 100_000 + "a}}",
}

HOSTILE_RENDERINGS = {
    "nested loops over a long list": (nested(5, "{{a}}"), {"l": list(range(1000))}),
    "nested loops of nothing": (nested(16, ""), {"l": [1] * 1000}),
    "doubling": (nested(16, "{{a}}"), {"l": ["x", "y"], "a": "z"}),
    "a long literal repeated": ("{{#l}}" + "x" * 1000 + "{{/l}}", {"l": list(range(20_000))}),
    "a long value repeated": ("{{#l}}{{a}}{{&a}}{{/l}}", {"l": list(range(5000)), "a": "x" * MEBIBYTE}),
    "specials that grow": ("{{a}}{{a}}", {"a": "'" * MEBIBYTE}),
    "specials that grow among wide characters": ("{{a}}", {"a": '"' * (4 * MEBIBYTE - 99) + "😀"}),
    "wide characters": ("{{&a}}{{&a}}", {"a": "😀" * 4 * MEBIBYTE}),
    "lines": ("{{#l}}{{a}}{{/l}}", {"l": list(range(5000)), "a": "\n.\r" * 20_000}),
    "a list of ten million": ("{{#l}}{{a}}{{/l}}", {"l": [None] * 10_000_000}),
    "an endless sequence": ("{{#l}}{{a}}{{/l}}", {"l": Endless()}),
    "an endless number": ("{{a}}", {"a": 1 << 1_000_000}),
    "slow numbers": ("{{#l}}{{a}}{{a}}{{a}}{{a}}{{/l}}", {"l": list(range(5000)), "a": (1 << 4095) + 1}),
    "inverted nests": ("{{^n}}" * 8 + nested(8, "{{a}}") + "{{/n}}" * 8, {"l": [1] * 100}),
}


def cost_of(act):
    """Seconds of CPU and bytes that `act` takes until it raises RenderLimit."""
    assert isinstance(costs.refused(act), errors.RenderLimit)
    return costs.seconds_and_peak(act)


@pytest.mark.parametrize("transfer", rendering.Transfer)
@pytest.mark.parametrize("name", HOSTILE_SOURCES)
def test_a_hostile_source_is_refused_quickly(name, transfer):
    source = HOSTILE_SOURCES[name]
    seconds, peak = cost_of(
        lambda: rendering.compile(source, escape=rendering.Escape.HTML, transfer=transfer).render({})
    )
    assert seconds < 0.1
    assert peak < 50 * MEBIBYTE


@pytest.mark.parametrize("transfer", rendering.Transfer)
@pytest.mark.parametrize("name", HOSTILE_RENDERINGS)
def test_a_hostile_rendering_is_stopped_quickly(name, transfer):
    source, variables = HOSTILE_RENDERINGS[name]
    compiled = rendering.compile(source, escape=rendering.Escape.HTML, transfer=transfer)
    seconds, peak = cost_of(lambda: compiled.render(variables))
    assert seconds < 0.1
    assert peak < 50 * MEBIBYTE


@pytest.mark.parametrize("transfer", rendering.Transfer)
@pytest.mark.parametrize(
    "source",
    [
        "{{a}}" * 1000,
        "{{a.b.c}}" * 1000,
        "x{{!}}" * 1000,
        "{{#l}}{{/l}}" * 500,
        "{{#l}}a{{x}}{{/l}}" * 333,
        nested(16, "{{a}}" * 968),
        "F" * MEBIBYTE,
        "é" * 400_000,
        "😀" * MEBIBYTE,
        "{{a}}" * 900 + "😀" * 1_000_000,
        ".\n" * 30_000,
        "{{#a}}" + " " * 1_000_000 + "{{/a}}",
    ],
    ids=lambda source: source[:12],
)
def test_the_largest_source_allowed_compiles_and_renders_quickly(source, transfer):
    def act():
        rendering.compile(source, escape=rendering.Escape.HTML, transfer=transfer).render({})
        raise errors.RenderLimit

    seconds, peak = cost_of(act)
    assert seconds < 0.1
    assert peak < 50 * MEBIBYTE


@pytest.mark.parametrize("transfer", rendering.Transfer)
def test_the_output_limit_counts_to_the_character(transfer):
    target = targets.Target(
        escape=rendering.Escape.HTML, transfer=transfer, limits=targets.Limits(output=1000)
    )
    built = program.build(mustache.parse("{{#l}}{{a}}\n{{/l}}", target.limits), target)
    one = len(built.render({"a": "x", "l": [1]}))
    most = 1000 // one
    assert len(built.render({"a": "x", "l": [1] * most})) == one * most
    with pytest.raises(errors.RenderLimit):
        built.render({"a": "x", "l": [1] * (most + 1)})


def test_an_honest_large_template_is_rendered():
    source = "<p>é {{a}} and {{b.c}}</p>\n" * 450 + "x" * 500_000
    compiled = rendering.compile(
        source, escape=rendering.Escape.HTML, transfer=rendering.Transfer.QUOTED_PRINTABLE
    )
    assert compiled.render({"a": "A" * 500, "b": {"c": "C"}}).count(b"C=") == 450


def test_sections_nest_as_deep_as_allowed_with_every_scope_seen():
    variables = {"l": [{"l": [{"l": [{"x": "deep"}]}], "y": "middle"}], "z": "top"}
    source = nested(3, "{{x}} {{y}} {{z}}") + nested(16, "{{z}}", name="z")
    compiled = rendering.compile(source, escape=rendering.Escape.HTML, transfer=rendering.Transfer.PLAIN)
    assert compiled.render(variables) == "deep middle toptop"


@pytest.mark.parametrize(
    "path", ["__class__", "open.__class__", "secret", "keys", "m.secret", "m.items", "l.0", "m.__len__"]
)
def test_only_keys_are_looked_up(path):
    compiled = rendering.compile(
        "[{{%s}}{{#%s}}x{{/%s}}]" % (path, path, path),
        escape=rendering.Escape.NONE,
        transfer=rendering.Transfer.PLAIN,
    )
    assert compiled.render({"m": Walked(), "l": ["x"], "open": "y"}) == "[]"


def test_other_mappings_and_sequences_than_dict_and_list_serve():
    compiled = rendering.compile(
        "{{m.open}}{{#m}}{{open}}{{/m}}{{#t}}{{open}}{{.}}{{/t}}",
        escape=rendering.Escape.NONE,
        transfer=rendering.Transfer.PLAIN,
    )
    assert compiled.render({"m": Walked(), "t": (1, Walked())}) == "seenseen1seen"


@pytest.mark.parametrize("value", [object(), b"bytes", len, {1, 2}])
@pytest.mark.parametrize("source", ["{{x}}", "{{#x}}{{/x}}", "{{^x}}{{/x}}"])
def test_what_json_cannot_express_is_refused(source, value):
    compiled = rendering.compile(source, escape=rendering.Escape.HTML, transfer=rendering.Transfer.PLAIN)
    with pytest.raises(errors.UnsupportedValue):
        compiled.render({"x": value})


@pytest.mark.parametrize("key", ["'", '"', "\\", "it's", "a\nb", "%s", "a\u2028b", "é", "v0", "out"])
def test_keys_and_text_never_become_code(key):
    source = f"{key}{{{{&{key}}}}}{{{{#{key}}}}}{{{{.}}}}{{{{/{key}}}}}"
    compiled = rendering.compile(source, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN)
    assert compiled.render({key: "v"}) == f"{key}vv"
