"""What the editor of templates asks while somebody types."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from templates_app import templates
from templates_app.models import Language, Template, TemplateVersion

DRAFT = {
    "language": "mustache",
    "from_email": "shop@example.org",
    "from_name": "The {{shop}}",
    "subject": "Hello {{name}}",
    "html": "<p>Hello {{name}}</p><script>1</script>",
    "text": "Hello {{name}}\r\nBye",
    "sample_variables": '{"name": "<b>Ann", "shop": "Shop"}',
}
URL = "/admin/templates_app/template/draft/"


def ask(client, **changes):
    answer = client.post(URL, DRAFT | changes)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/json"
    return json.loads(answer.content)


def test_a_draft_is_shown_as_it_would_be_sent_and_nothing_is_stored(staff):
    told = ask(staff)
    assert (told["flaws"], told["missing"]) == ([], [])
    shown = told["shown"]
    assert (shown["from_email"], shown["from_name"]) == ("shop@example.org", "The Shop")
    assert (shown["subject"], shown["text"]) == ("Hello <b>Ann", "Hello <b>Ann\nBye")
    assert shown["html"].endswith("<p>Hello &lt;b&gt;Ann</p><script>1</script>")
    assert not Template.objects.exists()


def test_the_html_stands_behind_a_policy_that_fetches_nothing(staff):
    shown = ask(staff)["shown"]["html"]
    assert shown.startswith('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; ')
    assert "img-src data:;" in shown and "https:" not in shown
    shown = ask(staff, html=" <!doctype html><p>x")["shown"]["html"]
    assert shown.startswith("<!DOCTYPE html><meta http-equiv")
    assert ask(staff, html="")["shown"]["html"] == ""


def test_variables_without_a_sample_are_named(staff):
    told = ask(staff, sample_variables="", text="{{#items}}{{price}}{{/items}}")
    assert {"name", "shop", "items"} <= set(told["missing"])
    assert told["shown"]["subject"] == "Hello "
    many = "".join(f"{{{{v{number}}}}}" for number in range(100))
    assert len(ask(staff, text=many)["missing"]) == 20


#: Of plain text and of braces, nothing is wrong.
BROKEN = {"mustache": "a\nb\n{{#c}}", "smarty": "a\nb\n{if $c}", "liquid": "a\nb\n{% bogus %}"}


def test_every_language_that_can_be_wrong_is_tried():
    assert set(BROKEN) == set(Language.values) - {"plain", "braces"}


@pytest.mark.parametrize(("language", "source"), BROKEN.items())
@pytest.mark.parametrize("field", ["html", "text"])
def test_what_is_wrong_is_told_with_its_field_and_line(staff, language, source, field):
    plain = {"from_name": "", "subject": "x", "html": "y", "text": "z"}
    told = ask(staff, language=language, **{**plain, field: source.replace("\n", "\r\n")})
    assert told["shown"] is None
    (flaw,) = told["flaws"]
    assert (flaw["field"], flaw["line"]) == (field, 3), flaw


WRONG = [
    ({"from_email": "nobody"}, "from_email"),
    ({"subject": "a\nb"}, "subject"),
    ({"subject": "x" * 2001}, "subject"),
    ({"sample_variables": "{"}, "sample_variables"),
    ({"sample_variables": "[]"}, "sample_variables"),
    ({"sample_variables": r'{"a": "\ud800"}'}, "sample_variables"),
    ({"sample_variables": "[" * 3000}, "sample_variables"),
    ({"sample_variables": '{"a": "' + "x" * 4000 + '"}'}, "sample_variables"),
    ({"language": "jinja"}, "language"),
    ({"language": ""}, "language"),
    ({"html": "a\0b"}, "html"),
    ({"html": "<p {{a}}>", "inline_css": "on"}, "html"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_whatever_is_wrong_is_told_at_its_field(staff, changes, field):
    told = ask(staff, **changes)
    assert told["shown"] is None and {flaw["field"] for flaw in told["flaws"]} == {field}


def test_what_grows_without_end_is_refused(staff):
    many = json.dumps(dict.fromkeys("abc", [1] * 400))
    told = ask(staff, html="{{#a}}{{#b}}{{#c}}x{{/c}}{{/b}}{{/a}}", sample_variables=many)
    assert told["shown"] is None and told["flaws"][0]["field"] == "html"


def test_what_a_save_would_convert_is_shown_converted(staff):
    html = "<style>p { color: red }</style><p>Hello {{name}}</p>"
    shown = ask(staff, html=html, text="", inline_css="on", text_from_html="on")["shown"]
    assert '<p style="color: red' in shown["html"]
    assert shown["text"].strip() == "Hello <b>Ann"


def test_other_verbs_and_empty_and_odd_bodies_are_answered(staff):
    assert staff.get(URL).status_code == staff.put(URL).status_code == 405
    for body, type_ in ((b"", "application/json"), (b"\xff\xfe{", "text/plain"), (b"language=%ff", None)):
        answer = staff.post(URL, body, content_type=type_ or "application/x-www-form-urlencoded")
        assert answer.status_code == 200 and answer.json()["shown"] is None


def test_only_who_may_write_templates_may_try_drafts(client, clerk):
    assert clerk.post(URL, DRAFT).status_code == 404
    client.logout()
    assert client.post(URL, DRAFT)["Location"].startswith("/admin/login/")
    client.force_login(get_user_model().objects.create_user("user@example.org", password="x"))
    assert client.post(URL, DRAFT).status_code == 302


def test_the_session_s_token_is_asked_for(staff):
    staff.handler.enforce_csrf_checks = True
    assert staff.post(URL, DRAFT).status_code == 403


def page_of(template):
    return reverse("admin:templates_app_template_change", args=(template.pk,))


@pytest.fixture
def template(account):
    texts = {"subject": "Hello {{name}}", "html": "<p>{{offer}}</p>", "text": "x"}
    return templates.add(account.pk, draft=templates.Draft(name="t", texts=texts), now=timezone.now())


def test_the_page_has_the_editor_with_a_sample_of_each_variable(staff, template):
    page = staff.get(page_of(template))
    assert "data-editor-href=" in page.content.decode() and URL in page.content.decode()
    assert json.loads(page.context["samples"]) == {"name": "name", "offer": "offer"}
    assert URL in staff.get(reverse("admin:templates_app_template_add")).content.decode()


def test_a_template_that_an_erasure_broke_can_still_be_opened(staff, template):
    TemplateVersion.objects.update(html="{{#")
    assert staff.get(page_of(template)).context["samples"] == "{}"
    preview = reverse("admin:templates_app_template_preview", args=(template.pk,))
    assert staff.get(preview).status_code == 200


def test_who_may_only_look_has_no_editor(clerk, template):
    page = clerk.get(page_of(template))
    assert page.status_code == 200 and URL not in page.content.decode()


def test_a_template_that_is_not_there_has_no_page(staff):
    for path in ("4711", "x", "99999999999999999999"):
        assert staff.get(f"/admin/templates_app/template/{path}/change/").status_code == 302


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(staff, template):
    form = {"domain": "", "name": "t", "subject": "Hi", "html": "<p>mine</p>", "text": "x", "seen": "1"}
    form |= {f"versions-{part}_FORMS": "0" for part in ("TOTAL", "INITIAL")}
    assert 'name="seen" value="1"' in staff.get(page_of(template)).content.decode()
    templates.save(template, changes={"html": "<p>theirs</p>"}, now=timezone.now())
    answer = staff.post(page_of(template), form | {"sample_variables": '{"kept": 1}'})
    assert "Somebody saved another version meanwhile" in answer.content.decode()
    assert "{&quot;kept&quot;: 1}" in answer.content.decode()
    assert templates.current(template).html == "<p>theirs</p>"
    assert staff.post(page_of(template), form | {"seen": "2"}).status_code == 302
    assert templates.current(template).html == "<p>mine</p>"


def test_the_list_of_versions_leads_to_what_each_changed(staff, template):
    templates.save(template, changes={"html": "<p>new</p>"}, now=timezone.now())
    page = staff.get(page_of(template)).content.decode()
    compare = reverse("admin:templates_app_template_compare", args=(template.pk,))
    assert f"{compare}?old=1&amp;new=2" in page and "old=0" not in page
