"""A sending domain's page in a real browser: its records, their states, and copying them."""

import pytest
from django.urls import reverse
from django.utils import timezone

from earwig import dns_records, domains
from earwig.models import Domain
from tests import dns_server
from tests.browser.conftest import WINDOWS, assert_sound, open_menu, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def zone(settings):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        settings.INBOUND_HOST = "mail.earwig.example"
        settings.TRACKING_URL = "https://click.earwig.example"
        yield zone


@pytest.fixture
def half_published(domain, zone):
    """A domain of which some is published, some of that wrongly, and one name is not answered."""
    domains.make_key(domain, algorithm="rsa-sha256", selector="s1", now=timezone.now())
    hosts = {"return_path_host": "bounces.shop.example", "tracking_host": "click.shop.example"}
    Domain.objects.filter(pk=domain.pk).update(**hosts)
    domain.refresh_from_db()
    for record in dns_records.of(domain):
        if record.check != dns_records.DMARC:
            zone.publish_record(record)
    zone.publish("bounces.shop.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    zone.failing.add("_earwig.shop.example")
    return domain


@pytest.mark.parametrize("window", WINDOWS)
def test_the_records_are_looked_up_and_shown_with_their_states(open_window, half_published, window):
    page = open_window(window)
    page.goto(reverse("admin:earwig_domain_change", args=(half_published.pk,)))
    open_menu(page)
    page.get_by_role("link", name="Check now", exact=True).click()
    page.locator("#dialog").get_by_role("button", name="Check now", exact=True).click()
    page.get_by_text("Looked up on").wait_for()
    states = page.locator(".dns-records li").evaluate_all(
        "rows => Object.fromEntries(rows.map(row => [row.id.slice(4), row.dataset.state]))"
    )
    assert states == {
        "dkim:s1": "ok",
        "dmarc": "missing",
        "spf": "wrong",
        "return_path": "ok",
        "tracking": "ok",
        "ownership": "unreachable",
        "mx": "missing",
    }
    picture(page, "domain")
    assert_sound(page)


def test_a_value_is_copied(open_window, half_published):
    page = open_window("desk-light")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(reverse("admin:earwig_domain_change", args=(half_published.pk,)))
    page.locator("[id='dns-dkim:s1']").get_by_role("button").click()
    page.get_by_role("button", name="Copy the value for s1._domainkey.shop.example").get_by_text(
        "Copied"
    ).wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == half_published.dkim_keys.get().public_record
    assert_sound(page)


def test_it_is_copied_too_where_the_browser_has_no_clipboard_for_plain_http(open_window, half_published):
    page = open_window("desk-light")
    page.add_init_script("delete Navigator.prototype.clipboard")
    page.goto(reverse("admin:earwig_domain_change", args=(half_published.pk,)))
    page.evaluate("document.addEventListener('copy', () => window.copied = getSelection().toString())")
    page.locator("#dns-dmarc").get_by_role("button").click()
    page.locator("#dns-dmarc").get_by_text("Copied").wait_for()
    assert page.evaluate("window.copied") == dns_records.DMARC_POLICY
    assert_sound(page)
