"""Saves at the same moment: numbered one after the other, each seeing what the others changed."""

import pytest
from django.utils import timezone

from templates_app import errors, templates
from templates_app.models import Template, TemplateVersion
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
WRITERS = 8


@pytest.fixture
def template(account):
    return templates.add(account.pk, draft=templates.Draft(name="a", texts={"text": "0"}), now=NOW)


def test_saves_at_the_same_moment_get_a_number_each(template):
    saved = together(
        WRITERS, lambda number: templates.save(template, changes={"text": f"by {number}"}, now=NOW)
    )
    assert sorted(version.number for version in saved) == list(range(2, WRITERS + 2))
    assert TemplateVersion.objects.count() == WRITERS + 1


def test_saves_of_different_texts_at_the_same_moment_lose_nothing_of_each_other(template):
    fields = ("subject", "html", "from_name", "text")
    together(
        WRITERS,
        lambda number: templates.save(template, changes={fields[number % 4]: f"by {number % 4}"}, now=NOW),
    )
    latest = templates.texts_of(templates.current(template))
    assert [latest[field] for field in fields] == ["by 0", "by 1", "by 2", "by 3"]
    assert templates.current(template).number == 5


def test_removing_and_saving_at_the_same_moment_leave_nothing_half_done(template):
    def act(number):
        try:
            if number % 2:
                templates.remove(template)
            else:
                templates.save(template, changes={"text": f"by {number}"}, now=NOW)
        except Template.DoesNotExist as gone:
            return gone

    answers = together(WRITERS, act)
    assert sum(answer is None for answer in answers) >= 1
    assert Template.objects.count() == TemplateVersion.objects.count() == 0


def test_of_templates_added_with_one_name_at_the_same_moment_one_is_stored(account):
    draft = templates.Draft(name="same", texts={"text": "x"})

    def add(_):
        try:
            return templates.add(account.pk, draft=draft, now=NOW)
        except errors.TemplateExists as error:
            return error

    answers = together(WRITERS, add)
    assert sum(isinstance(answer, errors.TemplateExists) for answer in answers) == WRITERS - 1
    assert Template.objects.count() == TemplateVersion.objects.count() == 1
