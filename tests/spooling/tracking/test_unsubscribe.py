import dataclasses

import pytest
from django.utils import timezone

from earwig import sealing
from spooling import spoolers, suppressions
from spooling.models import Mail, Resource, Suppression
from spooling.outbox import values
from stats.models import Event
from tests.spooling.tracking.conftest import CONTENT

pytestmark = pytest.mark.django_db

FORM = {"data": "confirm=yes", "content_type": "application/x-www-form-urlencoded"}
ONE_CLICK = {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"}


def kinds():
    told = Event.objects.filter(kind__in=["unsubscribe", "suppressed"]).order_by("id")
    return [(event.kind, event.counts) for event in told]


def with_resource(account, sent, type_, content):
    spooler = spoolers.open_campaign(account, now=timezone.now())
    resource = Resource.objects.create(spooler=spooler, kind="unsubscribe", type=type_, content=content)
    return sent(dataclasses.replace(CONTENT, unsubscribe_id=resource.pk))


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_link_unsubscribes_nobody(sent, visit, method):
    mail = sent()
    for path in (mail.unsubscribe, mail.custom):
        answer = visit(path, method)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert kinds() == [] and not Suppression.objects.exists() and mail.row.unsubscribed_at is None


def test_the_page_asks_by_a_form_and_names_the_domain_alone(sent, visit):
    page = visit(sent().unsubscribe).content
    assert b'<form method="post">' in page and b"sender.example" in page and b"ann@" not in page


@pytest.mark.parametrize("body", [ONE_CLICK, {}])
def test_one_click_unsubscribes_at_once_and_a_second_one_changes_nothing(sent, visit, account, domain, body):
    mail = sent()
    for _ in range(2):
        assert visit(mail.unsubscribe, "post", **body).status_code == 200
    row = Suppression.objects.get()
    assert (row.account, row.domain, row.stream) == (account, "sender.example", "bulk")
    assert (row.reason, row.source, row.address) == ("unsubscribe", "link", "ann@x.example")
    assert kinds() == [("unsubscribe", 1), ("suppressed", 1), ("unsubscribe", 0)]
    assert mail.row.unsubscribed_at is not None


def test_one_click_in_a_form_of_parts_unsubscribes_too(sent, visit):
    visit(sent().unsubscribe, "post", data={"List-Unsubscribe": "One-Click"})
    assert Suppression.objects.exists()


def test_the_button_leads_on_to_the_links_own_address(sent, visit):
    mail = sent()
    answer = visit(mail.custom, "post", **FORM)
    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/bye")
    assert Suppression.objects.exists()


def test_the_button_of_a_plain_link_leads_to_a_page_of_ours(sent, visit):
    answer = visit(sent().unsubscribe, "post", **FORM)
    assert answer.status_code == 200 and b"You are unsubscribed" in answer.content


def test_a_page_of_the_clients_is_shown_and_runs_nothing(sent, visit, account):
    mail = with_resource(account, sent, "text/html", "<script>x</script>Bye {{firstname}}")
    answer = visit(mail.unsubscribe, "post", **FORM)
    assert b"Bye Ann" in answer.content and answer["Content-Security-Policy"].startswith("sandbox;")


def test_a_redirect_of_the_clients_leads_to_the_web_only(sent, visit, account):
    mail = with_resource(account, sent, "redirect", "https://shop.example/gone?id={{id}}")
    answer = visit(mail.unsubscribe, "post", **FORM)
    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/gone?id=7&8")
    mail = with_resource(account, sent, "redirect", "javascript:alert(1)")
    assert b"You are unsubscribed" in visit(mail.unsubscribe, "post", **FORM).content


def test_it_stops_bulk_mail_of_that_domain_and_account_alone(sent, visit, account, other_account):
    mail = sent()
    visit(mail.unsubscribe, "post", **ONE_CLICK)
    (claimed,) = values.claimed(Mail.objects.filter(pk=mail.id))
    others = [
        claimed._replace(lane="transactional"),
        claimed._replace(domain_id=None),
        claimed._replace(account_id=other_account.pk),
    ]
    found = suppressions.reasons([claimed, *others], now=timezone.now())
    assert found == ["unsubscribe", None, None, None]


def test_it_works_after_the_mail_was_erased(sent, visit):
    mail = sent()
    digest = sealing.address_hash("ann@x.example")
    Mail.objects.update(email="", erased_at=timezone.now(), address_hash=digest)
    assert visit(mail.unsubscribe, "post", **ONE_CLICK).status_code == 200
    row = Suppression.objects.get()
    assert (row.address_hash, row.address) == (digest, "")


def test_who_is_suppressed_anew_after_staff_let_them_in_again(sent, visit):
    mail = sent()
    visit(mail.unsubscribe, "post", **ONE_CLICK)
    Suppression.objects.all().delete()
    visit(mail.unsubscribe, "post", **ONE_CLICK)
    assert Suppression.objects.exists()


def test_a_provider_that_says_nothing_of_itself_unsubscribes_for_its_user(sent, visit):
    mail = sent()
    assert visit(mail.unsubscribe, "post", agent="", **ONE_CLICK).status_code == 200
    assert kinds() == [("unsubscribe", 1), ("suppressed", 1)] and mail.row.unsubscribed_at is not None
