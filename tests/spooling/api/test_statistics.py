from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from earwig import domains
from spooling import spoolers, suppressions
from stats import rollups
from stats.figures import NAMES
from tests import mail_moves

pytestmark = pytest.mark.django_db


def get(path, key, **query):
    return Client().get(f"/api/v1/{path}/", query, headers={"Authorization": f"Token {key}"})


def read(path, key, **query):
    answer = get(path, key, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def figures(**those):
    return {name: those.get(name, 0) for name in NAMES}


@pytest.fixture
def mails(spool, campaign):
    """Three of a campaign: one delivered, one deferred, one not tried. And one of the stream."""
    made = spool("a@x.example", "b@gmail.com", "c@x.example", lane="bulk", spooler_id=campaign.pk)
    mail_moves.settle(made[0].id, "tempfail", "delivered")
    mail_moves.settle(made[1].id, "tempfail", "tempfail", router="south")
    spool("d@x.example")
    return made


def test_the_figures_of_an_account_and_of_a_spooler(mails, campaign, key):
    assert read("statistics", key) == [{"figures": figures(spooled=4, delivered=1, deferred=1)}]
    rollups.roll()
    (found,) = read("statistics", key, spooler=campaign.token)
    assert found == {"figures": figures(spooled=3, delivered=1, deferred=1)}


def test_figures_are_grouped(mails, campaign, key):
    by_router = read("statistics", key, spooler=campaign.token, group_by="router")
    assert by_router == [
        {"router": "none", "figures": figures(spooled=1)},
        {"router": "north", "figures": figures(spooled=1, delivered=1)},
        {"router": "south", "figures": figures(spooled=1, deferred=1)},
    ]
    both = read("statistics", key, group_by="router_destination")
    assert [(group["router"], group["destination"], group["figures"]["spooled"]) for group in both] == [
        ("none", "x.example", 2),
        ("north", "x.example", 1),
        ("south", "gmail.com", 1),
    ]
    assert [group["provider"] for group in read("statistics", key, group_by="provider")] == ["gmail", "other"]


def test_figures_of_days_and_of_a_domain(spool, account, key):
    domain = domains.add(account, name="shop.example", now=timezone.now())
    spool("a@x.example", now=datetime(2026, 3, 4, 23, 59, tzinfo=UTC))
    spool("b@x.example", now=datetime(2026, 3, 5, 0, 0, tzinfo=UTC), domain_id=domain.pk)

    def spooled(**query):
        return read("statistics", key, **query)[0]["figures"]["spooled"]

    assert spooled(since="2026-03-04", until="2026-03-04") == 1
    assert spooled(since="2026-03-05") == 1
    assert spooled(until="2026-03-03") == 0
    assert spooled(domain="shop.example") == 1


def test_suppressed_mail_is_spooled_and_blocked(spool, account, key):
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "a@x.example", reason="manual", source="test", now=timezone.now())
    (accepted,) = spool("a@x.example")
    mail_moves.settle(accepted.id, "blocked")
    assert read("statistics", key) == [{"figures": figures(spooled=1, blocked=1)}]


def test_the_timeline_of_a_spooler_goes_by_hours_and_that_of_an_account_by_days(mails, campaign, key):
    hours = read("timeline", key, spooler=campaign.token)
    assert 1 <= len(hours) <= 2
    assert hours[0]["start"].endswith(":00:00Z")
    assert sum(hour["figures"]["spooled"] for hour in hours) == 3
    days = read("timeline", key)
    assert len(days) == 30
    assert sum(day["figures"]["deferred"] for day in days) == 3
    assert days[-1]["start"] == f"{timezone.now():%Y-%m-%d}T00:00:00Z"
    assert sum(day["figures"]["spooled"] for day in read("timeline", key, lane="transactional")) == 1


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("statistics", {"group_by": "x"}, "group_by"),
        ("statistics", {"since": "yesterday"}, "since"),
        ("statistics", {"period": "day"}, "period"),
        ("timeline", {"lane": "fast"}, "lane"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(key, path, query, field):
    answer = get(path, key, **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_a_spooler_has_no_domain_lane_or_days_to_choose(campaign, key):
    for path, name, value in (
        ("statistics", "since", "2026-03-04"),
        ("statistics", "domain", "shop.example"),
        ("timeline", "lane", "bulk"),
    ):
        answer = get(path, key, spooler=campaign.token, **{name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


def test_a_stranger_finds_neither_figures_nor_what_they_are_of(
    mails, campaign, account, other_account, other_key
):
    domains.add(account, name="shop.example", now=timezone.now())
    assert read("statistics", other_key) == [{"figures": figures()}]
    assert read("statistics", other_key, group_by="destination") == []
    assert not any(day["figures"]["spooled"] for day in read("timeline", other_key))
    for path in ("statistics", "timeline"):
        foreign = get(path, other_key, spooler=campaign.token)
        unknown = get(path, other_key, spooler="s" + "0" * 32)
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json() == unknown.json()
        assert (
            get(path, other_key, domain="shop.example").json()
            == get(path, other_key, domain="no.example").json()
        )


def test_drafts_have_no_figures_to_ask_for(account, key):
    drafts = spoolers.of_drafts(account.pk, None)
    assert get("statistics", key, spooler=drafts.token).status_code == 404
