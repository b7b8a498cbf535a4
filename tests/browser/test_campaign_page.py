"""A campaign's page in a real browser, while a real drain delivers its mail to the trap."""

import time

import pytest
from django.urls import reverse
from django.utils import timezone

from spooling import jobs, spoolers, suppressions
from spooling.models import Spooler, TrappedMail
from spooling.outbox import intake
from tests.browser.conftest import WINDOWS, assert_sound, draining, open_menu, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HTML = """<!DOCTYPE html>
<html><body style="margin:0;background:#f4f1ea;font-family:Georgia,serif">
<table role="presentation" width="100%"><tr><td align="center"><table role="presentation" width="600"
 style="width:100%;max-width:600px;background:#fff"><tr><td style="padding:32px">
<h1 id="greeting" style="color:#2f5d3a">Hello {{name}}</h1>
<p>Everything is green. <a href="https://shop.example/spring">See what is new</a>.</p>
<img src="https://pictures.example/tulips.png" alt="Tulips" width="536">
<script>document.title = "owned"; document.getElementById("greeting").innerText = "owned"</script>
</td></tr></table></td></tr></table></body></html>"""
PICTURE = {
    "content_type": "image/svg+xml",
    "body": '<svg xmlns="http://www.w3.org/2000/svg" width="536" height="180"><rect width="536" height="180" '
    'fill="#d9737f"/></svg>',
}
CONTENT = intake.NewContent(
    from_email="news@shop.example",
    from_name="The shop",
    subject="Spring is here, {{name}}",
    html=HTML,
    text="Hello {{name}}\n\nEverything is green: https://shop.example/spring\n",
)


PROVIDERS = ("gmail.com", "yahoo.com", "x.example")


def figure(page, name):
    return int(page.locator("[data-figure=%s]" % name).first.inner_text().replace(",", ""))


def wait_until(true, seconds=20):
    over_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < over_at
        time.sleep(0.1)


def press(page, button, confirm):
    open_menu(page)
    page.get_by_role("link", name=button, exact=True).click()
    page.locator("#dialog").get_by_role("button", name=confirm, exact=True).click()


@pytest.mark.parametrize("window", WINDOWS)
def test_a_campaign_is_launched_watched_paused_and_resumed(open_window, make_campaign, trap_router, window):
    trap_router.mails_per_minute = 600
    trap_router.save()
    emails = [f"reader{number}@{PROVIDERS[number % 3]}" for number in range(120)]
    campaign = make_campaign(CONTENT, emails)
    page = open_window(window)
    page.goto(reverse("admin:spooling_spooler_change", args=(campaign.pk,)))
    picture(page, "campaign-filled")
    press(page, "Launch", "Launch")
    page.get_by_text("Sending", exact=True).wait_for()
    with draining("bulk"):
        page.wait_for_function(
            "() => Number(document.querySelector('[data-figure=delivered]')?.innerText) > 5", timeout=20000
        )
        picture(page, "campaign-sending")
        press(page, "Pause", "Pause")
        page.get_by_text("Paused: nothing leaves").wait_for()
    picture(page, "campaign-paused")
    assert 5 < figure(page, "delivered") < 120
    assert page.get_by_text("Paused on request of staff@example.org").is_visible()
    trap_router.mails_per_minute = None
    trap_router.save()
    press(page, "Resume", "Resume")
    with draining("bulk"):
        page.wait_for_function(
            "() => document.querySelector('[data-figure=delivered]')?.innerText == '120'", timeout=20000
        )
    picture(page, "campaign-done")
    assert page.get_by_text("It adds up").is_visible()
    assert_sound(page)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_preview_at_both_widths_runs_no_script_and_fetches_nothing(open_window, make_campaign, window):
    campaign = make_campaign(CONTENT, ["ada@x.example"])
    page = open_window(window)
    fetched = []
    page.route("https://pictures.example/**", lambda route: (fetched.append(1), route.fulfill(**PICTURE)))
    page.goto(reverse("admin:spooling_spooler_preview", args=(campaign.pk,)))
    page.locator("input[name=address]").fill("ada@x.example")
    page.locator("textarea[name=variables]").fill('{"name": "Ada Lovelace"}')
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/preview/?mail=*")
    assert "x.example" not in page.url
    for name, width in (("phone", 375), ("desktop", 700)):
        frame = page.frame(name=name)
        frame.locator("h1").wait_for()
        assert frame.locator("h1").inner_text() == "Hello Ada Lovelace"
        assert page.locator(f"iframe[name={name}]").bounding_box()["width"] == width
        assert frame.title() != "owned"
    assert page.locator("pre").inner_text().startswith("Hello Ada Lovelace")
    assert page.get_by_text("Spring is here, Ada Lovelace").count() == 1
    picture(page, "preview")
    assert not fetched
    assert_sound(page)
    page.get_by_role("link", name="Load them").click()
    page.get_by_text("Remote images are loaded").wait_for()
    wait_until(lambda: page.wait_for_timeout(50) or fetched)
    picture(page, "preview-images")


@pytest.mark.parametrize("window", ["desk-light", "phone-dark"])
def test_a_test_mail_lands_in_the_trap_and_in_no_figure(open_window, make_campaign, trap_router, window):
    campaign = make_campaign(CONTENT, ["ada@x.example"])
    page = open_window(window)
    page.goto(reverse("admin:spooling_spooler_change", args=(campaign.pk,)))
    open_menu(page)
    page.get_by_role("link", name="Test send", exact=True).click()
    page.locator("textarea[name=addresses]").fill("boss@shop.example\ncolleague@shop.example")
    page.locator("textarea[name=variables]").fill('{"name": "Boss"}')
    picture(page, "test-send")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Tests stand in no figure").wait_for()
    picture(page, "test-sent")
    with draining("transactional"):
        wait_until(lambda: TrappedMail.objects.count() == 2)
    assert set(TrappedMail.objects.values_list("envelope_recipient", "subject")) == {
        ("boss@shop.example", "Spring is here, Boss"),
        ("colleague@shop.example", "Spring is here, Boss"),
    }
    page.reload()
    assert (figure(page, "delivered"), figure(page, "spooled")) == (0, 1)
    assert_sound(page)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_look_ahead_and_the_reasons_of_one_address(
    open_window, make_campaign, account, trap_router, window
):
    campaign = make_campaign(CONTENT, [f"reader{number}@x.example" for number in range(30)])
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "reader7@x.example", reason="complaint", source="test", now=timezone.now())
    page = open_window(window)
    page.goto(reverse("admin:spooling_spooler_change", args=(campaign.pk,)))
    open_menu(page)
    page.locator("li a", has_text="chevron_right").filter(has_text="More").click()
    page.get_by_role("link", name="Look ahead").click()
    page.locator("#dialog").get_by_role("button", name="Look ahead").click()
    page.wait_for_url("**?look=*")
    jobs.run_due(now=timezone.now())
    page.get_by_text("Looked at 30 mails").wait_for()
    assert page.get_by_text("Suppressed: complaint").is_visible()
    picture(page, "look-ahead")
    assert_sound(page)
    open_menu(page)
    page.get_by_role("link", name="Why not?").click()
    page.locator("input[name=address]").fill("reader7@x.example")
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("Its address is suppressed").first.wait_for()
    assert "x.example" not in page.url
    picture(page, "why")
    assert_sound(page)


def test_a_cancelled_campaign_stops_asking(open_window, make_campaign):
    campaign = make_campaign(CONTENT, ["ada@x.example"])
    page = open_window("desk-light")
    asked = []
    page.on("request", lambda request: "/progress/" in request.url and asked.append(request.url))
    page.goto(reverse("admin:spooling_spooler_change", args=(campaign.pk,)))
    wait_until(lambda: page.wait_for_timeout(50) or asked)
    spoolers.cancel(campaign, now=timezone.now())
    Spooler.objects.update(swept_at=timezone.now())
    page.get_by_text("Cancelled on").first.wait_for()
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.wait_for_timeout(3000)
    assert not asked
    picture(page, "campaign-cancelled")
