"""Rendering one mail's HTML against Django's templates: 1.7 KB, six variables, a loop of five items with two more.
`braces` has no loops, so both sides have it unrolled.
"""

import statistics
import time
from collections.abc import Callable

import django
from django.conf import settings
from django.template import Context, Engine

from templates_app import rendering
from templates_app.rendering import Escape, Transfer
from tests.benchmarks import letters
from tests.benchmarks.bench import Options
from tests.benchmarks.report import Figure

SIZE = 1700
TIMES = 2_000
_FILLING = (
    "<p>Whatever is missing from it will be sent to you at once, and nothing of it charged to you.</p>\n"
)
_END = "</body></html>\n"


def measure(options: Options) -> list[Figure]:
    """How many times as fast as Django's templates each language is, in rounds that alternate."""
    settings.configure(USE_I18N=False)
    django.setup()
    looped = padded(letters.HTML)
    flat = unrolled(looped)
    # Braces and Smarty insert values as they are.
    flat_for_django = unescaped(flat)
    loop_for_django = unescaped(letters.django_template(looped))
    values = letters.variables(7)
    return [
        against_django(
            "rendering_mustache", "mustache", (looped, letters.django_template(looped)), values, options
        ),
        against_django("rendering_braces", "braces", (flat, flat_for_django), flattened(values), options),
        against_django("rendering_smarty", "smarty", (smarty(looped), loop_for_django), values, options),
    ]


def against_django(
    name: str, language: str, sources: tuple[str, str], values: dict[str, object], options: Options
) -> Figure:
    """The same text by both, and the ratio of their times. Raises AssertionError where the texts differ."""
    ours = rendering.compile(sources[0], language=language, escape=Escape.HTML, transfer=Transfer.PLAIN)
    encoded = rendering.compile(
        sources[0], language=language, escape=Escape.HTML, transfer=Transfer.QUOTED_PRINTABLE
    )
    theirs = Engine().from_string(sources[1])
    assert "".join(ours.render(values).split()) == "".join(theirs.render(Context(values)).split())
    times = [
        (
            microseconds(lambda: theirs.render(Context(values))),
            microseconds(lambda: ours.render(values)),
            microseconds(lambda: encoded.render(values)),
        )
        for _ in range(2 * options.rounds + 1)
    ]
    ratios = [django_time / our_time for django_time, our_time, _ in times]
    medians = map(statistics.median, zip(*times, strict=True))
    raw = dict(zip(("django µs", "ours µs", "ours, quoted-printable µs"), medians, strict=True))
    return Figure(name, statistics.median(ratios), raw, ratios)


def padded(source: str) -> str:
    """`source`, an HTML document, with paragraphs to the measured size."""
    missing = (SIZE - len(source)) // len(_FILLING) + 1
    return source.replace(_END, missing * _FILLING + _END)


def unescaped(source: str) -> str:
    """A template of Django's that inserts values as they are."""
    return "{% autoescape off %}" + source + "{% endautoescape %}"


def smarty(source: str) -> str:
    """`source` in Smarty."""
    loop = source.replace("{{#items}}\n", "{foreach $item in $items}").replace("{{/items}}", "{/foreach}")
    shown = loop.replace("{{label}}", "{$item.label}").replace("{{price}}", "{$item.price}")
    return shown.replace("{{", "{$").replace("}}", "}")


def unrolled(source: str) -> str:
    """`source` with five numbered copies of its loop's body."""
    head, rest = source.split("{{#items}}\n")
    body, tail = rest.split("{{/items}}\n")
    copies = [
        body.replace("{{label}}", f"{{{{label{n}}}}}").replace("{{price}}", f"{{{{price{n}}}}}")
        for n in range(5)
    ]
    return head + "".join(copies) + tail


def flattened(values: dict[str, object]) -> dict[str, object]:
    """The variables that `unrolled` names."""
    flat = {name: value for name, value in values.items() if name != "items"}
    for number, item in enumerate(values["items"]):
        flat |= {f"{name}{number}": value for name, value in item.items()}
    return flat


def microseconds(render: Callable[[], object]) -> float:
    """CPU time of one rendering."""
    start = time.process_time()
    for _ in range(TIMES):
        render()
    return (time.process_time() - start) / TIMES * 1e6
