"""One mail's page in a real browser."""

import pytest
from django.urls import reverse
from django.utils import timezone

from spooling import suppressions
from spooling.models import IncomingMail, Mail
from spooling.models.mails import MailState
from spooling.outbox import drafts, intake
from stats import events
from stats.models import EventKind
from tests.browser.conftest import WINDOWS, assert_sound, open_menu, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HTML = """<h1 id="h">Your order</h1><p>Thank you, {{name}}.</p>
<script>document.getElementById("h").innerText = "owned"</script>"""
TOLD = (
    (
        EventKind.TEMPFAIL,
        {"code": 451, "reply": "4.7.1 Greylisted, try again in 300 seconds", "stage": "rcpt"},
    ),
    (EventKind.DELIVERED, {"code": 250, "reply": "2.0.0 Ok: queued as 4XyZ19", "stage": "data"}),
    (EventKind.OPEN, {"who": "proxy", "ip": "192.0.2.7", "useragent": "GoogleImageProxy"}),
    (EventKind.CLICK, {"who": "human", "ip": "192.0.2.8", "url": "https://shop.example/" + "long/" * 30}),
    (EventKind.BOUNCE, {"status": "5.1.1", "class": "unknown_user"}),
)


@pytest.fixture
def mail(account):
    content = drafts.NewContent(
        from_email="shop@shop.example", subject="Your order", html=HTML, text="Thanks"
    )
    new = drafts.NewMail("ada@x.example", "Ada", {"name": "Ada"})
    submission = drafts.NewSubmission(
        account_id=account.pk,
        wire="native",
        client_reference="order 7",
        tags=("shop",),
        metadata={"order": 7},
    )
    [accepted] = intake.accept(
        submission, [drafts.NewSend(content=content, mails=(new,))], now=timezone.now()
    )
    return Mail.objects.get(pk=accepted.id)


@pytest.fixture
def delivered(account, mail):
    for kind, detail in TOLD:
        happening = events.Happening(
            account_id=account.pk,
            domain_id=None,
            spooler_id=mail.spooler_id,
            mail_id=mail.pk,
            destination="x.example",
            provider=mail.provider,
            router="smarthost" if "code" in detail else "",
            lane=mail.lane,
            kind=kind,
            at=timezone.now(),
            detail=detail,
        )
        events.record([happening])
    IncomingMail.objects.create(
        account=account, mail_id=mail.pk, kind="bounce", digest="d", raw=b"Subject: x\n\n"
    )
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, mail.email, reason="hard_bounce", source="bounce", now=timezone.now())
    Mail.objects.filter(pk=mail.pk).update(state=MailState.DELIVERED, ended_at=timezone.now(), tries=2)
    return mail


@pytest.mark.parametrize("window", WINDOWS)
def test_a_mails_page_tells_its_whole_story(open_window, delivered, window):
    page = open_window(window)
    page.goto(reverse("admin:spooling_mail_change", args=(delivered.pk,)))
    for told in ("Try 1: deferred", "Try 2: delivered", "by a proxy", "by a person", "Came in: bounce"):
        assert page.get_by_text(told).first.is_visible()
    assert page.get_by_text("the address is suppressed").is_visible()
    picture(page, "mail")
    frame = page.frame_locator("iframe")
    frame.get_by_text("Thank you, Ada.").wait_for()
    assert frame.locator("h1").inner_text() == "Your order"
    picture(page, "mail-html")
    page.locator("nav a").get_by_text("Files and source").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Raw mail").click()
    assert download.value.suggested_filename == f"mail-{delivered.pk}.eml"
    assert_sound(page)


@pytest.mark.parametrize("window", ["desk-dark", "phone-light"])
def test_a_waiting_mail_is_found_by_its_id_and_cancelled(open_window, mail, window):
    page = open_window(window)
    page.goto(reverse("admin:spooling_mail_changelist"))
    page.locator("input[name=q]").fill(str(mail.public_id))
    page.locator("input[name=q]").press("Enter")
    page.wait_for_url("**?q=*")
    picture(page, "mails")
    assert page.get_by_text("ada@x.example").count() == 1
    page.goto(reverse("admin:spooling_mail_change", args=(mail.pk,)))
    open_menu(page)
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.locator("#dialog").get_by_role("button", name="Cancel the mail", exact=True).click()
    page.get_by_text("Cancelled on").wait_for()
    picture(page, "mail-cancelled")
    assert Mail.objects.get().state == MailState.CANCELLED
    assert_sound(page)
