"""Incoming mail and reports on DMARC in the admin: read only, whatever they say."""

import pytest
from django.urls import reverse
from django.utils import timezone

from spooling.models import DmarcReport, IncomingMail
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST, return_path

pytestmark = pytest.mark.django_db

HTML = "<script>alert(1)</script><b>Hello</b>"


@pytest.fixture
def incoming(sent, arrive):
    raw = messages.written("ann@x.example", "x@x.example", subject="<b>Hi</b>", text="Text <i>\n", html=HTML)
    return arrive(raw, return_path(sent()), sender="ann@x.example")


def page(client, name, *args):
    return client.get(reverse(f"admin:spooling_{name}", args=args))


def test_the_list_and_the_page_show_a_mail_escaped(staff, incoming):
    listed = page(staff, "incomingmail_changelist").content.decode()
    assert "Reply" in listed
    shown = page(staff, "incomingmail_change", incoming.pk).content.decode()
    assert (
        "&lt;b&gt;Hi&lt;/b&gt;" in shown and "alert(1)" not in shown and f"Mail {incoming.mail_id}" in shown
    )


def test_the_html_is_in_a_sandbox(staff, incoming):
    answer = page(staff, "incomingmail_html", incoming.pk)
    assert "sandbox" in answer["Content-Security-Policy"] and b"Hello" in answer.content


def test_nothing_can_be_added_changed_or_deleted(staff, incoming):
    for path in ("add/", f"{incoming.pk}/delete/"):
        assert staff.get(reverse("admin:spooling_incomingmail_changelist") + path).status_code == 403
    assert (
        staff.post(reverse("admin:spooling_incomingmail_change", args=(incoming.pk,)), {}).status_code == 403
    )


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\0", b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 20_000]
)
def test_pages_of_any_mail_answer(staff, incoming, raw):
    IncomingMail.objects.update(raw=raw)
    for name in ("change", "html", "source"):
        assert page(staff, f"incomingmail_{name}", incoming.pk).status_code == 200


def test_strangers_see_nothing(client, incoming):
    assert page(client, "incomingmail_changelist").status_code == 302
    assert page(client, "incomingmail_source", incoming.pk).status_code == 302


def test_a_report_is_shown_escaped(staff, account):
    now = timezone.now()
    report = DmarcReport.objects.create(
        account=account, domain="shop.example", organisation="<i>receiver</i>", report_id="1", begins_at=now,
        ends_at=now, messages=7, xml="<feedback><script>",
    )  # fmt: skip
    assert "shop.example" in page(staff, "dmarcreport_changelist").content.decode()
    shown = page(staff, "dmarcreport_change", report.pk).content.decode()
    assert "&lt;feedback&gt;&lt;script&gt;" in shown and "<i>receiver" not in shown
    assert HOST not in shown
