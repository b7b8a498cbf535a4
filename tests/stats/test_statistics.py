"""Figures against a count from the events, whatever is rolled up and when."""

import itertools
import random
from collections import Counter
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction

from stats import events, rollups, statistics, timelines
from stats.events import Happening
from stats.figures import Figures
from stats.models import Event, EventKind
from stats.statistics import Grouping, Period
from tests import event_horizon

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 3, 1, 22, 40, tzinfo=UTC)
FIGURE_OF = {"tempfail": "deferred", "expired": "failed"}
#: What follows what, of one mail.
COURSES = {
    "": ["waiting", "blocked"],
    "waiting": ["delivered", "tempfail", "failed", "expired", "quarantined", "cancelled"],
    "tempfail": ["delivered", "tempfail", "failed", "expired", "cancelled"],
    "failed": ["requeued"],
    "quarantined": ["requeued"],
    "requeued": ["delivered", "tempfail", "failed"],
    "delivered": ["open", "click", "unsubscribe", "mirror", "complaint", "bounce", "response"],
}
ENDS = {"tempfail", "failed", "quarantined"}
HIT = {"open", "click", "unsubscribe", "mirror", "complaint", "bounce", "response"}


class Mailing:
    """Mails of two accounts that live at random. Counts beside what the database is told."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.mails, self.told, self.at = [], [], START

    def spool(self, account_id=1):
        mail = {
            "account_id": account_id,
            "domain_id": self.random.choice([None, 7, 8]),
            "spooler_id": 10 * account_id + self.random.randrange(2),
            "mail_id": len(self.mails) + 1,
            "destination": self.random.choice(["x.example", "y.example", "gmail.com"]),
            "lane": self.random.choice(["bulk", "transactional"]),
            "state": "",
            "counted": {},
            "seen": set(),
        }
        mail["provider"] = "gmail" if mail["destination"] == "gmail.com" else "other"
        self.mails.append(mail)
        return self._tell(mail, "spooled", router="")

    def step(self):
        """A few happenings of one moment."""
        self.at += timedelta(minutes=self.random.randrange(300))
        happenings = [self.spool(self.random.choice([1, 1, 2])) for _ in range(self.random.randrange(4))]
        for mail in self.random.sample(self.mails, min(len(self.mails), 12)):
            happenings += self._live(mail)
        return happenings

    def _live(self, mail):
        kind = self.random.choice(COURSES.get(mail["state"], ["none"]))
        if kind in ("none", "waiting"):
            mail["state"] = kind if kind == "waiting" else mail["state"]
            return []
        counts = int(kind not in mail["seen"]) if kind in HIT else 1
        mail["seen"].add(kind)
        ends = mail["state"] if mail["state"] in ENDS else ""
        routed = kind in ("delivered", "tempfail", "failed")
        told = self._tell(
            mail,
            kind,
            router=self.random.choice(["north", "south"]) if routed else "",
            counts=counts,
            ends=ends,
        )
        if kind not in HIT:
            mail["state"] = kind
        return [told]

    def _tell(self, mail, kind, *, router, counts=1, ends=""):
        if ends:
            mail["counted"].pop(ends)["ended"] = True
        row = {"kind": kind, "router": router, "at": self.at, "counts": counts, "ended": False, "mail": mail}
        if counts:
            mail["counted"][kind] = row
        self.told.append(row)
        names = ("account_id", "domain_id", "spooler_id", "mail_id", "destination", "provider", "lane")
        return Happening(
            **{name: mail[name] for name in names},
            kind=EventKind(kind),
            router=router,
            at=self.at,
            counts=counts,
            ends=ends,
        )

    def count(self, wanted, key, *, increments=False):
        """The figures of `told` by `key`, counted one by one."""
        groups = {}
        for row in self.told:
            lasts = increments and row["kind"] == "tempfail"
            if wanted(row) and row["counts"] and (lasts or not row["ended"]):
                name = FIGURE_OF.get(row["kind"], row["kind"])
                groups.setdefault(key(row), Counter())[name] += 1
        names = {field.name for field in fields(Figures)}
        kept = {key: {n: c for n, c in found.items() if n in names} for key, found in groups.items()}
        return {key: Figures(**found) for key, found in kept.items() if found}


def total(groups):
    return {
        field.name: sum(asdict(each)[field.name] for each in groups.values()) for field in fields(Figures)
    }


def run(seed, steps=60):
    mailing = Mailing(seed)
    for _ in range(steps):
        with transaction.atomic():
            events.record(mailing.step())
        if mailing.random.random() < 0.3:
            rollups.roll()
    return mailing


@pytest.fixture(params=[0, 2, 3, 5])
def mailing(request, monkeypatch):
    monkeypatch.setattr(rollups, "ROLLED_TOGETHER", 7)
    return run(request.param)


def of_mail(**wanted):
    return lambda row: all(row["mail"][name] == value for name, value in wanted.items())


def test_a_spoolers_figures_are_those_of_its_events(mailing):
    mine = of_mail(spooler_id=10)
    assert statistics.of_spooler(10) == mailing.count(mine, lambda row: ())
    for by, name in ((Grouping.PROVIDER, "provider"), (Grouping.DESTINATION, "destination")):
        assert statistics.of_spooler(10, by=by) == mailing.count(
            mine, lambda row, name=name: (row["mail"][name],)
        )


def test_an_accounts_figures_are_those_of_its_events(mailing):
    assert statistics.of_account(1) == mailing.count(of_mail(account_id=1), lambda row: ())
    of_domain = mailing.count(of_mail(account_id=1, domain_id=7), lambda row: (row["mail"]["provider"],))
    assert statistics.of_account(1, by=Grouping.PROVIDER, domain_id=7) == of_domain


def test_a_periods_figures_are_of_what_happened_in_it(mailing):
    since, until = date(2026, 3, 2), date(2026, 3, 4)
    mine = of_mail(account_id=1)
    counted = mailing.count(
        lambda row: mine(row) and since <= row["at"].date() <= until,
        lambda row: (row["mail"]["destination"],),
    )
    assert counted
    assert statistics.of_account(1, by=Grouping.DESTINATION, since=since, until=until) == counted


@pytest.mark.parametrize("by", [Grouping.ROUTER, Grouping.ROUTER_DESTINATION, Grouping.ROUTER_PROVIDER])
def test_the_groups_of_routers_add_up_and_none_is_negative(mailing, by):
    found = statistics.of_spooler(10, by=by)
    assert {key[0] for key in found} == {"north", "south", "none"}
    assert total(found) == asdict(statistics.of_spooler(10)[()])
    assert min(min(asdict(each).values()) for each in found.values()) >= 0
    assert all(each.spooled == each.handled for key, each in found.items() if key[0] != "none")
    days = statistics.of_account(1, by=by, since=date(2026, 3, 3), until=date(2026, 3, 3))
    assert total(days) == asdict(statistics.of_account(1, since=date(2026, 3, 3), until=date(2026, 3, 3))[()])
    assert min(min(asdict(each).values()) for each in days.values()) >= 0


def test_a_timeline_has_what_happened_in_every_hour_and_no_gap(mailing):
    found = timelines.of_spooler(10, now=mailing.at)
    hour = timedelta(hours=1)
    assert [later - earlier for (earlier, _), (later, _) in itertools.pairwise(found)] == [hour] * (
        len(found) - 1
    )
    counted = mailing.count(
        of_mail(spooler_id=10),
        lambda row: row["at"].replace(minute=0, second=0),
        increments=True,
    )
    assert {moment: each for moment, each in found if each != Figures()} == counted
    assert found[0][0] == min(counted)
    assert found[-1][0] == mailing.at.replace(minute=0, second=0)


def test_an_accounts_timeline_has_thirty_days(mailing):
    found = timelines.of_account(1, domain_id=8, lane="bulk", now=mailing.at)
    assert len(found) == 30 and found[-1][0].date() == mailing.at.date()
    counted = mailing.count(
        of_mail(account_id=1, domain_id=8, lane="bulk"), lambda row: row["at"].date(), increments=True
    )
    assert {moment.date(): each for moment, each in found if each != Figures()} == counted


def test_a_timeline_of_a_long_life_shows_the_thirty_days_of_its_mail(db):
    mailing = Mailing(0)
    first = mailing.spool()
    mailing.at = START + timedelta(days=100)
    (mail,) = mailing.mails
    opened = mailing._tell(mail, "open", router="")
    events.record([first, opened])
    found = timelines.of_spooler(first.spooler_id, now=mailing.at)
    assert (found[0][0], len(found)) == (START.replace(minute=0), 30 * 24)
    mailing.mails = []
    events.record([mailing._tell(mail, "delivered", router="north")])
    found = timelines.of_spooler(first.spooler_id, now=mailing.at)
    assert (found[-1][0], len(found)) == (mailing.at.replace(minute=0), 30 * 24)


def test_without_events_there_is_nothing(db):
    assert statistics.of_spooler(1) == {(): Figures()}
    assert statistics.of_spooler(1, by=Grouping.ROUTER) == {}
    assert timelines.of_spooler(1, now=START) == []
    assert {each for _, each in timelines.of_account(1, now=START)} == {Figures()}


def test_what_ends_nothing_that_was_counted_changes_no_figure(db):
    mailing = Mailing(0)
    spooled = mailing.spool()
    mailing.mails[0]["counted"]["tempfail"] = {}
    events.record([spooled, mailing._tell(mailing.mails[0], "delivered", router="north", ends="tempfail")])
    assert statistics.of_spooler(spooled.spooler_id) == {(): Figures(spooled=1, delivered=1)}


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        (Period.DAY, date(2026, 3, 4), date(2026, 3, 4), date(2026, 3, 4)),
        (Period.WEEK, date(2026, 3, 1), date(2026, 2, 23), date(2026, 3, 1)),
        (Period.WEEK, date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 8)),
        (Period.MONTH, date(2024, 2, 9), date(2024, 2, 1), date(2024, 2, 29)),
        (Period.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31)),
        (Period.YEAR, date(2026, 7, 1), date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_is_of_the_calendar(period, day, first, last):
    assert statistics.days_of(period, day) == (first, last)


def test_all_is_rolled_up_in_the_end_and_nothing_changes(mailing):
    before = {by: statistics.of_account(1, by=by) for by in Grouping}
    event_horizon.wait()
    while rollups.roll():
        pass
    Event.objects.all().delete()
    assert {by: statistics.of_account(1, by=by) for by in Grouping} == before


def test_figures_cost_one_statement(mailing, django_assert_num_queries):
    for by in Grouping:
        with django_assert_num_queries(1):
            statistics.of_spooler(10, by=by)
        with django_assert_num_queries(1):
            statistics.of_account(1, by=by, since=START.date())
    with django_assert_num_queries(2):
        timelines.of_spooler(10, now=mailing.at)
        timelines.of_account(1, now=mailing.at)
    with django_assert_num_queries(2):
        statistics.events_of_spooler(10)
        statistics.events_of_domain(1, 7)


def test_events_are_counted_by_kind_repetitions_too(mailing):
    told = [row for row in mailing.told if row["mail"]["spooler_id"] == 10]
    assert statistics.events_of_spooler(10) == Counter(row["kind"] for row in told)
    told = [row for row in mailing.told if (row["mail"]["account_id"], row["mail"]["domain_id"]) == (1, 7)]
    assert statistics.events_of_domain(1, 7) == Counter(row["kind"] for row in told)
