"""Why an address got nothing, a look ahead, and the menu."""

from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from config import menu
from earwig.models import AuditEntry
from spooling import jobs, spoolers, suppressions
from spooling.models import JobRequest, Mail, Router
from tests.spooling.admin_campaigns.pages import (
    explained,
    fail,
    fill,
    logged,
    page_of,
    press,
    progress_of,
    url,
)


def test_the_page_explains_why_an_address_got_nothing(staff, launched, account, other_account):
    fail(Mail.objects.get(email="bob@y.example"), reply="550 5.1.1 no such user")
    told = explained(staff, launched, "bob@y.example")
    assert "It failed for good" in told and "no such user" in told
    for owner, reason in ((account, "unsubscribe"), (other_account, "complaint")):
        scope = suppressions.Scope(account_id=owner.pk)
        suppressions.suppress(scope, "cyd@z.example", reason=reason, source="test", now=timezone.now())
    told = explained(staff, launched, "cyd@z.example")
    assert "has no mail to this address" in told and "unsubscribe" in told and "complaint" not in told
    assert "example" not in logged()


def test_what_is_no_address_is_not_explained(staff, launched):
    answer = staff.post(url("why", launched), {"address": "ada@"})
    assert answer.context["form"].errors.keys() == {"address"} and "explanation" not in answer.context


def test_a_look_ahead_is_a_job_whose_findings_the_page_shows(staff, campaign):
    Router.objects.create(name="out", host="127.0.0.1", port=25, tls="none", default=True)
    scope = suppressions.Scope(account_id=campaign.account_id)
    fill(campaign, "ada@x.example", "bob@y.example")
    suppressions.suppress(scope, "bob@y.example", reason="complaint", source="test", now=timezone.now())
    answer = press(staff, "preflight", campaign)
    job = JobRequest.objects.get()
    assert answer["HX-Redirect"] == f"{url('change', campaign)}?look={job.pk}"
    assert "0 of 2 mails so far" in staff.get(answer["HX-Redirect"]).content.decode()
    jobs.run_due(now=timezone.now())
    told = staff.get(url("progress", campaign), {"look": job.pk}).json()["html"]
    assert "Looked at 2 mails" in told and "Suppressed: complaint" in told
    assert "have no value for “city”" in told and "of 100" in told
    assert "Look ahead" not in progress_of(staff, campaign)["html"]
    campaign.refresh_from_db()
    assert campaign.state == "pending"
    assert AuditEntry.objects.get().action == "spooler.preflight"


def test_a_look_at_another_campaign_is_not_shown(staff, campaign, other_account):
    rival = spoolers.open_campaign(other_account, name="Rival", now=timezone.now())
    press(staff, "preflight", rival)
    for look in (str(JobRequest.objects.get().pk), "x", "9" * 40, ""):
        told = staff.get(url("progress", campaign), {"look": look}).json()["html"]
        assert "mails so far" not in told


def test_a_campaign_that_has_ended_is_not_looked_at(staff, launched):
    spoolers.cancel(launched, now=timezone.now())
    press(staff, "preflight", launched)
    assert "It has ended." in page_of(staff, launched)
    assert not JobRequest.objects.exists() and not AuditEntry.objects.exists()


def test_the_menu_names_every_list_once_and_shows_only_what_may_be_seen(client, django_user_model):
    listed = [model for group in menu.GROUPS.values() for model in group.values()]
    assert len(listed) == len(set(listed))
    user = django_user_model.objects.create_user("few@example.org", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_suppression"))
    client.force_login(user)
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:spooling_suppression_changelist") in page
    assert reverse("admin:spooling_spooler_changelist") not in page


def test_every_list_stands_in_the_menu(staff, rf):
    request = rf.get("/admin/")
    request.user = staff.get(reverse("admin:index")).context["user"]
    shown = {
        row._meta.label_lower
        for row, page in admin.site._registry.items()
        if page.has_module_permission(request)
    }
    assert shown == {model for group in menu.GROUPS.values() for model in group.values()}
