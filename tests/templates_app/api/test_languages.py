"""Every language over the API: saved, previewed, sent; what is hostile is refused in time."""

import pytest

from spooling.delivery import letters
from spooling.models import Mail
from tests import costs

SOURCES = {
    "mustache": ("Hi {{name}}{{#items}}, {{title}}{{/items}}", ["items", "name", "title"], "Hi A&B, Tea"),
    "liquid": (
        "Hi {{ name }}{% for item in items %}, {{ item.title }}{% endfor %}",
        ["items", "name"],
        "Hi A&B, Tea",
    ),
    "smarty": (
        "Hi {$name}{foreach $i in $items}, {$i.title|ucfirst}{/foreach}",
        ["items", "name"],
        "Hi A&B, Tea",
    ),
    "braces": ("Hi {{name}}, { {{}} ", ["name"], "Hi A&B, { {{}} "),
    "plain": ("Hi {{name}} {% if", [], "Hi {{name}} {% if"),
}
VARIABLES = {"name": "A&B", "items": [{"title": "Tea"}]}


@pytest.mark.parametrize("language", SOURCES)
def test_a_template_of_each_language_is_saved_previewed_and_sent(api, language):
    source, names, shown = SOURCES[language]
    template = api.add(language=language, subject=source, text=source, html=f"<p>{source}</p>")
    assert api("get", f"templates/{template}/").json()["variables"] == names
    preview = api("post", f"templates/{template}/preview/", {"variables": VARIABLES}).json()
    assert (preview["text"], preview["subject"]) == (shown, shown)
    sent = api(
        "post", "mails/", {"template": template, "to": "ann@example.com", "variables": VARIABLES}
    ).json()
    assert shown.rstrip().encode() in letters.shown(Mail.objects.get()).replace(b"=\r\n", b"").replace(
        b"=20", b" "
    )
    assert api("get", f"mails/{sent['mails'][0]['id']}/").json()["subject"].strip() == shown.strip()


HOSTILE = [
    ("liquid", "{% for a in (1..1000000000) %}x{% endfor %}", {}),
    (
        "liquid",
        "{% assign a = 'x' %}{% for i in (1..64) %}{% assign a = a | append: a %}{% endfor %}{{ a }}",
        {},
    ),
    (
        "liquid",
        "{% for a in l %}{% for b in l %}{% for c in l %}x{% endfor %}{% endfor %}{% endfor %}",
        {"l": [1] * 999},
    ),
    ("smarty", "{assign 'xx' to $s}{foreach $i in $l}{assign $s|cat:$s to $s}{/foreach}", {"l": [1] * 99}),
    ("smarty", "{$t|regex_replace:'(?:.*a.{40}.*b.{40}c)|a|b':'x'}", {"t": "ab" * 9999}),
    ("mustache", "{{#l}}{{#l}}{{#l}}x{{/l}}{{/l}}{{/l}}", {"l": [1] * 999}),
    ("mustache", "{{t}}" * 900, {"t": "x" * 100_000}),
    ("braces", "{{t}}" * 900, {"t": "x" * 100_000}),
]


@pytest.mark.parametrize(("language", "source", "variables"), HOSTILE)
def test_what_grows_without_end_is_refused_in_time(api, language, source, variables):
    template = api.add(language=language, text=source, html="", subject="")

    def act():
        problems = api.problems("post", f"templates/{template}/preview/", {"variables": variables})
        assert problems == {("text", "render_limit")}

    assert costs.seconds(act, enough=0.5) < 1


@pytest.mark.parametrize(
    ("language", "source"),
    [("liquid", "{% if %}"), ("liquid", "{% include 'x' %}"), ("mustache", "{{> x}}"), ("smarty", "{if}")],
)
def test_what_a_language_does_not_know_is_refused_when_it_is_saved(api, language, source):
    body = {"name": "x", "language": language, "text": f"a\n{source}"}
    answer = api("post", "templates/", body)
    [problem] = answer.json()["errors"]
    assert (answer.status_code, problem["field"], problem["code"]) == (400, "text", "template_syntax")
    assert "Line 2" in problem["message"]
