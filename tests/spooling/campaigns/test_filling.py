import threading

import pytest
from django.db import connection
from django.utils import timezone

from earwig import domains
from earwig.models import Account
from spooling import errors, ledger, spoolers, suppressions
from spooling.campaigns import differences, filling, resources
from spooling.campaigns.compositions import Message
from spooling.campaigns.filling import Entry, Outcome
from spooling.models import Content, ContentFile, Mail, Spooler, Submission
from stats.models import Event

NOW = timezone.now()


@pytest.fixture
def shop(account):
    return domains.add(account, name="shop.example", now=NOW)


@pytest.fixture
def open_spooler(account, shop):
    return lambda lane="bulk": spoolers.open_campaign(account, lane=lane, domain=shop, now=NOW)


@pytest.fixture
def spooler(open_spooler):
    return open_spooler()


def add(spooler, *entries, **call):
    return filling.add(spooler, entries, api_key_id=None, now=timezone.now(), **call)


def upload(spooler, content, kind="part", type="text/plain"):
    given = resources.Upload(kind=kind, type=type, content=content, for_mails=True)
    return resources.upload(spooler, given, now=NOW).token


def test_recipients_are_stored_with_all_that_is_theirs(spooler, shop):
    outcomes = add(
        spooler, Entry("a@X.example", "Ann", {"n": "1"}, ("vip",)), Entry("b@x.example"), wire="octosend"
    )
    mail, other = Mail.objects.order_by("id")
    assert (mail.email, mail.name, mail.variables, mail.tags) == ("a@x.example", "Ann", {"n": "1"}, ["vip"])
    assert (mail.lane, mail.domain_id, mail.state) == ("bulk", shop.pk, "waiting")
    assert (other.variables, other.tags) == ({}, None)
    assert mail.content_id == other.content_id == Spooler.objects.get(pk=spooler.pk).content_id
    assert outcomes == [
        Outcome("a@x.example", mail.public_id.hex, "spooled"),
        Outcome("b@x.example", other.public_id.hex, "spooled"),
    ]
    assert Submission.objects.get().wire == "octosend"
    assert Event.objects.filter(kind="spooled").count() == 2
    figures = ledger.of_spooler(spooler.pk)
    assert (figures["spooled"], figures["waiting"]) == (2, 2) and ledger.adds_up(figures)


def test_all_bad_addresses_are_named_and_nothing_is_stored(spooler):
    with pytest.raises(errors.FieldsRefused) as refusal:
        add(spooler, Entry("bad"), Entry("a@x.example"), Entry("@"))
    assert list(refusal.value.fields) == ["mails[0].email", "mails[2].email"]
    assert not Mail.objects.exists() and not Content.objects.exists()


def test_a_campaign_of_another_account_has_addresses_of_its_own(spooler, other_account):
    stranger = spoolers.open_campaign(other_account, now=NOW)
    add(spooler, Entry("a@x.example"))
    assert [each.status for each in add(stranger, Entry("a@x.example"))] == ["spooled"]
    assert [each.status for each in add(spooler, Entry("a@x.example"))] == ["duplicate"]
    assert Mail.objects.filter(account=other_account).count() == 1


def test_a_suppressed_duplicate_is_a_duplicate(spooler, account):
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "a@x.example", reason="manual", source="t", now=NOW)
    outcomes = add(spooler, Entry("a@x.example"), Entry("a@x.example"))
    assert [each.status for each in outcomes] == ["blocked", "duplicate"]
    assert outcomes[0].id == outcomes[1].id
    assert ledger.of_spooler(spooler.pk)["blocked"] == 1
    assert set(Event.objects.values_list("kind", flat=True)) == {"spooled", "blocked"}


def test_nothing_new_stores_nothing(spooler):
    add(spooler, Entry("a@x.example"))
    add(spooler, Entry("a@x.example"))
    assert Submission.objects.count() == 1


def test_mails_with_files_of_their_own_share_their_octets(open_spooler):
    spooler = open_spooler("transactional")
    body, file = upload(spooler, "Own"), upload(spooler, "QUJD", "attachment")
    own = Message(parts=(body,), attachments=(file,))
    add(spooler, Entry("a@x.example", override=own), Entry("b@x.example", override=own), Entry("c@x.example"))
    mails = {mail.email[0]: mail for mail in Mail.objects.all()}
    assert mails["a"].content_id == mails["b"].content_id != mails["c"].content_id
    (row,) = ContentFile.objects.select_related("attachment")
    assert (row.content_id, row.name, row.position) == (mails["a"].content_id, "attachment.txt", 0)
    assert bytes(row.attachment.data) == b"ABC"


def test_a_mail_with_a_file_needs_a_body(open_spooler):
    spooler = open_spooler("transactional")
    own = Message(attachments=(upload(spooler, "QUJD", "attachment"),))
    with pytest.raises(errors.FieldsRefused) as refusal:
        add(spooler, Entry("a@x.example", override=own))
    assert list(refusal.value.fields) == ["mails[0].parts"]


def test_bodies_that_do_not_fit_into_memory_together_are_stored_in_turn(spooler, monkeypatch):
    monkeypatch.setattr(differences, "BODIES_AT_A_TIME", 10)
    bodies = [upload(spooler, f"body {n}") for n in range(5)]
    entries = [Entry(f"{n}@x.example", override=Message(parts=(token,))) for n, token in enumerate(bodies)]
    outcomes = add(spooler, Entry("first@x.example"), *entries, Entry("last@x.example"))
    assert [each.email for each in outcomes] == [
        "first@x.example",
        *[f"{n}@x.example" for n in range(5)],
        "last@x.example",
    ]
    for n in range(5):
        mail = Mail.objects.select_related("content").get(public_id=outcomes[n + 1].id)
        assert (mail.email, mail.content.text) == (f"{n}@x.example", f"body {n}")
    assert Submission.objects.count() > 1


def test_a_limit_leaves_nothing_behind(spooler, account):
    Account.objects.filter(pk=account.pk).update(mails_per_hour=1)
    with pytest.raises(errors.LimitReached):
        add(spooler, Entry("a@x.example"), Entry("b@x.example"))
    assert not Mail.objects.exists() and not Submission.objects.exists()
    assert not Spooler.objects.get(pk=spooler.pk).shares_content


@pytest.mark.parametrize("move", [spoolers.ready, spoolers.cancel])
def test_a_bulk_campaign_takes_nothing_once_it_is_launched_or_cancelled(spooler, move):
    move(spooler, now=NOW)
    with pytest.raises(errors.SpoolerLocked):
        add(spooler, Entry("a@x.example"))


def test_a_paused_transactional_campaign_takes_mail_until_it_is_finished(open_spooler):
    spooler = open_spooler("transactional")
    spoolers.ready(spooler, now=NOW)
    spoolers.pause(spooler, now=NOW)
    own = Message(parts=(upload(spooler, "Own"),))
    add(spooler, Entry("a@x.example", override=own))
    spoolers.finish(spooler, now=NOW)
    with pytest.raises(errors.SpoolerLocked):
        add(spooler, Entry("a@x.example", override=own))


@pytest.mark.parametrize("lane", ["bulk", "transactional"])
def test_a_call_costs_the_same_queries_however_many_it_adds(
    open_spooler, lane, django_assert_max_num_queries
):
    spooler = open_spooler(lane)
    add(spooler, Entry("warm@x.example"))
    with django_assert_max_num_queries(20 if connection.vendor == "postgresql" else 120):
        add(spooler, *[Entry(f"a{n}@x.example") for n in range(500)])


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_same_batch_twice_at_a_time_is_stored_once(spooler):
    entries = [Entry(f"a{n}@x.example") for n in range(200)]
    statuses = []

    def call():
        statuses.extend(each.status for each in add(Spooler.objects.get(pk=spooler.pk), *entries))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == ["duplicate"] * 200 + ["spooled"] * 200
    assert Mail.objects.count() == 200
