"""Figures by the hour and by the day (contract §6.2)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from spooling import suppressions
from spooling.inbound import marks
from spooling.inbound.dsn import Action, Outcome
from spooling.models import Mail
from spooling.outbox import moves
from stats import rollups
from tests import event_horizon, mail_moves
from tests.wires.relay.clients import refused
from tests.wires.relay.test_deliveries import follow
from tests.wires.relay.test_messages import LETTER

pytestmark = pytest.mark.django_db(transaction=True)

DAY = datetime(2026, 3, 4, tzinfo=UTC)
WHOLE = "per_page=200&from=2026-03-04T00:00:00.000Z&to=2026-03-05T00:00:00.000Z"
DELIVERIES = {
    *("from", "to", "hours", "total", "sent", "hard_bounced", "soft_bounced"),
    *("dropped", "opened", "clicked"),
}
EVENTS = {"from", "to", "hours", "opens", "clicks"}


def items(caller, path, query=WHOLE):
    return caller.get(f"statistics/{path}?{query}").json()["items"]


def sums(found):
    return {name: sum(item[name] for item in found) for name in DELIVERIES - {"from", "to"}}


@pytest.mark.parametrize("rolled", [False, True])
def test_relay_16_hours_are_told_without_gaps_and_add_up(caller, spool, rolled):
    for hour, number in [(0, 2), (9, 3), (23, 1)]:
        spool(*(f"ana{n}@x.example" for n in range(number)), at=DAY + timedelta(hours=hour, minutes=59))
    spool("next@x.example", at=DAY + timedelta(days=1))
    spool("before@x.example", at=DAY - timedelta(microseconds=1))
    if rolled:
        event_horizon.wait()
        rollups.roll()
    document = caller.get(f"statistics/deliveries/by_hour?{WHOLE}").json()
    found = document["items"]
    assert [item["from"] for item in found] == [f"2026-03-04T{hour:02}:00:00+00:00" for hour in range(24)]
    assert all(set(item) == DELIVERIES and item["hours"] == 1 for item in found)
    assert all(isinstance(item[name], int) for item in found for name in DELIVERIES - {"from", "to"})
    assert {number: item["total"] for number, item in enumerate(found) if item["total"]} == {
        0: 2,
        9: 3,
        23: 1,
    }
    deliveries = caller.get(f"deliveries?{WHOLE}").json()
    assert sums(found)["total"] == deliveries["itemsCount"] == 6
    assert (document["itemsCount"], document["pagesCount"]) == (24, 1)
    (day,) = items(caller, "deliveries/by_day")
    assert (day["hours"], day["total"]) == (24, 6)


def test_what_became_of_mails_is_counted_where_it_happened(caller, acme, spool):
    with time_machine.travel(DAY + timedelta(hours=8), tick=False):
        mails = spool(*(f"{name}@x.example" for name in "abcdef"), at=timezone.now())
        sent, hard, soft, back, full, gone = mails
    with time_machine.travel(DAY + timedelta(hours=9), tick=False):
        for mail in (sent, back, full):
            mail_moves.settle(mail.pk, "delivered")
        mail_moves.settle(hard.pk, "failed", code=550)
        mail_moves.settle(soft.pk, "failed", code=451)
        moves.cancel(Mail.objects.get(pk=gone.pk), now=timezone.now())
        marks.bounce(back.pk, Outcome(action=Action.FAILED, status="5.1.1"), now=timezone.now())
        marks.bounce(full.pk, Outcome(action=Action.FAILED, status="5.2.2"), now=timezone.now())
        follow(sent, b"p", at=timezone.now())
        follow(sent, b"p", at=timezone.now())
        follow(sent, b"c", at=timezone.now())
    found = items(caller, "deliveries/by_hour")
    assert {number for number, item in enumerate(found) if any(sums([item])[name] for name in _COUNTS)} == {
        8,
        9,
    }
    assert found[8]["total"] == 6 and found[9]["total"] == 0
    expected = {"sent": 3, "hard_bounced": 2, "soft_bounced": 2, "dropped": 1, "opened": 1, "clicked": 1}
    assert {name: found[9][name] for name in expected} == expected
    (day,) = items(caller, "deliveries/by_day")
    assert {name: day[name] for name in expected} == expected
    hits = items(caller, "events/by_hour")
    assert len(hits) == 24 and all(set(item) == EVENTS for item in hits)
    assert (hits[9]["opens"], hits[9]["clicks"]) == (2, 1)
    assert items(caller, "events/by_day")[0] == {
        "from": "2026-03-04T00:00:00+00:00",
        "to": "2026-03-05T00:00:00+00:00",
        **{"hours": 24, "opens": 2, "clicks": 1},
    }


_COUNTS = DELIVERIES - {"from", "to", "hours"}


def test_a_mail_that_failed_and_was_asked_for_again_bounced_no_more(caller, spool):
    with time_machine.travel(DAY + timedelta(hours=8), tick=False):
        (mail,) = spool("ana@x.example", at=timezone.now())
        mail_moves.settle(mail.pk, "failed", code=550)
        assert moves.retry(Mail.objects.all(), why="asked", now=timezone.now()) == 1
        mail_moves.settle(mail.pk, "delivered")
    (day,) = items(caller, "deliveries/by_day")
    assert (day["sent"], day["hard_bounced"], day["soft_bounced"]) == (1, 0, 0)


def test_relay_11_a_dropped_delivery_counts(caller, acme):
    suppressions.suppress(
        suppressions.Scope(account_id=acme.pk), "ana@x.example", reason="manual", source="test", now=DAY
    )
    caller.post("messages", LETTER)
    found = items(caller, "deliveries/by_hour", "per_page=200")
    assert sums(found)["dropped"] == sums(found)["total"] == 1


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ("from=2026-03-04T03:00Z&to=2026-03-06T03:00Z", [21, 24, 3]),
        ("from=2026-03-04T03:30Z&to=2026-03-04T04:00Z", [0.5]),
        ("from=2026-03-04T03:20Z&to=2026-03-04T03:40Z", [0.3333]),
    ],
)
def test_a_bucket_is_as_long_as_the_window_lets_it(caller, spool, query, hours):
    for minute in (10, 25, 35, 50):
        spool("ana@x.example", at=DAY + timedelta(hours=3, minutes=minute))
    found = items(caller, "deliveries/by_day", query)
    assert [item["hours"] for item in found] == hours
    assert found[0]["from"] == f"2026-03-04T03:{query[19:21]}:00+00:00"
    assert sums(found)["total"] == caller.get(f"deliveries?{query}").json()["itemsCount"]


@pytest.mark.parametrize(("path", "shortest"), [("by_hour", 24), ("by_day", 30)])
def test_a_window_without_a_begin_is_of_the_last_time(caller, acme, path, shortest):
    spool_now = caller.post("messages", LETTER)
    assert spool_now.status_code == 201
    found = items(caller, f"deliveries/{path}", "per_page=200")
    assert len(found) in (shortest, shortest + 1)
    assert found[-1]["total"] + found[-2]["total"] == 1
    assert len(items(caller, f"events/{path}", "per_page=200&to=2026-01-02Z")) == shortest


def test_pages_of_buckets_lead_to_each_other(caller, spool):
    spool("ana@x.example", at=DAY + timedelta(hours=7))
    page = caller.get("statistics/deliveries/by_hour?per_page=5&from=2026-03-04Z&to=2026-03-04T12:00Z").json()
    assert (len(page["items"]), page["itemsCount"], page["pagesCount"]) == (5, 12, 3)
    (following,) = [link["href"] for link in page["_links"] if link["rel"].endswith(" next")]
    second = caller.get(following).json()
    assert second["items"][0]["from"] == page["items"][-1]["to"]
    assert [item["total"] for item in second["items"]] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    "path", ["deliveries/by_hour", "deliveries/by_day", "events/by_hour", "events/by_day"]
)
def test_any_window_is_answered(caller, stranger, acme, path):
    assert items(caller, path, "from=0001-01-01Z&to=0001-01-01T00:30:00Z")[0]["hours"] == 0.5
    assert items(caller, path, "to=0001-01-01Z") == []
    assert len(items(caller, path, "from=0001-01-01Z")) == 20
    assert refused(caller.get(f"statistics/{path}?from=2026-03-04")) == ("400.1", ["from"])
    assert refused(stranger.get(f"/accounts/acme/statistics/{path}")) == ("403.0", [])


def test_figures_are_nobody_elses(stranger, spool):
    spool("ana@x.example", at=DAY)
    stranger.account = "rival"
    assert sums(items(stranger, "deliveries/by_hour"))["total"] == 0
    assert sums(items(stranger, "deliveries/by_day"))["total"] == 0
