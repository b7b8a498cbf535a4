"""What is purged is gone from every column of every table; ids, hashes and counts stay."""

import json
from datetime import timedelta
from email import policy
from email.message import EmailMessage

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from earwig import messages, sealing, senders
from earwig.models import (
    AuditEntry,
    DeliveryAttempt,
    Domain,
    HandoffMessage,
    IdempotencyKey,
    Reply,
    ResponseStatistic,
    Sender,
    SenderPurge,
)
from spooling import attempts, privacy, raw_messages, suppressions
from spooling.delivery import structure
from spooling.models import (
    Attachment,
    BinaryContent,
    Content,
    ContentFile,
    IncomingMail,
    JobRequest,
    Mail,
    MessageSet,
    Resend,
    Schedule,
    SendFailure,
    StageMessage,
    Subscription,
    Suppression,
    TrappedMail,
)
from spooling.outbox import intake
from stats.models import Event
from templates_app.models import Template, TemplateVersion

pytestmark = pytest.mark.django_db

NOW = timezone.now()
EMAIL, NAME = "Joe.Bleu+moi@example.com", "Joe Bleu"
LATER = NOW + timedelta(days=10, seconds=1)


def cells():
    """(table, column, text) of every value of every table, bytes and JSON as they are stored."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    raw = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                    yield table, column, raw.decode("utf-8", "replace")


def places_of(*words):
    return {
        (table, column)
        for table, column, text in cells()
        if any(word.lower() in text.lower() for word in words)
    }


@pytest.fixture
def sender(account):
    return senders.vouch(account, email=EMAIL, name=NAME, ttl_days=10, now=NOW)


@pytest.fixture
def told(account, sender, person, other_person):
    """A sender whose address and name have gone everywhere they can."""
    draft = messages.Draft(
        type="private",
        subject=f"From {NAME} <{EMAIL}>",
        message=f"Dear member,\nanswer to {EMAIL}.\nYours, {NAME}",
        sender=sender.hash,
        recipients=(person.external_id, other_person.external_id),
    )
    message = messages.accept(account, draft, now=NOW)
    attempts.spool_due(NOW)
    Mail.objects.update(state="delivered", ended_at=NOW, last_reply=f"250 ok, {EMAIL}")
    attempts.collect(NOW)
    first, second = DeliveryAttempt.objects.order_by("id")
    DeliveryAttempt.objects.filter(pk=second.pk).update(
        feedback_type="offensive", feedback_note=f"{NAME} is rude"
    )
    ResponseStatistic.objects.create(attempt=first, kind="reply_good")
    Reply.objects.create(
        recipient=first.recipient,
        from_sender=False,
        subject=f"Re: {NAME}",
        body=f"> {EMAIL} wrote",
        created_at=NOW,
    )
    write_to(account, EMAIL, state="delivered")
    suppressions.suppress(
        suppressions.Scope(account_id=account.pk), EMAIL, reason="unsubscribe", source="test", now=NOW
    )
    job = {"arguments": {"rows": [{"email": EMAIL}]}, "result": {EMAIL: "done"}}
    JobRequest.objects.create(account=account, kind="retry_mails", **job)
    IdempotencyKey.objects.create(
        account=account, method="POST", path="/", key="k", status=201, answer=json.dumps({"to": EMAIL})
    )
    AuditEntry.objects.create(account=account, action="import", subject="x 1", detail={"by": EMAIL})
    LogEntry.objects.create(
        user_id=user_id(), action_flag=2, object_repr=EMAIL, change_message=f"for {EMAIL}"
    )
    subscribe(account, EMAIL)
    mail = Mail.objects.get(attempt=first)
    Event.objects.create(
        **{name: 1 for name in ("account_id", "spooler_id")},
        mail_id=mail.pk,
        destination="x",
        provider="x",
        kind="delivered",
        at=NOW,
        detail={"reply": f"250 {EMAIL}"},
    )
    trap(mail.email, f"Message-ID: <{mail.public_id.hex}@x>\r\n\r\nJoe=\r\n Bleu")
    trap(EMAIL, "Subject: hello")
    trap("staff@acme.example", f"Reply-To: {EMAIL}")
    return message


def subscribe(account, email):
    """Stage-based messages to the address, and all that was stored about it."""
    schedule = Schedule.objects.create(account=account)
    message_set = MessageSet.objects.create(
        account=account, short_name="s", label=email, notes=f"by {email}", default_schedule=schedule
    )
    file = BinaryContent.objects.create(account=account, name=email, type="image/png", data=b"")
    StageMessage.objects.create(
        messageset=message_set,
        sequence_number=1,
        lang="eng",
        text_content=f"ask {email}",
        metadata={"to": email},
    )
    StageMessage.objects.create(messageset=message_set, sequence_number=2, lang="eng", binary_content=file)
    ways = {"account": account, "messageset": message_set, "schedule": schedule, "lang": "eng"}
    subscription = Subscription.objects.create(identity=email, **ways)
    Subscription.objects.create(identity="x", metadata={"email": email, email: [email]}, **ways)
    SendFailure.objects.create(account=account, subscription=subscription, reason=f"refused {email}")
    Resend.objects.create(subscription=subscription, outbound_id=email)
    template = Template.objects.create(account=account, name="t")
    TemplateVersion.objects.create(
        template=template, number=1, subject=email, html=email, text=email, source={"author": [email]}
    )


def user_id():
    return get_user_model().objects.first().pk


def trap(recipient, raw):
    TrappedMail.objects.create(envelope_recipient=recipient, raw=raw.encode())


def write_to(account, email, **fields):
    """One native mail that speaks of its recipient everywhere."""
    content = intake.NewContent(
        from_email="shop@acme.example",
        subject=f"For {email}",
        text=f"Hello {email}",
        html=f'<a href="mailto:{email}">you</a>',
        to=((NAME, email), ("Ann", "ann@example.com")),
        headers=(("X-For", email),),
        files=(intake.NewFile(name="a.txt", type="text/plain", data=b"a"),),
    )
    mail = intake.NewMail(email=email, name=NAME, variables={"who": {"email": email}})
    submission = intake.NewSubmission(
        account_id=account.pk, wire="native", client_reference=email, tags=(email,), metadata={"user": email}
    )
    send = intake.NewSend(content=content, mails=(mail,), domain_id=None)
    (accepted,) = intake.accept(submission, [send], now=NOW)
    Mail.objects.filter(pk=accepted.id).update(**{"ended_at": NOW, **fields})
    return Mail.objects.get(pk=accepted.id)


def test_the_address_and_the_name_stand_in_many_places_first(told):
    assert len(places_of(EMAIL)) > 20 and len(places_of(NAME)) > 5


def test_after_a_purge_no_column_of_any_table_holds_address_or_name(told, sender):
    assert privacy.purge_overdue(LATER) == 1
    assert places_of(EMAIL, NAME, EMAIL.replace("@", "%40")) == set()


def test_a_purge_leaves_ids_hashes_counts_and_a_record(told, sender, count_rows):
    before = count_rows()
    privacy.purge_overdue(LATER)
    assert count_rows() == before
    sender.refresh_from_db()
    assert (sender.email, sender.name, sender.purged_at) == (None, "", LATER)
    purge = SenderPurge.objects.get(sender=sender)
    assert purge.erased["earwig_handoffmessage"] >= 1
    assert purge.erased["spooling_trappedmail"] == 3
    assert Suppression.objects.get().address_hash == sealing.address_hash(EMAIL)
    told.refresh_from_db()
    assert told.message == "Dear member,\nanswer to [erased].\nYours, [erased]"


@pytest.fixture
def count_rows():
    counted = (
        HandoffMessage,
        DeliveryAttempt,
        Reply,
        ResponseStatistic,
        Mail,
        Content,
        Suppression,
        Sender,
        Event,
    )
    return lambda: {model: model.objects.count() for model in counted}


def test_other_peoples_data_stays(told, account):
    joan = senders.vouch(account, email="x" + EMAIL, name="Joe Bleuler", ttl_days=99, now=NOW)
    draft = messages.Draft(
        type="public", subject="s", message=f"I am Joe Bleuler, x{EMAIL}", sender=joan.hash, recipients=()
    )
    kept = messages.accept(account, draft, now=NOW)
    privacy.purge_overdue(LATER)
    kept.refresh_from_db()
    joan.refresh_from_db()
    assert kept.message == f"I am Joe Bleuler, x{EMAIL}"
    assert (joan.email, joan.name) == ("x" + EMAIL, "Joe Bleuler")


def test_another_account_keeps_its_own(told, other_account):
    own = senders.vouch(other_account, email=EMAIL, name=NAME, ttl_days=99, now=NOW)
    mail = write_to(other_account, EMAIL)
    privacy.purge_overdue(LATER)
    own.refresh_from_db()
    mail.refresh_from_db()
    assert (own.email, mail.email, mail.variables) == (EMAIL, EMAIL, {"who": {"email": EMAIL}})


def test_nothing_goes_before_its_time(told, sender):
    assert privacy.purge_overdue(NOW + timedelta(days=9)) == 0
    sender.refresh_from_db()
    assert (sender.email, sender.name) == (EMAIL, NAME)
    told.refresh_from_db()
    assert EMAIL in told.message


def test_a_mail_still_to_leave_keeps_its_address_until_it_has(account, sender):
    mail = write_to(account, EMAIL, state="waiting", ended_at=None)
    privacy.purge_overdue(LATER)
    mail.refresh_from_db()
    assert mail.email == EMAIL
    assert SenderPurge.objects.get().erased[privacy.IN_FLIGHT] == [mail.pk]
    Mail.objects.update(state="delivered", ended_at=LATER)
    trap(EMAIL, "Subject: hello")
    privacy.purge_overdue(LATER)
    assert privacy.IN_FLIGHT not in SenderPurge.objects.get().erased
    assert places_of(EMAIL) == set()


def test_a_mail_of_the_sender_in_flight_shows_a_neutral_name(account, sender, person):
    draft = messages.Draft(
        type="public", subject="s", message="m", sender=sender.hash, recipients=(person.external_id,)
    )
    messages.accept(account, draft, now=NOW)
    attempts.spool_due(NOW)
    privacy.forget(sender, now=NOW)
    mail = Mail.objects.get()
    assert (mail.state, mail.email) == ("waiting", "one@people.example")
    assert mail.variables["messages"][0]["sender"] == "A constituent"
    assert mail.variables["person"] == person.name


def test_the_names_a_sender_had_before_go_too(account, told, sender):
    senders.vouch(account, email=EMAIL, name="J. B.", ttl_days=1, now=NOW)
    privacy.purge_overdue(LATER)
    assert ("spooling_mail", "variables") not in places_of('"sender": "Joe', "'sender': 'Joe")
    assert places_of(EMAIL, "J. B.") == set()


def test_forgetting_does_not_wait_and_happens_once(told, sender):
    assert privacy.forget(sender, now=NOW) == SenderPurge.objects.get()
    assert places_of(EMAIL, NAME) == set()
    assert privacy.forget(sender, now=NOW) is None


def test_a_sender_revived_meanwhile_is_left(account, sender, monkeypatch):
    search = privacy._search

    def revive(*args):
        senders.vouch(account, email=EMAIL, name=NAME, ttl_days=50, now=LATER)
        return search(*args)

    monkeypatch.setattr(privacy, "_search", revive)
    assert privacy.purge_overdue(LATER) == 0
    sender.refresh_from_db()
    assert sender.email == EMAIL and not SenderPurge.objects.exists()


def test_many_senders_are_searched_for_together(account, django_assert_max_num_queries):
    for number in range(30):
        senders.vouch(account, email=f"s{number}@example.com", name=f"S {number}", ttl_days=1, now=NOW)
    with django_assert_max_num_queries(960):
        assert privacy.purge_overdue(LATER) == 30
    assert not Sender.objects.filter(email__isnull=False).exists()


def test_idle_it_costs_two_queries(sender, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert privacy.purge_overdue(NOW) == 0


def test_old_mails_lose_what_is_personal_and_keep_what_counts(account, settings):
    settings.MAIL_RETENTION = 90
    old = write_to(
        account, "old@example.com", state="delivered", last_code=250, last_reply="250 old@example.com"
    )
    open_ = write_to(account, "open@example.com", state="in_doubt", ended_at=None)
    recent = write_to(account, "new@example.com", state="failed", ended_at=NOW + timedelta(days=1))
    at = NOW + timedelta(days=90)
    assert privacy.erase_old_mails(at) == 1
    for mail in (old, open_, recent):
        mail.refresh_from_db()
    assert (old.email, old.name, old.variables, old.last_reply, old.erased_at) == ("", "", {}, "", at)
    assert (old.state, old.last_code) == ("delivered", 250)
    assert open_.email == "open@example.com" and recent.email == "new@example.com"
    content = Content.objects.get(pk=old.content_id)
    assert (content.subject, content.text, content.html, content.to, content.erased_at) == (
        "",
        "",
        "",
        [],
        at,
    )
    assert Content.objects.get(pk=recent.content_id).text == "Hello new@example.com"
    assert ContentFile.objects.count() == 2 and Attachment.objects.count() == 1
    assert ("spooling_mail", "email") not in places_of("old@example.com")
    assert privacy.erase_old_mails(at) == 0


def test_the_last_mail_takes_the_file_along(account):
    write_to(account, "old@example.com", state="delivered")
    privacy.erase_old_mails(NOW + timedelta(days=91))
    assert not ContentFile.objects.exists() and not Attachment.objects.exists()


def test_batches_are_walked_to_the_end(account, monkeypatch):
    monkeypatch.setattr(privacy, "BATCH", 2)
    for number in range(5):
        write_to(account, f"old{number}@example.com", state="delivered")
    assert privacy.erase_old_mails(NOW + timedelta(days=91)) == 5


def test_the_clock_looks_for_old_mails_now_and_then(account):
    cache.clear()
    write_to(account, "old@example.com", state="delivered")
    privacy.tidy(NOW)
    write_to(account, "old2@example.com", state="delivered")
    privacy.tidy(NOW + timedelta(days=91))
    assert not Mail.objects.filter(erased_at__isnull=False).exists()
    cache.clear()
    privacy.tidy(NOW + timedelta(days=91))
    assert not Mail.objects.filter(erased_at=None).exists()


def test_the_command_purges_what_is_due_and_whom_it_is_told(told, sender, capsys):
    call_command("purge")
    assert capsys.readouterr().out == "0 senders and 0 mails erased.\n"
    call_command("purge", sender=EMAIL, account="acme")
    assert places_of(EMAIL, NAME) == set()
    assert AuditEntry.objects.filter(action="purge").exists()
    with pytest.raises(CommandError):
        call_command("purge", sender=sender.hash)


def test_staff_forget_a_sender_in_the_admin(told, sender, client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    page = client.get(f"/admin/earwig/sender/{sender.pk}/change/")
    assert page.status_code == 200 and b"Forget" in page.content
    path = reverse("admin:earwig_sender_forget", args=(sender.pk,))
    assert client.get(path).status_code == 200
    sender.refresh_from_db()
    assert sender.email == EMAIL
    client.post(path, {"_form_submitted": "on"})
    assert places_of(EMAIL, NAME) == set()
    assert AuditEntry.objects.filter(action="forget", subject=f"sender {sender.pk}").exists()


def test_who_is_forgotten_is_no_longer_among_a_domains_test_recipients(account, sender):
    domain = Domain.objects.create(
        account=account, name="shop.example", draft_addresses=["ann@x.example", EMAIL.lower()]
    )

    privacy.forget(sender, now=NOW)

    domain.refresh_from_db()
    assert domain.draft_addresses == ["ann@x.example"]


def test_who_is_forgotten_gets_no_more_reports_on_a_domain(account, sender):
    domain = Domain.objects.create(
        account=account,
        name="shop.example",
        dmarc_policy={"policy": "reject", "addresses": ["ann@x.example", EMAIL.lower()]},
    )
    record = privacy.forget(sender, now=NOW)
    domain.refresh_from_db()
    assert domain.dmarc_policy == {"policy": "reject", "addresses": ["ann@x.example"]}
    assert record.erased["earwig_domain"] == 1


def submitted(account, attached):
    """A mail to Ann whose complete message has the address in an encoded part alone."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@acme.example", "ann@x.example", "List"
    message.set_content("Attached.")
    message.add_attachment(attached.encode(), maintype="text", subtype="csv", filename="list.csv")
    raw = message.as_bytes(policy=policy.SMTP)
    assert attached.encode() not in raw
    send = intake.NewSend(content=raw_messages.read(raw), mails=(intake.NewMail("ann@x.example"),))
    intake.accept(intake.NewSubmission(account_id=account.pk, wire="smtp"), [send], now=NOW)
    return raw


def file_of(raw):
    return list(structure.read(bytes(raw)).leaves())[-1].text()


def test_an_address_in_an_encoded_file_of_a_complete_message_goes(account, other_account, sender):
    raw = submitted(account, f"Joan,joan@x.example\n{EMAIL}\n")
    submitted(other_account, EMAIL)
    TrappedMail.objects.create(envelope_recipient="ann@x.example", raw=raw)
    IncomingMail.objects.create(account=account, kind="reply", digest="1", raw=raw)
    theirs = IncomingMail.objects.create(account=other_account, kind="reply", digest="2", raw=raw)

    record = privacy.forget(sender, now=NOW)

    kept = {content.account_id: content.raw.data for content in Content.objects.select_related("raw")}
    assert file_of(kept[account.pk]) == "Joan,joan@x.example\n[erased]\n"
    assert file_of(kept[other_account.pk]).strip() == EMAIL
    assert not TrappedMail.objects.exists()
    assert bytes(IncomingMail.objects.get(account=account).raw) == b""
    theirs.refresh_from_db()
    assert bytes(theirs.raw) == raw
    assert {"spooling_content", "spooling_trappedmail", "spooling_incomingmail"} <= set(record.erased)
