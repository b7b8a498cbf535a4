"""`/preview/`: a template as a recipient would see it."""

import pytest

from tests.templates_app.api.conftest import WELCOME

VARIABLES = {"name": "Ann & Bob", "items": [{"title": "<i>"}, {"title": "two"}]}


def test_a_preview_shows_each_part_rendered_and_the_names_that_it_uses(api):
    template = api.add(**{"from": {"email": "shop@example.org", "name": "{{name}}'s shop"}})
    shown = api("post", f"templates/{template}/preview", {"variables": VARIABLES}).json()
    assert shown == {
        "version": 1,
        "from": {"email": "shop@example.org", "name": "Ann & Bob's shop"},
        "subject": "Hello Ann & Bob",
        "html": "<p>Hello Ann &amp; Bob, <b>&lt;i&gt;</b><b>two</b></p>",
        "text": "Hello Ann & Bob",
        "variables": ["items", "name", "title"],
    }


def test_a_preview_is_json_whatever_the_template_holds(api):
    template = api.add(html="<script>alert(1)</script>")
    answer = api("post", f"templates/{template}/preview/", {}, Accept="text/html")
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["html"] == "<script>alert(1)</script>"


def test_an_earlier_version_is_previewed(api):
    template = api.add()
    api("patch", f"templates/{template}/", {"text": "Bye"})
    assert api("post", f"templates/{template}/preview/", {"version": 1}).json()["text"] == "Hello "
    assert api("post", f"templates/{template}/preview/", {"version": 2}).json()["text"] == "Bye"
    problems = api.problems("post", f"templates/{template}/preview/", {"version": 3})
    assert problems == {("version", "unknown_version")}


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"variables": []}, {("variables", "not_a_dict")}),
        ({"version": 0}, {("version", "min_value")}),
        ({"version": "x"}, {("version", "invalid")}),
        ({"version": 10**30}, {("version", "unknown_version")}),
        ({"wariables": {}}, {("wariables", "unknown_field")}),
    ],
)
def test_a_wrong_preview_is_refused_by_field(api, body, problems):
    assert api.problems("post", f"templates/{api.add()}/preview/", body) == problems


def test_a_subject_of_many_lines_is_shown_on_one(api):
    template = api.add()
    shown = api("post", f"templates/{template}/preview/", {"variables": {"name": "a\r\nb"}}).json()
    assert shown["subject"] == "Hello a b" and shown["text"] == "Hello a\r\nb"


def test_a_preview_that_grows_without_end_is_refused_in_time(api):
    template = api.add(html="{{#a}}{{#b}}{{#c}}x{{/c}}{{/b}}{{/a}}", text="x")
    many = {"variables": dict.fromkeys("abc", [1] * 500)}
    problems = api.problems("post", f"templates/{template}/preview/", many)
    assert problems == {("html", "render_limit")}


def test_a_stranger_previews_nothing(api, stranger):
    assert stranger("post", f"templates/{api.add()}/preview/", {}).status_code == 404
    assert WELCOME["name"] not in stranger("get", "templates/").content.decode()


def test_a_preview_inlines_styles_and_makes_text_of_what_was_rendered(api):
    template = api.add(html="<style>p { color: red }</style><p>Hello {{name}}</p>")
    body = {"variables": {"name": "{{Ann}}"}, "inline_css": True, "text_from_html": True}
    shown = api("post", f"templates/{template}/preview/", body).json()
    assert '<p style="color: red;">Hello {{Ann}}</p>' in shown["html"]
    assert shown["text"].strip() == "Hello {{Ann}}"
    assert "style=" not in api("get", f"templates/{template}/").json()["html"]


def test_a_null_character_that_a_filter_makes_stays_out_of_lines(api):
    template = api.add(language="liquid", subject='{{ "a%00b" | url_decode }}', html="", text="x")
    assert api("post", f"templates/{template}/preview/", {}).json()["subject"] == "a b"
