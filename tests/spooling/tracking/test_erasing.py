import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from earwig import sealing
from spooling import privacy
from spooling.models import Content, Mail, Suppression
from spooling.outbox.drafts import NewContent
from stats.models import Event

pytestmark = pytest.mark.django_db


def end_long_ago(settings):
    long_ago = timezone.now() - timedelta(days=settings.MAIL_RETENTION + 1)
    Mail.objects.update(state="delivered", ended_at=long_ago, created_at=long_ago)
    Content.objects.update(created_at=long_ago)


def test_visitors_are_forgotten_with_their_mail_and_the_figures_stay(sent, visit, settings):
    mail, young = sent(), sent(address="bob@y.example")
    for each in (mail, young):
        visit(each.click)
        visit(each.pixel)
    end_long_ago(settings)
    Mail.objects.filter(pk=young.id).update(ended_at=timezone.now())
    privacy.erase_old_mails(timezone.now())

    old = Event.objects.filter(mail_id=mail.id, kind__in=["click", "open"])
    assert [(event.detail, event.counts) for event in old] == 2 * [({"who": "human"}, 1)]
    assert all("ip" in event.detail for event in Event.objects.filter(mail_id=young.id, kind="click"))
    assert Event.objects.filter(mail_id=mail.id, kind="spooled").exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("link", ["pixel", "click"])
def test_a_visitor_who_comes_while_a_mail_is_erased_is_forgotten_too(sent, visit, settings, link):
    mail = sent()
    visit(mail.click)
    end_long_ago(settings)
    hit = threading.Thread(target=_in_a_connection_of_its_own, args=(visit, getattr(mail, link)))
    with transaction.atomic():
        privacy.erase_old_mails(timezone.now())
        hit.start()
        hit.join(1)
    hit.join(10)
    told = Event.objects.filter(mail_id=mail.id, kind__in=["click", "open"]).values_list("detail", flat=True)
    assert list(told) == 2 * [{"who": "human"}]


def _in_a_connection_of_its_own(visit, path):
    try:
        assert visit(path).status_code < 400
    finally:
        connection.close()


def test_a_link_unsubscribes_though_its_mail_was_erased(sent, visit, settings):
    mail = sent()
    end_long_ago(settings)
    privacy.erase_old_mails(timezone.now())
    assert mail.row.email == "" and mail.row.address_hash == sealing.address_hash("ann@x.example")

    assert visit(mail.unsubscribe, "post").status_code == 200
    row = Suppression.objects.get()
    assert (row.address_hash, row.address) == (sealing.address_hash("ann@x.example"), "")
    assert visit(mail.click).status_code == 302


def test_a_base_goes_after_the_contents_that_lean_on_it(sent, settings):
    first = sent()
    base = first.row.content_id
    sent(NewContent(from_email="", template_language="braces", base_id=base), address="bob@y.example")
    end_long_ago(settings)
    privacy.erase_old_mails(timezone.now())
    assert Content.objects.get(pk=base).erased_at is None
    privacy.erase_old_mails(timezone.now())
    assert Content.objects.get(pk=base).html == "" and not Content.objects.filter(erased_at=None).exists()
