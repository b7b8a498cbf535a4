"""Stage-based messaging in the admin, in a real browser at the widths of a desk and of a phone."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from spooling.models import JobRequest, MessageSet, Schedule, ScheduleRun, SendFailure, Subscription
from spooling.stages import runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: Where to leave pictures of the pages, for people to look at; unset: nowhere.
PICTURES = os.environ.get("SCREENSHOTS", "")
WIDTHS = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
#: Of an element's text, as the screen has it.
COLOUR = """selector => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.fillStyle = getComputedStyle(document.querySelector(selector)).color;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture(params=WIDTHS)
def page(request, signed_in):
    """A page of each width; `errors` collects what its scripts throw and what could not be fetched."""
    page = signed_in(viewport=WIDTHS[request.param], reduced_motion="reduce")
    page.width, page.errors = request.param, []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on(
        "response",
        lambda answer: answer.status >= 400 and page.errors.append(f"{answer.status} {answer.url}"),
    )
    return page


@pytest.fixture
def subscription(account):
    now = timezone.now()
    schedule = Schedule.objects.create(account=account, minute="0", hour="8", day_of_week="1,3,5")
    runs.place(schedule, now=now)
    ScheduleRun.objects.create(schedule=schedule, due_at=now - timedelta(days=2), state="done", queued=81234)
    ScheduleRun.objects.create(schedule=schedule, due_at=now - timedelta(days=4), state="missed")
    later = MessageSet.objects.create(account=account, short_name="postnatal", default_schedule=schedule)
    message_set = MessageSet.objects.create(
        account=account,
        short_name="prenatal",
        label="Before the birth",
        default_schedule=schedule,
        next_set=later,
        notes="Reviewed in May.",
    )
    for number in (1, 2, 3, 5, 6, 20):
        for lang in ("eng_ZA", "zul_ZA", "afr_ZA"):
            if (number, lang) not in ((2, "zul_ZA"), (6, "afr_ZA"), (6, "eng_ZA")):
                text = (
                    f"{lang} {number}: {'You are in a new week. Drink enough water and rest well. ' * number}"
                )
                message_set.messages.create(sequence_number=number, lang=lang, text_content=text)
    row = Subscription.objects.create(
        account=account,
        identity="ada@example.net",
        lang="eng_ZA",
        messageset=message_set,
        schedule=schedule,
        created_at=now - timedelta(days=12),
    )
    SendFailure.objects.create(
        account=account, subscription=row, reason="The account's sending limit is reached."
    )
    return row


def picture(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}-{page.width}.png", full_page=True)


def assert_sound(page):
    """Nothing failed, and nothing makes the whole page wider than the window."""
    assert page.errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[page.width]["width"]


def opened(page, model, what, *args):
    page.goto(reverse(f"admin:spooling_{model}_{what}", args=args))


def test_the_grid_shows_gaps_in_red_and_leads_to_a_new_message_and_back(page, subscription):
    opened(page, "messageset", "change", subscription.messageset_id)
    gap = page.get_by_role("link", name="missing: add").first
    assert page.locator("section[aria-label=Messages] th").all_inner_texts()[:4] == [
        "Number",
        "afr_ZA",
        "eng_ZA",
        "zul_ZA",
    ]
    red, green, blue = page.evaluate(COLOUR, "td.bg-red-100 a")
    assert red > 2 * max(green, blue)
    picture(page, "set")
    assert_sound(page)
    gap.click()
    page.locator("textarea[name=text_content]").fill("Here now")
    picture(page, "message")
    page.locator("button[name=_save]").click()
    page.wait_for_url("**/messageset/*/change/")
    assert page.get_by_text("Here now").count() == 1
    assert_sound(page)


def test_a_schedules_page_says_when_it_runs(page, subscription):
    opened(page, "schedule", "change", subscription.schedule_id)
    assert page.get_by_text(" UTC").count() >= 5
    assert page.get_by_text("81,234 queued").is_visible()
    picture(page, "schedule")
    assert_sound(page)
    opened(page, "schedule", "changelist")
    picture(page, "schedules")
    assert_sound(page)


def test_a_subscription_is_sent_after_a_confirmation(page, subscription):
    opened(page, "subscription", "change", subscription.pk)
    assert page.get_by_text("Messages behind").is_visible()
    picture(page, "subscription")
    assert_sound(page)
    if page.width == "phone":
        return
    page.get_by_role("link", name="Send now").click()
    dialog = page.locator("#dialog")
    dialog.get_by_text("whatever the schedule says").wait_for()
    picture(page, "dialog")
    assert not JobRequest.objects.exists()
    dialog.get_by_role("button", name="Send now").click()
    page.wait_for_url("**/jobrequest/*/change/")
    assert JobRequest.objects.get().kind == "send"
    assert_sound(page)


def test_an_account_is_asked_for_before_those_behind_are_looked_for(page, subscription, account):
    opened(page, "behindsubscription", "changelist")
    if page.width == "phone":
        assert_sound(page)
        return
    page.get_by_role("link", name="Find", exact=True).click()
    dialog = page.locator("#dialog")
    dialog.locator("select[name=account]").select_option(str(account.pk))
    picture(page, "find")
    dialog.get_by_role("button", name="Find").click()
    page.wait_for_url("**/jobrequest/*/change/")
    assert JobRequest.objects.get().kind == "find_behind"


def test_a_file_is_rehearsed_in_the_browser(page, account, tmp_path):
    file = tmp_path / "sets.csv"
    file.write_text(
        "short_name,minute,hour,sequence_number,lang,text\nnew,0,8,1,eng,Hello\nnew,,,2,toolong,x\n"
    )
    opened(page, "messageset", "upload")
    page.locator("select[name=account]").select_option(str(account.pk))
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("Line 3").wait_for()
    picture(page, "import")
    assert_sound(page)
    assert not MessageSet.objects.exists()
