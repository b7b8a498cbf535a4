"""The verbs of templates: versions never change, and none is lost or numbered twice."""

from datetime import timedelta

import pytest
from django.db.models import ProtectedError
from django.utils import timezone

from earwig import domains, mailboxes
from spooling.models import MessageSet, Schedule, StageMessage
from templates_app import errors, previews, templates, wordings
from templates_app.models import Language, Template, TemplateVersion

NOW = timezone.now()
LATER = NOW + timedelta(hours=1)


def draft(**changes):
    texts = {name: changes.pop(name) for name in wordings.FIELDS if name in changes}
    return templates.Draft(**{"name": "welcome", "texts": {"text": "Hello {{name}}", **texts}, **changes})


def add(account, **changes):
    return templates.add(account.pk, draft=draft(**changes), now=NOW)


def flaws(call, *args, **options):
    with pytest.raises(errors.TemplateRefused) as refused:
        call(*args, **options, now=NOW)
    return {(flaw.field, flaw.code) for flaw in refused.value.flaws}


def test_a_version_has_a_column_for_each_text_and_room_for_it():
    columns = {field.name: field for field in TemplateVersion._meta.get_fields()}
    assert set(wordings.FIELDS) <= columns.keys()
    assert columns["from_email"].max_length >= mailboxes.MAX_EMAIL
    assert Template._meta.get_field("name").max_length == templates.MAX_NAME


def test_a_template_begins_with_version_1(account):
    template = add(account, subject="Hi")
    version = templates.current(template)
    assert (version.number, version.subject, version.text, version.html) == (1, "Hi", "Hello {{name}}", "")
    assert (template.created_at, template.updated_at, version.created_at) == (NOW, NOW, NOW)


def test_what_changes_makes_the_next_version_and_earlier_ones_stay(account):
    template = add(account)
    second = templates.save(template, changes={"text": "Bye"}, now=LATER)
    third = templates.save(template, changes={"subject": "Hi"}, now=LATER)
    assert (second.number, third.number, third.text) == (2, 3, "Bye")
    assert templates.current(template) == third
    assert list(template.versions.order_by("number").values_list("text", flat=True)) == [
        "Hello {{name}}",
        "Bye",
        "Bye",
    ]
    template.refresh_from_db()
    assert template.updated_at == LATER


def test_what_does_not_change_makes_none(account):
    template = add(account)
    assert templates.save(template, changes={"text": "Hello {{name}}"}, now=LATER).number == 1
    assert templates.save(template, changes={}, now=LATER).number == 1
    template.refresh_from_db()
    assert template.updated_at == NOW


def test_an_earlier_version_is_said_again(account):
    template = add(account)
    templates.save(template, changes={"text": "Bye", "html": "<p>Bye"}, now=NOW)
    restored = templates.restore(template.versions.get(number=1), now=LATER)
    assert (restored.number, restored.text, restored.html) == (3, "Hello {{name}}", "")
    assert templates.restore(restored, now=LATER).number == 3


def test_all_flaws_are_told_at_once(account):
    wrong = draft(name="", language="jinja", subject="a\nb", from_email="x", text="")
    found = flaws(templates.add, account.pk, draft=wrong)
    assert {("name", "invalid"), ("language", "invalid"), ("from_email", "invalid_address")} <= found
    assert {("subject", "header_injection"), ("text", "required")} <= found
    assert flaws(templates.save, add(account), changes={"text": "", "subject": "{{#a}}"}) == {
        ("text", "required"),
        ("subject", "template_syntax"),
    }
    assert not TemplateVersion.objects.filter(number=2).exists()


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a\0b", "x" * 201])
def test_a_name_is_a_printable_line(account, name):
    assert flaws(templates.add, account.pk, draft=draft(name=name)) == {("name", "invalid")}
    assert flaws(templates.rename, add(account), name=name, domain=None) == {("name", "invalid")}


@pytest.mark.parametrize("language", Language.values)
def test_every_language_is_saved_and_shown(account, language):
    template = add(account, language=language, text="Hello", html="<p>Hello</p>")
    texts = templates.texts_of(templates.current(template))
    assert previews.rendered(texts, language, {"name": "Ann"})["text"] == "Hello"
    assert previews.names(texts, language) == []


def test_names_are_unique_in_a_domain_of_an_account(account, other_account):
    domain = domains.add(account, name="example.org", now=NOW)
    add(account)
    add(other_account)
    add(account, domain=domain)
    for wrong in (draft(), draft(domain=domain)):
        with pytest.raises(errors.TemplateExists):
            templates.add(account.pk, draft=wrong, now=NOW)
    other = add(account, name="other")
    with pytest.raises(errors.TemplateExists):
        templates.rename(other, name="welcome", domain=None, now=NOW)
    templates.rename(other, name="third", domain=domain, now=LATER)
    other.refresh_from_db()
    assert (other.name, other.domain, other.updated_at) == ("third", domain, LATER)


def test_a_domain_of_another_account_is_unknown(account, other_account):
    theirs = domains.add(other_account, name="rival.example", now=NOW)
    unknown = {("domain", "unknown_domain")}
    assert flaws(templates.add, account.pk, draft=draft(domain=theirs)) == unknown
    assert flaws(templates.rename, add(account), name="welcome", domain=theirs) == unknown


def test_what_a_message_uses_is_not_removed(account):
    template = add(account)
    schedule = Schedule.objects.create(account=account)
    message_set = MessageSet.objects.create(account=account, short_name="set", default_schedule=schedule)
    message = StageMessage.objects.create(
        messageset=message_set, sequence_number=1, lang="eng", template=template
    )
    with pytest.raises(errors.TemplateInUse):
        templates.remove(template)
    with pytest.raises(ProtectedError):
        template.delete()
    message.delete()
    templates.remove(template)
    assert not TemplateVersion.objects.exists()


def test_a_template_that_was_removed_meanwhile_is_neither_saved_nor_renamed(account):
    template = add(account)
    Template.objects.all().delete()
    with pytest.raises(Template.DoesNotExist):
        templates.save(template, changes={"text": "Bye"}, now=NOW)
    with pytest.raises(Template.DoesNotExist):
        templates.rename(template, name="other", domain=None, now=NOW)
    assert not Template.objects.exists()


def test_the_current_versions_of_many_cost_one_query(account, django_assert_num_queries):
    many = [add(account, name=f"t{number}") for number in range(5)]
    for template in many[:2]:
        templates.save(template, changes={"text": "Bye"}, now=NOW)
    with django_assert_num_queries(1):
        latest = templates.latest(many, bodies=False)
    assert [latest[template.pk].number for template in many] == [2, 2, 1, 1, 1]
    assert latest[many[0].pk].text == "Bye"


def test_an_editors_source_is_kept_until_another_comes(account):
    template = add(account, source={"mseditor": {"children": []}})
    assert templates.save(template, changes={"text": "Bye"}, now=LATER).source == {
        "mseditor": {"children": []}
    }
    second = templates.save(template, changes={}, source={"mseditor": {"children": [1]}}, now=LATER)
    assert (second.number, second.text, second.source) == (3, "Bye", {"mseditor": {"children": [1]}})
    assert templates.save(template, changes={}, source=second.source, now=LATER) == second
    assert templates.restore(template.versions.get(number=1), now=LATER).source == {
        "mseditor": {"children": []}
    }


def test_only_an_editors_source_may_have_nothing_to_show(account):
    template = add(account, text="", source={"mseditor": {}})
    assert templates.current(template).text == ""
    assert flaws(templates.save, template, changes={}, source={}) == {("text", "required")}
    assert flaws(templates.add, account.pk, draft=draft(name="other", text="")) == {("text", "required")}
