"""What a campaign's mail looks like, and test sends of it."""

import pytest
from django.utils import timezone

from earwig.models import AuditEntry
from spooling import ledger, spoolers
from spooling.campaigns import compositions, filling, launches, messages, resources
from spooling.models import Mail
from stats.models import Event
from tests.spooling.admin_campaigns.pages import CONTENT, fill, logged, page_of, url


def test_a_preview_shows_the_mail_with_a_recipients_values_and_leaves_no_trace(staff, campaign):
    mail, _ = fill(campaign, "ada@x.example", "bob@y.example")
    before = Event.objects.count()
    answer = staff.post(
        url("preview", campaign), {"address": "Ada@X.example", "variables": '{"city": "Ghent"}'}
    )
    assert answer.status_code == 302 and "x.example" not in answer.url and f"mail={mail.pk}" in answer.url
    page = staff.get(answer.url)
    told = page.content.decode()
    assert "Spring, ada" in told and "Hello ada from Ghent" in told
    assert "ada@x.example" in told and "<script>alert" not in told
    assert told.count("sandbox referrerpolicy") == 2
    frame = staff.get(page.context["frame"])
    assert "<h1>Hello ada</h1>" in frame.content.decode()
    assert (Event.objects.count(), Mail.objects.count()) == (before, 2)
    assert not AuditEntry.objects.exists()


def test_the_frame_of_a_preview_runs_nothing_and_loads_pictures_only_when_asked(staff, campaign):
    frame = staff.get(url("frame", campaign))
    policy = frame["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; img-src data:;")
    assert frame["X-Content-Type-Options"] == "nosniff" and "no-store" in frame["Cache-Control"]
    asked = staff.get(url("frame", campaign), {"images": "1"})["Content-Security-Policy"]
    assert asked == policy.replace("img-src data:", "img-src data: https: http:")


def test_a_preview_names_what_has_no_value(staff, campaign):
    page = staff.get(url("preview", campaign)).content.decode()
    assert "Without a value: city, name." in page


@pytest.mark.parametrize(
    "typed",
    [
        {"variables": "{"},
        {"variables": "[1]"},
        {"address": "nobody@x.example"},
        {"address": "joe@rival.example"},
    ],
)
def test_a_preview_refuses_what_it_cannot_show_beside_its_field(staff, campaign, other_account, typed):
    rival = spoolers.open_campaign(other_account, name="Rival", now=timezone.now())
    messages.write(rival, CONTENT, now=timezone.now())
    fill(rival, "joe@rival.example")
    answer = staff.post(url("preview", campaign), typed)
    assert answer.status_code == 200
    assert answer.context["form"].errors.keys() == typed.keys()


@pytest.mark.parametrize(
    "query", [{"mail": "x"}, {"mail": "999999"}, {"variables": "["}, {"variables": "[]"}, {"mail": "9" * 30}]
)
def test_a_query_that_no_page_links_to_is_not_found(staff, campaign, query):
    for what in ("preview", "frame"):
        assert staff.get(url(what, campaign), query).status_code == 404


def test_another_campaigns_mail_is_not_previewed_here(staff, campaign, other_account):
    rival = spoolers.open_campaign(other_account, name="Rival", now=timezone.now())
    messages.write(rival, CONTENT, now=timezone.now())
    [foreign] = fill(rival, "joe@rival.example")
    for what in ("preview", "frame"):
        assert staff.get(url(what, campaign), {"mail": foreign.pk}).status_code == 404


def test_a_preview_of_nothing_says_what_lacks(staff, account, domain):
    empty = spoolers.open_campaign(account, name="Empty", domain=domain, now=timezone.now())
    page = staff.get(url("preview", empty))
    assert page.status_code == 200 and "subject: It is missing." in page.content.decode()
    assert staff.get(url("frame", empty)).status_code == 404


def test_a_preview_shows_what_one_mail_says_differently_from_the_others(staff, account, domain):
    now = timezone.now()
    spooler = spoolers.open_campaign(account, name="Told", domain=domain, now=now)
    upload = resources.Upload(kind="part", type="text/plain", content="Hello {{name}}, come by")
    part = resources.upload(spooler, upload, now=now)
    told = compositions.Message(sender="news@shop.example", subject="Spring, {{name}}", parts=(part.token,))
    messages.replace(spooler, told)
    special = compositions.Message(subject="Only for {{name}}", headers={"X-Kind": "special"})
    entries = [
        filling.Entry("ada@x.example", variables={"name": "Ada"}),
        filling.Entry("bob@y.example", variables={"name": "Bob"}, override=special),
    ]
    filling.add(spooler, entries, api_key_id=None, now=now)
    for is_launched in (False, True):
        if is_launched:
            launches.launch(spooler, now=now)
        for email, subject in (("ada@x.example", "Spring, Ada"), ("bob@y.example", "Only for Bob")):
            mail = Mail.objects.get(email=email)
            page = staff.get(url("preview", spooler), {"mail": mail.pk}).content.decode()
            assert subject in page and f"Hello {subject[-3:]}, come by" in page


def test_an_erased_mail_is_previewed_without_its_address(staff, campaign):
    [mail] = fill(campaign, "ada@x.example")
    Mail.objects.update(email="", name="", variables={}, erased_at=timezone.now())
    page = staff.get(url("preview", campaign), {"mail": mail.pk}).content.decode()
    assert "Hello" in page and "ada" not in page


def test_test_mails_are_queued_told_by_number_and_leave_no_figures(staff, campaign):
    answer = staff.post(
        url("send_draft", campaign),
        {"addresses": "ada@x.example\nbob@y.example", "variables": '{"name": "you"}'},
    )
    assert answer.url == url("change", campaign)
    drafts = list(Mail.objects.order_by("id"))
    assert [(mail.email, mail.variables, mail.spooler.type) for mail in drafts] == [
        ("ada@x.example", {"name": "you"}, "draft"),
        ("bob@y.example", {"name": "you"}, "draft"),
    ]
    told = page_of(staff, campaign)
    assert f"mail {drafts[0].pk}" in told and "Tests stand in no figure." in told
    assert ledger.of_spooler(campaign.pk)["spooled"] == 0 and not Event.objects.exists()
    assert AuditEntry.objects.get().action == "spooler.draft"
    assert "x.example" not in logged()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"addresses": ""}, "addresses"),
        ({"addresses": " \n"}, "addresses"),
        ({"addresses": "ada"}, "addresses"),
        ({"addresses": "\n".join(f"a{number}@x.example" for number in range(11))}, "addresses"),
        ({"addresses": "ada@x.example", "variables": "no"}, "variables"),
    ],
)
def test_a_test_send_is_refused_beside_its_field(staff, campaign, typed, field):
    answer = staff.post(url("send_draft", campaign), typed)
    assert answer.status_code == 200 and answer.context["form"].errors.keys() == {field}
    assert not Mail.objects.exists() and not AuditEntry.objects.exists()


def test_a_launched_campaign_sends_no_tests(staff, launched):
    answer = staff.post(url("send_draft", launched), {"addresses": "ada@x.example"})
    assert answer.status_code == 200 and answer.context["form"].non_field_errors()
    assert Mail.objects.count() == 2


def test_a_preview_shows_the_score_of_the_message(staff, campaign):
    assert "of 100" in staff.get(url("preview", campaign)).content.decode()
