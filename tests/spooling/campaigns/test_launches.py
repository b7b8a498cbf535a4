import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from earwig import domains
from spooling import errors, spoolers
from spooling.campaigns import filling, launches, messages, resources
from spooling.campaigns.compositions import Message
from spooling.campaigns.filling import Entry
from spooling.models import Content, Mail, Spooler
from spooling.outbox import intake
from spooling.outbox.drafts import NewContent

NOW = timezone.now()


@pytest.fixture
def shop(account):
    return domains.add(account, name="shop.example", now=NOW)


@pytest.fixture
def spooler(account, shop):
    return spoolers.open_campaign(account, domain=shop, now=NOW)


def tell(spooler, **told):
    given = resources.Upload(kind="part", type="text/plain", content="Dear {{name}}")
    part = resources.upload(spooler, given, now=NOW).token
    messages.replace(spooler, Message(**{"sender": "Shop", "subject": "Hi", "parts": (part,)} | told))
    return part


def add(spooler, *emails, **fields):
    entries = [Entry(email, **fields) for email in emails]
    return filling.add(spooler, entries, api_key_id=None, now=timezone.now())


def test_a_launch_fixes_the_message_as_the_content_of_mails_spooled_before(spooler):
    add(spooler, "a@x.example")
    tell(spooler)
    assert Content.objects.get().text == ""
    launches.launch(spooler, now=NOW)
    content = Content.objects.get()
    assert (content.text, content.subject, content.from_email) == ("Dear {{name}}", "Hi", "news@shop.example")
    assert (spooler.state, spooler.launched_at) == ("ready", NOW)
    assert Mail.objects.get().content_id == content.pk == spooler.content_id


def test_what_is_missing_is_named_and_nothing_is_launched(spooler):
    add(spooler, "a@x.example")
    with pytest.raises(errors.MessageIncomplete) as refusal:
        launches.launch(spooler, now=NOW)
    assert set(refusal.value.fields) == {"sender", "subject", "parts"}
    spooler.refresh_from_db()
    assert spooler.state == "pending"


def test_a_bulk_campaign_without_mail_is_not_launched_and_a_transactional_one_is(spooler, account, shop):
    tell(spooler)
    with pytest.raises(errors.MessageIncomplete) as refusal:
        launches.launch(spooler, now=NOW)
    assert list(refusal.value.fields) == ["mails"]
    other = spoolers.open_campaign(account, lane="transactional", domain=shop, now=NOW)
    launches.launch(other, now=NOW)
    assert other.state == "ready"


@pytest.mark.parametrize("lane", ["bulk", "transactional"])
def test_a_message_is_needed_as_soon_as_one_mail_leans_on_it(account, shop, lane):
    spooler = spoolers.open_campaign(account, lane=lane, domain=shop, now=NOW)
    part = tell(spooler, sender="", subject="", parts=())
    add(spooler, "a@x.example", override=Message(parts=(part,)))
    launches.launch(spooler, now=NOW)
    assert spooler.content.from_email == "news@shop.example"
    other = spoolers.open_campaign(account, lane=lane, domain=shop, now=NOW)
    add(other, "b@x.example", override=Message(subject="Own"))
    with pytest.raises(errors.MessageIncomplete):
        launches.launch(other, now=NOW)


def test_mails_that_came_with_contents_need_no_message(spooler, account):
    mail = intake.NewMail(email="a@x.example")
    send = intake.NewSend(
        content=NewContent(from_email="a@shop.example", text="x"),
        mails=(mail,),
        lane="bulk",
        spooler_id=spooler.pk,
    )
    intake.accept(intake.NewSubmission(account_id=account.pk, wire="native"), [send], now=NOW)
    launches.launch(spooler, now=NOW)
    assert spooler.state == "ready"


def test_a_domain_that_became_another_account_s_launches_nothing(spooler, other_account):
    part = tell(spooler, sender="")
    add(spooler, "a@x.example", override=Message(parts=(part,)))
    domains.verify(domains.add(other_account, name="shop.example", now=NOW), now=NOW)
    with pytest.raises(errors.MessageIncomplete) as refusal:
        launches.launch(spooler, now=NOW)
    assert list(refusal.value.fields) == ["sender"]


def test_a_launch_happens_once(spooler):
    add(spooler, "a@x.example")
    tell(spooler)
    launches.launch(spooler, now=NOW)
    with pytest.raises(errors.SpoolerStateConflict):
        launches.launch(spooler, now=NOW)


def test_a_written_message_is_launched_with_the_headers_of_its_campaign(account):
    spooler = spoolers.open_campaign(account, now=NOW)
    Spooler.objects.filter(pk=spooler.pk).update(headers={"X-A": "campaign"})
    messages.write(spooler, NewContent(from_email="a@x.example", subject="Hi", text="x"), now=NOW)
    add(spooler, "a@x.example")
    launches.launch(spooler, now=NOW)
    assert Content.objects.get().headers == [["X-A", "campaign"]]


def test_a_launch_costs_the_same_however_many_mails_there_are(spooler, django_assert_max_num_queries):
    tell(spooler)
    add(spooler, *[f"a{n}@x.example" for n in range(300)])
    with django_assert_max_num_queries(30):
        launches.launch(spooler, now=NOW)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_recipients_that_come_during_a_launch_are_refused(spooler):
    tell(spooler)
    add(spooler, "a@x.example")
    met = []

    def late():
        try:
            add(spooler, "late@x.example")
        except errors.SpoolerLocked as error:
            met.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        launches.launch(Spooler.objects.get(pk=spooler.pk), now=timezone.now())
        thread = threading.Thread(target=late)
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join(timeout=10)
    assert len(met) == 1
    assert Mail.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_calls_add_to_a_launched_transactional_campaign_together(account, shop):
    spooler = spoolers.open_campaign(account, lane="transactional", domain=shop, now=NOW)
    tell(spooler)
    launches.launch(spooler, now=NOW)
    done = threading.Event()

    def other():
        add(Spooler.objects.get(pk=spooler.pk), "b@x.example")
        done.set()
        connection.close()

    with transaction.atomic():
        add(spooler, "a@x.example")
        thread = threading.Thread(target=other)
        thread.start()
        assert done.wait(10)
    thread.join()
    assert Mail.objects.count() == 2
