"""Links that show where they lead are left alone where they are to be spared."""

import pytest

from templates_app import rendering
from templates_app.rendering import Escape, Transfer

VALUES = {"u": "https://a.example/", "v": "https://b.example/"}


def rendered(source, language="mustache"):
    program = rendering.compile(
        source,
        language=language,
        escape=Escape.HTML,
        transfer=Transfer.PLAIN,
        clicks=True,
        spare_shown=True,
    )
    return program.render(VALUES, lambda kind, target: f"T({target})")


@pytest.mark.parametrize(
    ("address", "label", "spared"),
    [
        ("https://a.example/", "https://a.example/", True),
        ("https://a.example/", " <b>HTTPS://A.example</b> ", True),
        ("https://a.example/?a=1&amp;b=2", "a.example/?a=1&amp;b=2", True),
        ("https://a.example/", "a.example", True),
        ("https://a.example/x", "a.example", False),
        ("https://a.example/", "here", False),
        ("https://a.example/", "", False),
        ("{{u}}", "{{u}}", True),
        ("{{u}}", "{{v}}", False),
        ("https://a.example/{{u}}", "a.example/{{u}}", True),
    ],
)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_label_that_shows_the_address_spares_the_link(address, label, spared, quote):
    source = f"<p><a class=x href={quote}{address}{quote} id='y'>{label}</a></p>"
    assert ("T(" not in rendered(source)) is spared


def test_rendered_html_is_spared_the_same_way():
    source = '<a href="https://a.example/">a.example</a> <a href="https://b.example/">here</a> {{ u }}'
    made = rendered(source, "liquid")
    assert 'href="https://a.example/"' in made and 'href="T(https://b.example/)"' in made
