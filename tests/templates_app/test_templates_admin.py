"""What staff see of templates and may do to them."""

import json
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from earwig import domains
from earwig.models import AuditEntry
from spooling.models import MessageSet, Schedule, StageMessage
from templates_app import templates
from templates_app.admin.forms import TemplateForm
from templates_app.models import Template, TemplateVersion

TEXTS = {
    "from_email": "shop@example.org",
    "from_name": "Shop",
    "subject": "Hello {{name}}",
    "html": "<p>Hello {{name}}</p><script>1</script>",
    "text": "Hello {{name}}\n",
}


@pytest.fixture
def template(account):
    draft = templates.Draft(name="welcome", texts=TEXTS)
    template = templates.add(account.pk, draft=draft, now=timezone.now())
    templates.save(template, changes={"text": "Bye {{name}}\n"}, now=timezone.now())
    return template


def page_of(name, *args):
    return reverse(f"admin:templates_app_{name}", args=args)


def form(account, **fields):
    inlines = {f"versions-{part}_FORMS": "0" for part in ("TOTAL", "INITIAL")}
    return {
        "account": account.pk,
        "domain": "",
        "name": "news",
        "language": "mustache",
        **TEXTS,
        **inlines,
        **fields,
    }


def test_a_template_is_added_with_its_first_version(staff, account):
    answer = staff.post(page_of("template_add"), form(account))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    version = TemplateVersion.objects.select_related("template").get()
    assert (version.template.account, version.template.name, version.number) == (account, "news", 1)
    assert templates.texts_of(version) == TEXTS
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.account) == ("add", f"template {version.template.pk}", account)


WRONG = [
    ({"html": "a\n{{#b}}"}, "html"),
    ({"subject": "{{/b}}"}, "subject"),
    ({"from_email": "nobody"}, "from_email"),
    ({"html": "", "text": ""}, "text"),
    ({"name": ""}, "name"),
    ({"language": "jinja"}, "language"),
    ({"html": "<p {{a}}>", "inline_css": "on"}, "html"),
]


@pytest.mark.parametrize(("fields", "field"), WRONG)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored(staff, account, fields, field):
    answer = staff.post(page_of("template_add"), form(account, **fields))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {field}
    assert not Template.objects.exists() and not AuditEntry.objects.exists()


def test_a_domain_of_another_account_and_a_name_that_is_taken_are_refused(
    staff, account, other_account, template
):
    theirs = domains.add(other_account, name="rival.example", now=timezone.now())
    answer = staff.post(page_of("template_add"), form(account, domain=theirs.pk))
    assert answer.context["adminform"].form.errors.keys() == {"domain"}
    answer = staff.post(page_of("template_add"), form(account, name="welcome"))
    assert answer.context["adminform"].form.errors
    assert staff.post(page_of("template_add"), form(other_account, name="welcome")).status_code == 302


def test_a_change_makes_a_version_and_a_save_without_one_makes_none(staff, account, template):
    page = page_of("template_change", template.pk)
    shown = staff.get(page).content.decode()
    assert "Bye {{name}}" in shown and "Version 1" in shown and "Version 2" in shown
    inlines = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}
    same = {"domain": "", "name": "welcome", **TEXTS, "text": "Bye {{name}}\r\n", **inlines}
    assert staff.post(page, same).status_code == 302
    assert template.versions.count() == 2
    other = {**same, "name": "renamed", "html": "<p>{{other}}</p>", "language": "plain", "account": 0}
    assert staff.post(page, other).status_code == 302
    template.refresh_from_db()
    assert (template.name, template.language, template.account) == ("renamed", "mustache", account)
    assert templates.current(template).number == 3
    assert staff.post(page, {**same, "html": "{{#"}).status_code == 200
    assert "Bye" not in repr(list(LogEntry.objects.values_list("object_repr", "change_message")))


def test_versions_are_only_read(staff, template):
    version = template.versions.get(number=1)
    page = page_of("templateversion_change", version.pk)
    shown = staff.get(page).content.decode()
    assert "&lt;script&gt;1" in shown and "<script>1" not in shown
    assert staff.post(page, {"html": "x"}).status_code == 403
    assert staff.get(page_of("templateversion_add")).status_code == 403
    assert staff.post(page_of("templateversion_delete", version.pk), {"post": "yes"}).status_code == 403


def test_a_version_shows_what_it_changed(staff, template):
    second = template.versions.get(number=2)
    shown = staff.get(page_of("templateversion_change", second.pk)).content.decode()
    assert "- Hello {{name}}" in shown and "+ Bye {{name}}" in shown
    first = template.versions.get(number=1)
    assert "It is the first." in staff.get(page_of("templateversion_change", first.pk)).content.decode()


def test_a_version_is_restored_by_a_confirmed_post_only(staff, template):
    move = page_of("templateversion_restore", template.versions.get(number=1).pk)
    assert staff.get(move).status_code == 200
    assert template.versions.count() == 2
    answer = staff.post(move, {"_form_submitted": "True"})
    assert answer["HX-Redirect"] == page_of("template_change", template.pk)
    assert templates.texts_of(templates.current(template)) == TEXTS
    assert AuditEntry.objects.get().action == "template.restore"


def test_versions_are_compared(staff, template):
    page = page_of("template_compare", template.pk)
    shown = staff.get(page).content.decode()
    assert "- Hello {{name}}" in shown and "+ Bye {{name}}" in shown
    assert "They say the same." in staff.get(page, {"old": "1", "new": "1"}).content.decode()
    assert "- Bye {{name}}" in staff.get(page, {"old": "2", "new": "1"}).content.decode()
    assert staff.get(page, {"old": "7", "new": "x"}).status_code == 200


def test_a_preview_shows_sample_variables_and_its_html_only_in_a_sandbox(staff, template):
    page = page_of("template_preview", template.pk)
    opened = staff.get(page).content.decode()
    assert "&quot;name&quot;: &quot;name&quot;" in opened and "<iframe" not in opened
    query = {"number": "2", "variables": '{"name": "<b>Ann"}'}
    shown = staff.get(page, query).content.decode()
    assert "Hello &lt;b&gt;Ann" in shown and "<script>1" not in shown
    frame = re.search(r'<iframe src="([^"]+)" sandbox ', shown)[1].replace("&amp;", "&")
    html = staff.get(frame)
    assert html.content.decode() == "<p>Hello &lt;b&gt;Ann</p><script>1</script>"
    assert html["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    "variables",
    ["", "{", "[]", "1", '{"a": "' + "x" * 4000 + '"}', "[" * 3999, r'{"a": "\ud800"}', r'{"a": "\u0000"}'],
)
def test_wrong_sample_variables_stand_at_their_field(staff, template, variables):
    answer = staff.get(page_of("template_preview", template.pk), {"number": "1", "variables": variables})
    assert answer.status_code == 200 and answer.context["form"].errors.keys() == {"variables"}
    frame = staff.get(page_of("template_frame", template.pk), {"number": "1", "variables": variables})
    assert frame.status_code == 404


def test_a_preview_that_grows_without_end_is_told_above_the_form(staff, template):
    templates.save(template, changes={"html": "{{#a}}{{#b}}{{#c}}x{{/c}}{{/b}}{{/a}}"}, now=timezone.now())
    many = json.dumps(dict.fromkeys("abc", [1] * 400))
    answer = staff.get(page_of("template_preview", template.pk), {"number": "3", "variables": many})
    assert answer.context["form"].non_field_errors() and answer.context["shown"] is None


def test_a_template_that_a_message_uses_is_not_deleted(staff, account, template):
    schedule = Schedule.objects.create(account=account)
    message_set = MessageSet.objects.create(account=account, short_name="set", default_schedule=schedule)
    message = StageMessage.objects.create(
        messageset=message_set, sequence_number=1, lang="eng", template=template
    )
    page = page_of("template_delete", template.pk)
    staff.post(page, {"post": "yes"})
    assert Template.objects.exists()
    message.delete()
    assert staff.post(page, {"post": "yes"}).status_code == 302
    assert not Template.objects.exists() and not TemplateVersion.objects.exists()


def test_staff_who_may_only_look_change_nothing(clerk, account, template):
    assert clerk.get(page_of("template_change", template.pk)).status_code == 200
    assert clerk.get(page_of("template_preview", template.pk)).status_code == 200
    assert clerk.post(page_of("template_change", template.pk), form(account)).status_code == 403
    assert clerk.post(page_of("template_add"), form(account)).status_code == 403
    restore = page_of("templateversion_restore", template.versions.first().pk)
    assert clerk.post(restore, {"_form_submitted": "True"}).status_code == 403
    assert template.versions.count() == 2


def test_staff_without_rights_see_nothing(client, template):
    client.force_login(get_user_model().objects.create_user("new@example.org", password="x", is_staff=True))
    for name in ("change", "preview", "compare", "frame"):
        query = {"number": "1", "variables": "{}"}
        assert client.get(page_of(f"template_{name}", template.pk), query).status_code in (302, 403, 404)


def test_the_list_asks_the_database_the_same_number_of_times_whatever_its_length(staff, account, template):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            assert staff.get(page_of("template_changelist")).status_code == 200
        return len(seen)

    queries()
    few = queries()
    for number in range(20):
        draft = templates.Draft(name=f"t{number}", texts=TEXTS)
        templates.add(account.pk, draft=draft, now=timezone.now())
    assert queries() == few


def test_a_name_that_is_taken_while_the_form_is_read_is_told(staff, account, template, monkeypatch):
    other = templates.add(account.pk, draft=templates.Draft(name="other", texts=TEXTS), now=timezone.now())
    monkeypatch.setattr(TemplateForm, "_is_taken", lambda form, cleaned: False)
    page = page_of("template_change", other.pk)
    answer = staff.post(page, form(account, name="welcome", text="Lost"), follow=True)
    assert "There is a template of this name already." in answer.content.decode()
    assert other.versions.count() == 1 and not AuditEntry.objects.exists()
