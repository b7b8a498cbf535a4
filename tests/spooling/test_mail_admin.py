"""One mail's page with its whole story, the moves it offers, and how mails are found among millions."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models import AuditEntry, DeliveryAttempt
from spooling import limits, repeats, routers, suppressions
from spooling.admin import mail_search, mail_stories
from spooling.models import Claim, Content, IncomingMail, Mail, Router, Spooler, Submission
from spooling.models.mails import MailState
from spooling.outbox import drafts, intake, public_ids
from stats import events, webhooks
from stats.models import EventKind, WebhookDelivery
from tests import outbox_states

ADDRESS = "ada@example.net"


@pytest.fixture
def make_mail(account, key):
    """Call with an address, and fields of the submission, for a mail."""
    issued = account.api_keys.get()

    def call(email=ADDRESS, *, of=account, domain_id=None, **fields):
        content = drafts.NewContent(
            from_email="shop@example.org",
            subject="Hello",
            text="Hello there",
            html="<p>Hello <b>there</b></p>",
        )
        send = drafts.NewSend(
            content=content, mails=(drafts.NewMail(email=email, tags=("spring",)),), domain_id=domain_id
        )
        key_id = issued.pk if of == account else None
        submission = drafts.NewSubmission(account_id=of.pk, wire="native", api_key_id=key_id, **fields)
        [accepted] = intake.accept(submission, [send], now=timezone.now())
        return Mail.objects.get(pk=accepted.id)

    return call


@pytest.fixture
def mail(make_mail):
    return make_mail(client_reference="order 7", tags=("shop",), metadata={"order": 7})


def page_of(mail, name="change"):
    return reverse(f"admin:spooling_mail_{name}", args=(mail.pk,))


def shown(client, mail):
    return client.get(page_of(mail)).content.decode()


def happen(mail, kind, *, router="", counts=1, at=None, **detail):
    happening = events.Happening(
        account_id=mail.account_id,
        domain_id=None,
        spooler_id=mail.spooler_id,
        mail_id=mail.pk,
        destination="example.net",
        provider=mail.provider,
        router=router,
        lane=mail.lane,
        kind=kind,
        at=at or timezone.now(),
        counts=counts,
        detail=detail,
    )
    events.record([happening])


def find(client, text, **filters):
    answer = client.get(reverse("admin:spooling_mail_changelist"), {"q": text, **filters})
    assert answer.status_code == 200
    return {mail.pk for mail in answer.context["cl"].result_list}


def do(client, mail, name):
    return client.post(page_of(mail, name), {"_form_submitted": "True"})


def test_every_kind_of_event_has_a_word():
    assert mail_stories.WORDS.keys() == set(EventKind.values)


def test_a_mails_page_tells_every_try_with_its_reply_and_who_opened_it(staff, mail):
    happen(mail, EventKind.TEMPFAIL, router="smarthost", code=451, reply="451 4.7.1 Try <b>later</b>")
    happen(mail, EventKind.DELIVERED, router="smarthost", code=250, reply="2.0.0 Ok: queued as 4711")
    happen(mail, EventKind.OPEN, who="scanner", ip="192.0.2.7", useragent="Barracuda", counts=0)
    happen(mail, EventKind.CLICK, who="human", ip="192.0.2.8", url="https://shop.example/")
    happen(mail, EventKind.OPEN, who="proxy", ip="192.0.2.9")
    page = shown(staff, mail)
    told = [
        "Try 1: deferred",
        "451 4.7.1 Try &lt;b&gt;later&lt;/b&gt;",
        "Try 2: delivered",
        "250 2.0.0 Ok: queued as 4711",
        "through smarthost",
        "by a scanner",
        "by a person",
        "by a proxy",
        "url: https://shop.example/",
    ]
    assert [text for text in told if text not in page] == []
    assert page.index("Try 1") < page.index("Try 2") < page.index("by a scanner") < page.index("by a proxy")


def test_a_mails_page_tells_the_call_that_made_it_and_its_ids(staff, account, mail):
    page = shown(staff, mail)
    call = Submission.objects.get()
    prefix = account.api_keys.get().prefix
    for text in (
        *(mail.public_id.hex, str(mail.public_id), public_ids.letter_first(mail.public_id)),
        *(str(call.public_id), prefix, "order 7", "spring, shop", "{&quot;order&quot;: 7}"),
    ):
        assert text in page
    api_keys.revoke(account.api_keys.get(), now=timezone.now())
    assert prefix in shown(staff, mail)


def test_a_mail_whose_call_and_claim_are_gone_still_has_a_page(staff, mail):
    Submission.objects.all().delete()
    Mail.objects.update(state=MailState.SENDING, claim=99)
    assert "Being sent" in shown(staff, mail)


def test_a_mails_page_tells_what_came_in_about_it(staff, client, account, mail):
    row = IncomingMail.objects.create(
        account=account, mail_id=mail.pk, kind="bounce", digest="d", raw=b"Subject: x\r\n\r\ny"
    )
    happen(mail, EventKind.BOUNCE, **{"class": "unknown_user", "status": "5.1.1", "code": None})
    page = shown(staff, mail)
    assert "Came in: bounce" in page
    assert reverse("admin:spooling_incomingmail_change", args=(row.pk,)) in page
    assert "class: unknown_user · status: 5.1.1" in page


def test_a_mails_page_names_the_suppression_that_holds(staff, account, other_account, mail):
    theirs = suppressions.Scope(account_id=other_account.pk)
    suppressions.suppress(theirs, ADDRESS, reason="complaint", source="rival", now=timezone.now())
    assert "the address is suppressed" not in shown(staff, mail)
    own = suppressions.Scope(account_id=account.pk, stream="transactional")
    row = suppressions.suppress(own, ADDRESS, reason="hard_bounce", source="smtp", now=timezone.now())
    page = shown(staff, mail)
    assert "Hard Bounce: the address is suppressed on the transactional lane since" in page
    assert "(smtp)" in page and "rival" not in page
    assert reverse("admin:spooling_suppression_change", args=(row.pk,)) in page


def test_a_mails_page_tells_which_calls_of_webhooks_were_about_it(staff, account, other_account, mail):
    event = events.of_mail(mail.pk).get()
    for number, owner in enumerate((account, other_account)):
        wanted = webhooks.Wanted(url=f"https://hooks{number}.example/in")
        webhook, _ = webhooks.create(owner.pk, wanted, now=timezone.now())
        for first, status in ((event.pk, 204), (event.pk + 5, 503)):
            WebhookDelivery.objects.create(
                webhook=webhook, first_event_id=first, last_event_id=first + 1, events=1, status=status
            )
    page = shown(staff, mail)
    assert "https://hooks0.example/in" in page and "</a> 204" in page
    assert "hooks1" not in page and "503" not in page


def test_a_mail_that_is_being_sent_names_its_worker(staff, mail):
    ends = timezone.now() + timedelta(minutes=5)
    claim = Claim.objects.create(
        worker="w1-bulk", host="h", boot="b", lane="bulk", leased_until=ends, first_mail_id=1, last_mail_id=9
    )
    Mail.objects.update(state=MailState.SENDING, claim=claim)
    assert "Being sent by w1-bulk until" in shown(staff, mail)
    Mail.objects.update(state=MailState.IN_DOUBT, claim=None)
    assert "In doubt: it may have arrived" in shown(staff, mail)


def test_the_page_says_what_keeps_a_waiting_mail_from_leaving(staff, mail):
    routers.ensure_default()
    router = Router.objects.get()
    until = routers.defer(router.pk, fault="no route", now=timezone.now() + timedelta(hours=1))
    routers._table = None
    sentence = "The server that it leaves by cannot be reached."
    Mail.objects.update(opened_at=timezone.now())
    page = shown(staff, mail)
    assert f"{sentence} ({until:%d %b %Y, %H:%M} UTC)" in page and "It was opened." not in page
    outbox_states.put(state="delivered")
    assert sentence not in shown(staff, mail)


def test_a_mail_that_waits_in_a_cancelled_spooler_is_shown_as_cancelled(staff, mail):
    Spooler.objects.update(state="cancelled")
    page = shown(staff, mail)
    assert "mail-is-cancelled" in page and page_of(mail, "withdraw") not in page


def test_a_page_asks_as_many_questions_of_a_mail_that_was_opened_often_and_shows_the_first(
    staff, mail, monkeypatch
):
    def asked():
        with CaptureQueriesContext(connection) as seen:
            shown(staff, mail)
        return len(seen)

    asked()
    few = asked()
    monkeypatch.setattr(mail_stories, "MOST_EVENTS", 10)
    for _ in range(20):
        happen(mail, EventKind.OPEN, who="human", counts=0)
    assert asked() == few
    page = shown(staff, mail)
    assert page.count("Opened") == 9 and "There are more" in page


def test_a_mail_is_found_by_its_id_in_every_spelling(staff, make_mail, mail):
    make_mail("bob@example.net")
    attempt = DeliveryAttempt(pk=4_000_000)
    Mail.objects.filter(pk=mail.pk).update(attempt=attempt.pk)
    hexed = mail.public_id.hex
    spellings = [
        *(hexed, hexed.upper(), str(mail.public_id), public_ids.letter_first(mail.public_id), f" {hexed} "),
        *(f"<{hexed}@shop.example>", f"{hexed}@shop.example", f"b-{hexed}@bounces.example"),
        *(str(mail.pk), "4000000", str(Submission.objects.order_by("id").first().public_id)),
    ]
    assert {text: find(staff, text) for text in spellings} == {text: {mail.pk} for text in spellings}


def test_mails_are_found_by_address_domain_and_spooler(staff, account, other_account, make_mail, mail):
    domain = domains.add(account, name="shop.example", now=timezone.now())
    other = make_mail("Bob@Elsewhere.example", domain_id=domain.pk)
    theirs = make_mail(ADDRESS, of=other_account)
    assert find(staff, ADDRESS) == find(staff, "ada@EXAMPLE.net") == {mail.pk, theirs.pk}
    assert find(staff, "@example.net") == find(staff, "example.net") == {mail.pk, theirs.pk}
    assert find(staff, "shop.example") == find(staff, "elsewhere.example") == {other.pk}
    assert find(staff, mail.spooler.token) == {mail.pk, other.pk}
    assert find(staff, ADDRESS, account__id__exact=account.pk) == {mail.pk}
    assert find(staff, "", spooler=theirs.spooler_id) == {theirs.pk}


NOWHERE = [
    "0" * 32,
    "99999999999999999999",
    "m" + "z" * 25,
    "nobody",
    "a@b@c",
    "@",
    "½",
    "%",
    "x" * 5000,
    "²",
]


@pytest.mark.parametrize("text", NOWHERE)
def test_what_speaks_of_no_mail_finds_none(staff, mail, text):
    assert find(staff, text) == set()


def test_a_null_character_finds_nothing_wrong(staff, mail):
    assert staff.get(reverse("admin:spooling_mail_changelist"), {"q": "a\0b"}).status_code == 200


def test_what_no_index_finds_is_looked_for_among_the_newest_only(staff, account, make_mail, monkeypatch):
    old, middle, new = (make_mail(f"{name}@example.net") for name in ("old", "middle", "new"))
    monkeypatch.setattr(mail_search, "LOOKED_AT", 2)
    monkeypatch.setattr(mail_search, "LOOKED_AT_IN_SPOOLER", 1)
    assert find(staff, "example.net") == {middle.pk, new.pk}
    assert find(staff, "", state__exact="waiting") == {middle.pk, new.pk}
    assert find(staff, "", lane__exact="transactional", account__id__exact=account.pk) == {middle.pk, new.pk}
    assert find(staff, "", state__exact="waiting", spooler=old.spooler_id) == {new.pk}
    assert find(staff, "old@example.net") == {old.pk}
    assert find(staff, "", state__exact="odd", lane__exact="odd") == {old.pk, middle.pk, new.pk}


def test_what_is_in_doubt_is_found_however_old(staff, make_mail, monkeypatch):
    old, _ = make_mail("old@example.net"), make_mail("new@example.net")
    monkeypatch.setattr(mail_search, "LOOKED_AT", 1)
    Mail.objects.filter(pk=old.pk).update(state=MailState.IN_DOUBT)
    old.refresh_from_db()
    mail_search.Pending.objects.filter(mail=old).update(state=MailState.IN_DOUBT)
    assert find(staff, "", state__exact="in_doubt") == {old.pk}


def test_the_list_counts_no_table(staff, mail):
    with CaptureQueriesContext(connection) as seen:
        find(staff, "example.net", state__exact="waiting")
    assert not [
        query["sql"] for query in seen if "COUNT(*)" in query["sql"] and "spooling_mail" in query["sql"]
    ]


def test_a_waiting_mail_is_cancelled_by_a_confirmed_post_only(staff, mail):
    assert page_of(mail, "withdraw") in shown(staff, mail) and page_of(mail, "repeat") not in shown(
        staff, mail
    )
    assert staff.get(page_of(mail, "withdraw")).status_code == 200
    mail.refresh_from_db()
    assert mail.state == MailState.WAITING
    assert do(staff, mail, "withdraw")["HX-Redirect"] == page_of(mail)
    mail.refresh_from_db()
    assert mail.state == MailState.CANCELLED
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.account) == ("mail.cancel", f"mail {mail.pk}", mail.account)
    do(staff, mail, "withdraw")
    assert AuditEntry.objects.count() == 1
    assert page_of(mail, "withdraw") not in shown(staff, mail)


def test_a_held_mail_is_tried_again(staff, mail):
    do(staff, mail, "put_back")
    assert not AuditEntry.objects.exists()
    assert "cannot be tried again" in shown(staff, mail)
    mail_search.Pending.objects.all().delete()
    Mail.objects.update(state=MailState.QUARANTINED, ended_at=timezone.now(), tries=3)
    do(staff, mail, "put_back")
    mail.refresh_from_db()
    assert (mail.state, mail.tries) == (MailState.WAITING, 0)
    assert AuditEntry.objects.get().action == "mail.retry"
    assert "Waits again" in shown(staff, mail)


def test_a_mail_is_sent_once_more_as_it_was(staff, mail):
    Mail.objects.update(state=MailState.DELIVERED, ended_at=timezone.now())
    answer = do(staff, mail, "repeat")
    new = Mail.objects.exclude(pk=mail.pk).get()
    assert answer["HX-Redirect"] == page_of(new)
    assert (new.email, new.content_id, new.account_id) == (mail.email, mail.content_id, mail.account_id)
    assert (new.submission.wire, new.submission.metadata, new.tags) == ("admin", {"order": 7}, ["spring"])
    assert AuditEntry.objects.get().action == "mail.repeat"


@pytest.mark.parametrize("model", [Mail, Content])
def test_what_is_erased_is_not_sent_once_more(staff, mail, model):
    model.objects.update(erased_at=timezone.now())
    do(staff, mail, "repeat")
    assert Mail.objects.count() == 1 and not AuditEntry.objects.exists()
    assert "It is erased." in shown(staff, mail)


def test_a_handed_over_message_is_not_sent_once_more_beside_its_attempts(staff, mail):
    Submission.objects.update(wire="handoff")
    do(staff, mail, "repeat")
    assert Mail.objects.count() == 1 and not AuditEntry.objects.exists()
    assert "another attempt of its own" in shown(staff, mail)


def test_a_limit_of_the_account_holds_for_repeats(staff, mail):
    mail.account.mails_per_hour = 1
    mail.account.save()
    limits._rooms.clear()
    do(staff, mail, "repeat")
    assert Mail.objects.count() == 1 and not AuditEntry.objects.exists()


def test_repeats_of_an_other_account_stay_there(other_account, make_mail):
    theirs = make_mail("bob@example.net", of=other_account)
    accepted = repeats.once_more(theirs, wire="admin", now=timezone.now())
    assert Mail.objects.get(pk=accepted.id).account_id == other_account.pk


@pytest.mark.parametrize("name", ["withdraw", "put_back", "repeat"])
def test_staff_who_may_only_look_see_the_story_and_move_nothing(clerk, mail, name):
    assert "What happened" in shown(clerk, mail)
    assert page_of(mail, name) not in shown(clerk, mail)
    assert do(clerk, mail, name).status_code == 403
    assert Mail.objects.get().state == MailState.WAITING


def test_a_mail_that_is_not_there_has_no_page(staff, db):
    for path in ("4711", "x", "99999999999999999999999"):
        answer = staff.get(f"/admin/spooling/mail/{path}/change/")
        assert answer.status_code == 302
    assert do(staff, Mail(pk=4711), "repeat").status_code == 404
