"""A key may be set to answer ids: by its page in the admin, by the command; the setting outlives a rotation."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from earwig import api_keys, errors
from earwig.models import ApiKey
from earwig.models.api_keys import Scope

IDS = {"smtpeter": {"send_answer": "ids"}}


def issued(acme, **restrictions):
    return api_keys.issue(acme, name="x", scopes=Scope.values, now=timezone.now(), **restrictions)


def settings_of(secret):
    return api_keys.authenticate(secret, ip="", now=timezone.now()).wire_settings


def test_the_command_sets_it(acme):
    for arguments, settings in (((), {}), (("--send-answer", "ids"), IDS), (("--send-answer", "one"), {})):
        printed = StringIO()
        call_command("issue_key", "acme", *arguments, stdout=printed)
        assert settings_of(printed.getvalue().strip()) == settings


def test_the_page_that_issues_a_key_sets_it(staff, acme):
    wanted = {"account": acme.pk, "scopes": ["send"], "wire_settings": "ids"}
    page = staff.post(reverse("admin:earwig_apikey_add"), wanted).content.decode()
    assert settings_of(re.search(r"\b[0-9a-f]{40}\b", page)[0]) == IDS
    staff.post(reverse("admin:earwig_apikey_add"), wanted | {"wire_settings": "all"})
    assert ApiKey.objects.count() == 1


def test_the_page_of_a_key_shows_and_changes_it(staff, acme):
    key = issued(acme)
    page = reverse("admin:earwig_apikey_change", args=[key.key.pk])
    fields = {"name": "x", "scopes": ["send"], "wire_settings": "ids"}
    assert settings_of(key.secret) == {}
    assert staff.post(page, fields).status_code == 302
    assert settings_of(key.secret) == IDS
    assert re.search(r'<option value="ids"\s+selected', staff.get(page).content.decode())
    assert staff.post(page, fields | {"wire_settings": "one"}).status_code == 302
    assert settings_of(key.secret) == {}


def test_a_rotated_key_answers_as_before(acme):
    key = issued(acme, wire_settings=IDS)
    successor = api_keys.rotate(key.key, overlap=timedelta(0), now=timezone.now())
    assert settings_of(successor.secret) == IDS


@pytest.mark.parametrize("settings", [{"octosend": {}}, {"smtpeter": {"send_answer": "two"}}])
def test_what_no_wire_knows_is_refused(acme, settings):
    with pytest.raises(errors.InvalidKey):
        issued(acme, wire_settings=settings)
