"""Deliveries and their events (contract §6.1, §6.4)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from earwig import domains
from spooling import deliveries, spoolers, suppressions
from spooling.inbound import marks
from spooling.inbound.dsn import Action, Outcome
from spooling.models import Mail
from spooling.models.mails import MailState
from spooling.outbox import moves
from spooling.tracking import hits
from spooling.tracking.tokens import Token
from spooling.tracking.visitors import Visitor, Who
from tests import event_horizon, mail_moves
from tests.wires.relay.clients import refused
from tests.wires.relay.test_messages import LETTER

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MEMBERS = {
    *("subject", "senderAddress", "recipientAddress", "date", "status", "bounceType", "opens", "clicks"),
    *("id", "messageId", "senderName", "recipientName", "metadata", "_links"),
}
PERSON = Visitor(who=Who.HUMAN, ip="192.0.2.7", agent="Mail/1.0")


def follow(mail, kind, visitor=PERSON, at=NOON):
    hits.record(Token(kind, mail.pk), visitor, now=at)


def listed(caller, query=""):
    document = caller.get(f"deliveries?{query}").json()
    return [item["recipientAddress"] for item in document["items"]]


def turns(document):
    return {link["rel"].split()[-1]: link["href"] for link in document["_links"] if "page=" in link["href"]}


def test_relay_13_deliveries_are_found_by_a_filter_and_shown_by_pages(caller, spool):
    spool(*(f"ana{number}@x.example" for number in range(12)), "bob@x.example")
    page = caller.get("deliveries?filter=ana&from=2017-01-01T00:00:00.000Z&per_page=5").json()
    assert (len(page["items"]), page["itemsCount"], page["pagesCount"]) == (5, 12, 3)
    seen = [item["id"] for item in page["items"]]
    (following,) = [link for link in page["_links"] if link["rel"].endswith("next")]
    assert following["rel"] == "/docs/rels/get-delivery-collection next"
    for kept in ("filter=ana", "from=2017-01-01T00%3A00%3A00.000Z", "per_page=5", "to="):
        assert kept in following["href"]
    while following := turns(page).get("next"):
        # What comes in meanwhile moves nothing.
        spool("ana-late@x.example", at=timezone.now())
        page = caller.get(following).json()
        seen += [item["id"] for item in page["items"]]
    assert page["currentPage"] == 3 and len(seen) == len(set(seen)) == 12


def test_relay_14_a_moment_needs_its_zone(caller, acme):
    assert refused(caller.get("deliveries?from=2015-08-15T09:00")) == ("400.1", ["from"])
    assert refused(caller.get("deliveries?to=yesterday")) == ("400.1", ["to"])
    assert refused(caller.get("deliveries?from=2015-08-15Z&to=2015-08-15Z")) == ("400.1", ["from"])


def test_relay_15_a_plus_may_come_unencoded_and_the_end_is_not_within(caller, spool):
    start, end = datetime(2015, 8, 15, 5, tzinfo=UTC), datetime(2015, 8, 15, 7, tzinfo=UTC)
    for email, at in [
        *(("before@x.example", start - timedelta(microseconds=1)), ("first@x.example", start)),
        *(("last@x.example", end - timedelta(microseconds=1)), ("after@x.example", end)),
    ]:
        spool(email, at=at)
    # A client of Django's would encode it.
    raw = caller.get("deliveries?from=2015-08-15T09:00:00+04:00").json()["items"]
    zulu = caller.get("deliveries?from=2015-08-15T05:00:00Z").json()["items"]
    assert raw == zulu and [item["recipientAddress"] for item in raw] == [
        *("after@x.example", "last@x.example", "first@x.example"),
    ]
    bounded = listed(caller, "from=2015-08-15T09:00:00+04:00&to=2015-08-15T07:00:00Z")
    assert bounded == ["last@x.example", "first@x.example"]


def test_a_delivery_has_all_its_members(caller, spool):
    (mail,) = spool("ana@x.example")
    (item,) = caller.get("deliveries").json()["items"]
    assert set(item) == MEMBERS
    assert (item["subject"], item["senderAddress"], item["senderName"]) == (
        "Order 1",
        "shop@test.com",
        "Shop",
    )
    assert (item["status"], item["bounceType"], item["opens"], item["clicks"]) == ("queued", None, 0, 0)
    assert (item["date"], item["metadata"]) == ("2026-03-04T12:00:00+00:00", {"order": 7})
    assert item["id"] == str(mail.public_id) and item["messageId"] == str(mail.submission.public_id)
    assert [link["rel"] for link in item["_links"]] == ["/docs/rels/get-delivery", "/docs/rels/get-message"]
    assert caller.get(item["_links"][1]["href"]).json()["id"] == item["messageId"]


def test_what_happened_to_a_delivery_is_shown_with_it(caller, spool):
    (mail,) = spool("ana@x.example")
    mail_moves.settle(mail.pk, "tempfail", "delivered")
    follow(mail, b"p")
    follow(mail, b"p", Visitor(who=Who.SCANNER, ip="192.0.2.8", agent="Barracuda"))
    document = caller.get(f"deliveries/{mail.public_id}").json()
    assert set(document) == MEMBERS | {"events"}
    assert [event["type"] for event in document["events"]] == [
        *("queued", "retrying", "sent", "open", "open"),
    ]
    assert document["events"][3] == {
        "type": "open",
        "date": "2026-03-04T12:00:00+00:00",
        "recipientAddress": "ana@x.example",
        "ip": "192.0.2.7",
        "userAgent": "Mail/1.0",
    }
    assert (document["opens"], document["clicks"]) == (2, 0)


@pytest.mark.parametrize(
    ("steps", "code", "reply", "status", "bounce"),
    [
        (["delivered"], 250, "ok", "sent", None),
        (["tempfail"], 451, "later", "retrying", None),
        (["failed"], 550, "5.1.1 no such user", "rejected", "hard"),
        (["failed"], 451, "4.2.0 given up", "rejected", "soft"),
        (["failed"], 556, "5.1.10 The domain says that it takes no mail.", "invalid", "hard"),
        (["failed"], 451, "4.4.4 unknown domain, given up", "rejected", "soft"),
        (["quarantined"], 0, "held", "queued", None),
        (["expired"], 0, "too late", "rejected", "soft"),
        (["blocked"], 0, "suppressed", "dropped", None),
        (["cancelled"], 0, "erased", "dropped", None),
        (["in_doubt"], 0, "lost", "retrying", None),
    ],
)
def test_a_status_tells_what_became_of_a_delivery(caller, spool, steps, code, reply, status, bounce):
    (mail,) = spool("ana@x.example")
    mail_moves.settle(mail.pk, *steps, code=code, reply=reply)
    document = caller.get(f"deliveries/{mail.public_id}").json()
    assert (document["status"], document["bounceType"]) == (status, bounce)


def test_every_state_of_a_mail_has_a_status():
    assert set(deliveries._STATUSES) == set(MailState.values)


@pytest.mark.parametrize(
    ("status", "shown", "bounce"),
    [("5.1.1", "rejected", "hard"), ("5.2.2", "rejected", "soft"), ("5.1.2", "invalid", "hard")],
)
def test_a_mail_that_came_back_was_rejected(caller, spool, status, shown, bounce):
    (mail,) = spool("ana@x.example")
    mail_moves.settle(mail.pk, "delivered")
    marks.bounce(mail.pk, Outcome(action=Action.FAILED, status=status), now=NOON)
    document = caller.get(f"deliveries/{mail.public_id}").json()
    assert (document["status"], document["bounceType"]) == (shown, bounce)


def test_a_suppressed_recipient_is_dropped(caller, acme):
    suppressions.suppress(
        suppressions.Scope(account_id=acme.pk), "ana@x.example", reason="manual", source="test", now=NOON
    )
    answer = caller.post("messages", LETTER).json()
    assert caller.get(answer["_links"][1]["href"]).json()["status"] == "dropped"


def test_what_waits_in_a_cancelled_campaign_is_dropped(caller, acme, spool):
    campaign = spoolers.open_campaign(acme, name="spring", now=NOON)
    spool("ana@x.example", spooler_id=campaign.pk, lane="bulk")
    spoolers.cancel(campaign, now=NOON)
    assert [item["status"] for item in caller.get("deliveries").json()["items"]] == ["dropped"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ANA", ["ana+news@x.example"]),
        # The plus is not encoded: it is a blank by now.
        ("ana+news@x.example", ["ana+news@x.example"]),
        ("ana%2Bnews@", ["ana+news@x.example"]),
        ("order", ["bob@x.example", "ana+news@x.example"]),
        ("shop@test", ["bob@x.example", "ana+news@x.example"]),
        ("%25", []),
        ("nobody", []),
    ],
)
def test_a_filter_is_a_part_of_subject_sender_or_recipient(caller, spool, words, found):
    spool("ana+news@x.example", "bob@x.example")
    assert listed(caller, f"filter={words}") == found


def test_a_filter_that_cannot_be_is_named(caller, acme):
    assert refused(caller.get("deliveries?filter=a%00")) == ("400.1", ["filter"])
    assert refused(caller.get(f"deliveries?filter={'a' * 321}")) == ("400.1", ["filter"])


def test_the_number_of_all_deliveries_is_the_ledgers(caller, acme, spool, django_assert_max_num_queries):
    spool(*(f"ana{number}@x.example" for number in range(30)))
    draft = spoolers.of_drafts(acme.pk, domains.find(acme.pk, "test.com").pk)
    spool("draft@x.example", spooler_id=draft.pk)
    with django_assert_max_num_queries(14):
        page = caller.get("deliveries?per_page=30").json()
    assert page["itemsCount"] == len(page["items"]) == 30
    spool("late@x.example", at=timezone.now() + timedelta(hours=1))
    assert caller.get("deliveries?to=2026-03-05Z").json()["itemsCount"] == 30
    assert caller.get("deliveries?to=1971-01-01Z").json()["itemsCount"] == 0
    assert caller.get("deliveries?to=0001-01-01Z").json()["items"] == []
    assert caller.get("deliveries?from=0001-01-01Z").json()["itemsCount"] == 30


def test_deliveries_are_nobody_elses(stranger, caller, rival, spool):
    (mail,) = spool("ana@x.example")
    stranger.account = "rival"
    assert listed(stranger) == [] and caller.get("deliveries").json()["itemsCount"] == 1
    assert refused(stranger.get(f"deliveries/{mail.public_id}")) == ("404.1", [])
    assert refused(caller.get("deliveries/1")) == refused(caller.get("deliveries/é%00")) == ("404.1", [])
    assert stranger.get("events").json()["items"] == []
    assert refused(stranger.get("/accounts/acme/deliveries")) == ("403.0", [])


def test_the_aggregation_sums_what_became_of_deliveries(caller, spool):
    good, bad, gone = spool("good@x.example", "bad@x.example", "gone@x.example", at=timezone.now())
    mail_moves.settle(good.pk, "delivered")
    mail_moves.settle(bad.pk, "failed", code=550)
    moves.cancel(gone, now=timezone.now())
    follow(good, b"p", at=timezone.now())
    document = caller.get("deliveries/aggregation").json()
    assert {
        name: document[name] for name in ("total", "sent", "hard_bounced", "soft_bounced", "dropped")
    } == {
        **{"total": 3, "sent": 1, "hard_bounced": 1, "soft_bounced": 0, "dropped": 1},
    }
    assert (document["opened"], document["clicked"], document["hours"]) == (1, 0, 720)


def test_events_tell_whom_they_concern(caller, spool):
    (mail,) = spool("ana@x.example", at=timezone.now() - timedelta(hours=2))
    mail_moves.settle(mail.pk, "delivered")
    follow(mail, b"p", at=timezone.now())
    event_horizon.wait()
    document = caller.get("events?per_page=5").json()
    assert [item["type"] for item in document["items"]] == ["open", "sent", "queued"]
    assert document["itemsCount"] == 3
    item = document["items"][0]
    assert (item["deliveryId"], item["recipientAddress"]) == (str(mail.public_id), "ana@x.example")
    assert caller.get(item["_links"][0]["href"]).json()["id"] == item["deliveryId"]
    assert caller.get("events?from=2015-01-01Z&to=2015-02-01Z").json()["items"] == []
    assert refused(caller.get("events?from=2015-01-01")) == ("400.1", ["from"])


def test_events_of_a_mail_that_is_gone_name_nobody(caller, spool):
    (mail,) = spool("ana@x.example", at=timezone.now())
    Mail.objects.filter(pk=mail.pk).delete()
    (item,) = caller.get("events").json()["items"]
    assert (item["deliveryId"], item["recipientAddress"], item["_links"]) == (None, "", [])
