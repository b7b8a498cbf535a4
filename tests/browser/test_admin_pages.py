"""Suppressions and sending domains in a real browser."""

import csv

import pytest
from django.urls import reverse
from django.utils import timezone

from earwig import domains
from earwig.models.domains import Algorithm
from spooling import jobs, suppressions
from spooling.models import Suppression
from tests.browser.conftest import WINDOWS, assert_sound, open_menu, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("window", WINDOWS)
def test_suppressions_are_imported_and_exported(open_window, account, tmp_path, window):
    page = open_window(window)
    page.goto(reverse("admin:spooling_suppression_changelist"))
    open_menu(page)
    page.get_by_role("link", name="Import", exact=True).click()
    file = tmp_path / "gone.txt"
    file.write_text("ada@x.example\nbob@y.example\n")
    page.locator("select[name=account]").select_option(str(account.pk))
    page.locator("input[type=file]").set_input_files(file)
    picture(page, "suppressions-import")
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("The file is stored").wait_for()
    jobs.run_due(now=timezone.now())
    page.reload()
    picture(page, "suppressions-job")
    assert Suppression.objects.count() == 2

    page.goto(reverse("admin:spooling_suppression_changelist"))
    picture(page, "suppressions")
    assert page.get_by_text("ada@x.example").count() == 1
    assert_sound(page)
    open_menu(page)
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="Export", exact=True).wait_for()
    picture(page, "suppressions-export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename == "suppressions.csv"
    with open(download.value.path()) as exported:
        assert {row["address"] for row in csv.DictReader(exported)} == {"ada@x.example", "bob@y.example"}


@pytest.mark.parametrize("window", ["desk-light", "phone-dark"])
def test_a_suppression_is_found_by_its_address_and_deleted(open_window, account, window):
    for address in ("ada@x.example", "bob@y.example"):
        scope = suppressions.Scope(account_id=account.pk)
        suppressions.suppress(scope, address, reason="manual", source="test", now=timezone.now())
    page = open_window(window)
    page.goto(reverse("admin:spooling_suppression_changelist"))
    page.locator("input[name=q]").fill("ada@x.example")
    page.locator("input[name=q]").press("Enter")
    page.wait_for_url("**?q=*")
    assert page.get_by_text("bob@y.example").count() == 0
    row = Suppression.objects.get(address="ada@x.example")
    page.goto(reverse("admin:spooling_suppression_delete", args=(row.pk,)))
    picture(page, "suppression-delete")
    page.get_by_role("button", name="Yes, I’m sure").click()
    page.get_by_text("was deleted successfully").wait_for()
    assert list(Suppression.objects.values_list("address", flat=True)) == ["bob@y.example"]
    assert_sound(page)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_sending_domain_tells_what_to_publish(open_window, domain, window):
    domains.make_key(domain, algorithm=Algorithm.RSA, selector="e2026", now=timezone.now())
    page = open_window(window)
    page.goto(reverse("admin:earwig_domain_change", args=(domain.pk,)))
    assert page.get_by_text("_domainkey").count() >= 1
    picture(page, "domain")
    assert_sound(page)
