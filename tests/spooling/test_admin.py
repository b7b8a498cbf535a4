"""What staff may do to mails, spoolers, routers and suppressions, and what the admin's history must not hold."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from earwig import sealing
from earwig.models import AuditEntry
from spooling import suppressions
from spooling.models import JobRequest, Mail, Router, Spooler, Suppression
from spooling.models.mails import MailState
from spooling.outbox import drafts, intake

ADDRESS = "ada@example.net"


@pytest.fixture
def mail(account):
    content = drafts.NewContent(from_email="shop@example.org", subject="Hello", text="Hello")
    send = drafts.NewSend(content=content, mails=(drafts.NewMail(email=ADDRESS),), domain_id=None)
    submission = drafts.NewSubmission(account_id=account.pk, wire="native")
    [accepted] = intake.accept(submission, [send], now=timezone.now())
    return Mail.objects.get(pk=accepted.id)


def act(client, action, *mails):
    page = reverse("admin:spooling_mail_changelist")
    return client.post(page, {"action": action, "_selected_action": [mail.pk for mail in mails]}, follow=True)


def logged():
    """Everything that the histories hold, as text."""
    entries = LogEntry.objects.values_list("object_repr", "change_message")
    audits = AuditEntry.objects.values_list("subject", "action", "detail")
    return repr([*entries, *audits])


LISTS = (
    "mail",
    "spooler",
    "router",
    "suppression",
    "claim",
    "jobrequest",
    "shape",
    "connectionslot",
    "trappedmail",
    "warmup",
)


@pytest.mark.parametrize("model", LISTS)
def test_every_list_answers(staff, mail, model):
    Router.objects.create(name="smarthost", host="mx.example.org")
    assert staff.get(reverse(f"admin:spooling_{model}_changelist")).status_code == 200


def test_a_mail_is_found_by_its_address_and_shown(staff, mail):
    page = staff.get(reverse("admin:spooling_mail_changelist"), {"q": ADDRESS}).content.decode()
    assert ADDRESS in page
    page = staff.get(reverse("admin:spooling_mail_changelist"), {"q": "joe@example.net"}).content.decode()
    assert ADDRESS not in page
    page = staff.get(reverse("admin:spooling_mail_change", args=(mail.pk,))).content.decode()
    assert ADDRESS in page and "shop@example.org" in page


def test_mails_cannot_be_edited_added_or_deleted(staff, mail):
    page = reverse("admin:spooling_mail_change", args=(mail.pk,))
    assert staff.post(page, {"state": "delivered"}).status_code == 403
    assert staff.get(reverse("admin:spooling_mail_add")).status_code == 403
    assert (
        staff.post(reverse("admin:spooling_mail_delete", args=(mail.pk,)), {"post": "yes"}).status_code == 403
    )
    mail.refresh_from_db()
    assert mail.state == MailState.WAITING


def test_cancel_and_retry_move_what_can_be_moved(staff, mail):
    assert "1 mails cancelled, 0 had left" in act(staff, "cancel", mail).content.decode()
    assert "0 mails cancelled, 1 had left" in act(staff, "cancel", mail).content.decode()
    mail.refresh_from_db()
    assert mail.state == MailState.CANCELLED
    assert "0 of 1 mails wait again" in act(staff, "retry", mail).content.decode()
    Mail.objects.filter(pk=mail.pk).update(state=MailState.QUARANTINED)
    assert "1 of 1 mails wait again" in act(staff, "retry", mail).content.decode()
    mail.refresh_from_db()
    assert mail.state == MailState.WAITING
    assert "mail.cancel" in logged() and "mail.retry" in logged()
    assert ADDRESS not in logged()


def test_staff_who_may_only_look_cannot_act(clerk, mail):
    assert clerk.get(reverse("admin:spooling_mail_change", args=(mail.pk,))).status_code == 200
    act(clerk, "cancel", mail)
    move = reverse("admin:spooling_spooler_pause", args=(mail.spooler_id,))
    assert clerk.post(move, {"_form_submitted": "True"}).status_code == 403
    retry = reverse("admin:spooling_spooler_retry", args=(mail.spooler_id,))
    assert clerk.post(retry, {"_form_submitted": "True"}).status_code == 403
    assert not JobRequest.objects.exists()
    mail.refresh_from_db()
    assert mail.state == MailState.WAITING


@pytest.fixture
def campaign(account):
    return Spooler.objects.create(account=account, name="Spring", state="ready")


MOVES = [("pause", "paused"), ("finish", "finished"), ("cancel", "cancelled")]


@pytest.mark.parametrize(("verb", "state"), MOVES)
def test_a_spooler_moves_by_a_confirmed_post_only(staff, campaign, verb, state):
    move = reverse(f"admin:spooling_spooler_{verb}", args=(campaign.pk,))
    assert staff.get(move).status_code == 200
    campaign.refresh_from_db()
    assert campaign.state == "ready"
    answer = staff.post(move, {"_form_submitted": "True"})
    assert answer["HX-Redirect"] == reverse("admin:spooling_spooler_change", args=(campaign.pk,))
    campaign.refresh_from_db()
    assert campaign.state == state
    assert AuditEntry.objects.get().action == f"spooler.{verb}"


def test_a_whole_spooler_is_retried_by_a_confirmed_post_only(staff, campaign):
    move = reverse("admin:spooling_spooler_retry", args=(campaign.pk,))
    assert staff.get(move).status_code == 200
    assert not JobRequest.objects.exists()
    answer = staff.post(move, {"_form_submitted": "True"})
    job = JobRequest.objects.get()
    page = reverse("admin:spooling_jobrequest_change", args=(job.pk,))
    assert answer["HX-Redirect"] == page
    assert job.public_id.hex in staff.get(page).content.decode().replace("-", "")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("spooler.retry", f"spooler {campaign.pk}")


def test_a_cancelled_spooler_is_not_retried(staff, campaign):
    Spooler.objects.update(state="cancelled")
    staff.post(reverse("admin:spooling_spooler_retry", args=(campaign.pk,)), {"_form_submitted": "True"})
    page = staff.get(reverse("admin:spooling_spooler_change", args=(campaign.pk,))).content.decode()
    assert "does not allow this" in page
    assert not JobRequest.objects.exists() and not AuditEntry.objects.exists()


def test_a_refused_move_is_told(staff, campaign):
    for verb in ("cancel", "resume"):
        staff.post(
            reverse(f"admin:spooling_spooler_{verb}", args=(campaign.pk,)), {"_form_submitted": "True"}
        )
    page = staff.get(reverse("admin:spooling_spooler_change", args=(campaign.pk,))).content.decode()
    assert "does not allow this" in page
    campaign.refresh_from_db()
    assert campaign.state == "cancelled"


def test_a_spoolers_page_shows_its_ledger(staff, mail):
    page = staff.get(reverse("admin:spooling_spooler_change", args=(mail.spooler_id,))).content.decode()
    assert "spooled" in page and "in doubt" in page


ROUTER = {
    "name": "smarthost",
    "kind": "smtp",
    "host": "mx.example.org",
    "port": "587",
    "tls": "starttls",
    "username": "earwig",
    "max_connections": "5",
    "mails_per_connection": "100",
    "routes-TOTAL_FORMS": "0",
    "routes-INITIAL_FORMS": "0",
    "limits-TOTAL_FORMS": "0",
    "limits-INITIAL_FORMS": "0",
}


def test_a_routers_password_is_sealed_kept_and_never_shown(staff):
    staff.post(reverse("admin:spooling_router_add"), ROUTER | {"password": "swordfish "})
    router = Router.objects.get(name="smarthost")
    assert "swordfish" not in router.password_sealed
    assert sealing.unseal(router.password_sealed) == "swordfish "
    page = reverse("admin:spooling_router_change", args=(router.pk,))
    assert "swordfish" not in staff.get(page).content.decode()
    assert router.password_sealed not in staff.get(page).content.decode()
    staff.post(page, ROUTER | {"port": "25"})
    router.refresh_from_db()
    assert (router.port, sealing.unseal(router.password_sealed)) == (25, "swordfish ")
    staff.post(page, ROUTER | {"forget_password": "on"})
    router.refresh_from_db()
    assert router.password_sealed == ""
    assert "swordfish" not in logged()
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "add",
        "change",
        "change",
    ]


def test_an_address_is_suppressed_found_by_its_hash_and_released(staff, account):
    form = {
        "account": account.pk,
        "address": "Ada@Example.NET",
        "reason": "manual",
        "domain": "",
        "stream": "",
    }
    staff.post(reverse("admin:spooling_suppression_add"), form)
    row = Suppression.objects.get()
    assert (row.source, row.address_hash) == ("admin", sealing.address_hash(ADDRESS))
    Suppression.objects.update(address="")
    found = staff.get(reverse("admin:spooling_suppression_changelist"), {"q": ADDRESS}).content.decode()
    assert reverse("admin:spooling_suppression_change", args=(row.pk,)) in found
    recipient = Mail(account=account, email=ADDRESS, lane="bulk")
    assert suppressions.reasons([recipient], now=timezone.now()) == ["manual"]
    staff.post(reverse("admin:spooling_suppression_delete", args=(row.pk,)), {"post": "yes"})
    assert not Suppression.objects.exists()
    assert "example" not in logged().lower()
    acts = AuditEntry.objects.order_by("id").values_list("action", "subject", "account")
    assert list(acts) == [(act, f"suppression {row.pk}", account.pk) for act in ("add", "delete")]


@pytest.mark.parametrize("address", ["", "   ", "ada", "ada@", "ada@example..net"])
def test_what_is_no_address_is_refused_beside_its_field(staff, account, address):
    form = {"account": account.pk, "address": address, "reason": "manual", "domain": "", "stream": ""}
    answer = staff.post(reverse("admin:spooling_suppression_add"), form)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"address"}
    assert not Suppression.objects.exists() and not AuditEntry.objects.exists()


def test_a_mails_page_shows_what_was_sent_made_again(staff, spool):
    content = intake.NewContent(
        from_email="a@x.example", html="<p>Dear {{name}}</p><script>1</script>", text="Dear"
    )
    mail = spool("ann@x.example", content=content)[0]

    page = staff.get(reverse("admin:spooling_mail_change", args=(mail.id,)))
    html = staff.get(reverse("admin:spooling_mail_html", args=(mail.id,)))
    source = staff.get(reverse("admin:spooling_mail_source", args=(mail.id,)))

    assert b"sandbox" in page.content and b"<script>1</script>" not in page.content
    assert b"Dear ann@x.example" in html.content
    assert html.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert f"Message-ID: <{mail.hex}@x.example>".encode() in source.content


def test_a_mails_page_says_when_nothing_is_left_to_show(staff, spool):
    mail = spool("ann@x.example")[0]
    Mail.objects.filter(pk=mail.id).update(email="", erased_at=timezone.now())

    page = staff.get(reverse("admin:spooling_mail_change", args=(mail.id,)))

    assert b"Nothing is left to show." in page.content
