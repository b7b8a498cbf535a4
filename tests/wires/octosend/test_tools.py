import pytest

from templates_app import markup
from tests.wires.octosend.clients import refused

PATH = "tools/html-to-text"


def test_scenario_25_html_becomes_text(caller):
    assert caller.post(PATH, {"html": "<p>Hé</p>"}).json() == "Hé"


def test_a_tool_needs_a_key(keyless):
    assert refused(keyless.post(PATH, {"html": "<p>Hé</p>"})) == (403, "forbidden")


@pytest.mark.parametrize("body", [{}, {"html": None}])
def test_html_must_be_there(caller, body):
    assert refused(caller.post(PATH, body)) == (400, "missing-field")


def test_no_html_is_no_text(caller):
    assert caller.post(PATH, {"html": ""}).json() == ""


def test_html_beyond_the_bounds_is_refused(caller):
    answer = caller.post(PATH, {"html": "x" * (markup.LONGEST + 1)})
    assert refused(answer) == (400, "invalid-field")
