"""Whatever stands in a field, the answer is a document and never an internal error."""

import pytest

from tests.templates_app.api.conftest import WELCOME

VALUES = [
    None,
    True,
    0,
    -1,
    10**40,
    1e308,
    "",
    " ",
    "x" * 5000,
    "\u202e\ufeff\u2028",
    "{{{",
    "😀@😀.example",
    [],
    [[]],
    ["a"],
    {},
    {"a": {"b": []}},
    {"email": None},
    {"email": "a@b.example", "name": {}},
]
FIELDS = {
    "": ("name", "language", "domain", "from", "subject", "html", "text", "inline_css", "text_from_html"),
    "preview/": ("variables", "version", "inline_css", "text_from_html"),
    "test/": ("to", "from", "variables", "version"),
}


CASES = [(part, field) for part, fields in FIELDS.items() for field in fields]


@pytest.mark.parametrize(("part", "field"), CASES)
def test_any_value_is_answered(api, part, field):
    template = api.add(name="first")
    for value in VALUES:
        if part:
            body = {"to": "ann@example.com"} if part == "test/" else {}
            calls = [("post", f"{template}/{part}", {**body, field: value})]
        else:
            calls = [("post", "", {**WELCOME, field: value}), ("patch", f"{template}/", {field: value})]
        for verb, path, body in calls:
            answer = api(verb, f"templates/{path}", body)
            assert answer.status_code in (200, 201, 400, 409), (value, answer.content)
            assert answer.status_code < 400 or answer.json()["errors"]


@pytest.mark.parametrize("field", ["template", "template_version"])
def test_any_value_beside_a_template_of_a_mail_is_answered(api, field):
    template = api.add()
    for value in VALUES:
        body = {"template": template, "to": "ann@example.com", field: value}
        assert api("post", "mails/", body).status_code in (201, 400), value
