from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from spooling.models import Mail
from stats import rollups
from stats.models import Event
from tests import mail_moves
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, NEWS, OTHER

pytestmark = pytest.mark.django_db

NOTHING = {
    "spooling": {"count": 0, "blocked": 0, "quarantine": 0},
    "routing": {"ok": 0, "tempfail": 0, "permfail": 0},
    "activity": {"open": 0, "click": 0, "mirror": 0, "unsubscribe": 0, "abuse": 0},
}


def result(**figures):
    """A result by name of its counters."""
    return {part: {name: figures.get(name, 0) for name in counters} for part, counters in NOTHING.items()}


@pytest.fixture
def filled(caller, token):
    """Four mails: one delivered at the second try, one refused, one deferred, one not tried."""
    mails = [{"email": email} for email in ("a@x.example", "b@gmail.com", "c@x.example", "d@y.example")]
    assert caller.post(f"spooler/{token}/spool", {"mails": mails}).status_code == 200
    a, b, c, _ = Mail.objects.order_by("id").values_list("pk", flat=True)
    mail_moves.settle(a, "tempfail", "delivered")
    mail_moves.settle(b, "failed")
    mail_moves.settle(c, "tempfail", router="south")
    return token


def added(results):
    """The sum of results."""
    total = {part: dict.fromkeys(counters, 0) for part, counters in NOTHING.items()}
    for each in results:
        for part, counters in each.items():
            for name, number in counters.items():
                total[part][name] += number
    return total


def test_scenario_24_a_spoolers_statistics_scoring_and_timeline(caller, filled):
    path = f"statistics/spooler/{filled}"
    whole = caller.post(path, []).json()
    assert whole == result(count=4, ok=1, permfail=1, tempfail=1)
    by_domain = caller.post(path, {"groupBy": "domain"}).json()
    assert set(by_domain) == {"x.example", "gmail.com", "y.example"}
    assert added(by_domain.values()) == whole
    both = caller.post(path, {"groupBy": "router+provider"}).json()
    assert {router: set(providers) for router, providers in both.items()} == {
        "none": {"other"},
        "north": {"gmail", "other"},
        "south": {"other"},
    }
    assert added(each for providers in both.values() for each in providers.values()) == whole
    answer = caller.post(path, {"groupBy": "x"})
    assert refused(answer) == (400, "invalid-field")
    assert "router+provider" in answer.json()["details"]["fields"]["groupBy"]
    score = caller.get(f"scoring/spooler/{filled}/message?").json()
    assert isinstance(score["block"], bool) and isinstance(score["details"], list)
    assert isinstance(caller.post(f"timeline/spooler/{filled}", {}).json(), list)


@pytest.mark.parametrize("group_by", ["router", "domain", "provider", "router+domain", "router+provider"])
def test_groups_add_up_to_the_whole_before_and_after_they_are_rolled_up(caller, filled, group_by):
    for path in (f"statistics/spooler/{filled}", "statistics/global", f"statistics/domain/{DEMO}"):
        whole = caller.post(path, {"groupBy": "global"}).json()
        groups = caller.post(path, {"groupBy": group_by}).json().values()
        if "+" in group_by:
            groups = [inner for group in groups for inner in group.values()]
        assert added(groups) == whole == result(count=4, ok=1, permfail=1, tempfail=1)
        rollups.roll()


def test_a_routers_mails_are_those_that_it_dealt_with(caller, filled):
    assert caller.post(f"statistics/spooler/{filled}", {"groupBy": "router"}).json() == {
        "none": result(count=1),
        "north": result(count=2, ok=1, permfail=1),
        "south": result(count=1, tempfail=1),
    }


def test_without_mail_there_are_zeros_and_no_groups(caller, token):
    for path in (f"statistics/spooler/{token}", "statistics/global", f"statistics/domain/{NEWS}"):
        assert caller.post(path).json() == NOTHING
        assert caller.post(path, {"groupBy": None}).json() == NOTHING
        assert caller.post(path, {"groupBy": "router+domain"}).json() == {}


def test_a_domains_statistics_are_of_its_mail(caller, filled):
    assert caller.post(f"statistics/domain/{DEMO}", {}).json()["spooling"]["count"] == 4
    assert caller.post(f"statistics/domain/{NEWS}", {}).json() == NOTHING


#: A Sunday, the Monday after it, the last day of a year, the first of the next.
DAYS = [(2026, 3, 1), (2026, 3, 2), (2026, 12, 31), (2027, 1, 1)]


@pytest.mark.parametrize(
    ("period", "counts"),
    [
        ("day", [1, 1, 1, 1]),
        ("daily", [1, 1, 1, 1]),
        ("week", [1, 1, 2, 2]),
        ("weekly", [1, 1, 2, 2]),
        ("month", [2, 2, 1, 1]),
        ("monthly", [2, 2, 1, 1]),
        ("year", [3, 3, 3, 1]),
        ("yearly", [3, 3, 3, 1]),
        ("all", [4, 4, 4, 4]),
        ("global", [4, 4, 4, 4]),
        (None, [4, 4, 4, 4]),
    ],
)
def test_a_period_is_the_one_of_the_calendar_that_holds_the_timestamp(caller, filled, period, counts):
    spooled = Event.objects.filter(kind="spooled").order_by("id").values_list("pk", flat=True)
    for number, day in zip(spooled, DAYS, strict=True):
        Event.objects.filter(pk=number).update(at=datetime(*day, 23, 59, 59, tzinfo=UTC))

    def count(day):
        asked = {"period": period, "timestamp": int(datetime(*day, tzinfo=UTC).timestamp())}
        return caller.post("statistics/global", asked).json()["spooling"]["count"]

    assert [count(day) for day in DAYS] == counts


def test_a_period_without_a_timestamp_is_the_present_one(caller, filled):
    for nothing in ({}, {"timestamp": 0}, {"timestamp": None}):
        assert caller.post("statistics/global", {"period": "day"} | nothing).json()["spooling"]["count"] == 4
    yesterday = int((timezone.now() - timedelta(days=1)).timestamp())
    assert caller.post("statistics/global", {"period": "day", "timestamp": yesterday}).json() == NOTHING


@pytest.mark.parametrize("timestamp", [2**53, -(2**53), 253402300799, -62135596800, "1700000000", 1.7e9])
@pytest.mark.parametrize("period", ["day", "week", "month", "year"])
def test_any_moment_is_in_a_period(caller, period, timestamp):
    asked = {"period": period, "timestamp": timestamp}
    assert caller.post("statistics/global", asked).json() == NOTHING


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"period": "fortnight"}, "period"),
        ({"groupBy": "x"}, "groupBy"),
        ({"groupBy": 1}, "groupBy"),
        ({"period": "day", "timestamp": "soon"}, "timestamp"),
    ],
)
def test_unknown_words_are_refused_and_the_known_ones_listed(caller, parameters, field):
    answer = caller.post("statistics/global", parameters)
    assert refused(answer) == (400, "invalid-field")
    assert list(answer.json()["details"]["fields"]) == [field]


def test_a_stranger_finds_nothing(caller, stranger, keyless, filled):
    assert stranger.post("statistics/global").json() == NOTHING
    assert stranger.post("statistics/global", {"groupBy": "domain"}).json() == {}
    for path in (f"statistics/spooler/{filled}", f"statistics/domain/{DEMO}", "statistics/spooler/s0"):
        assert refused(stranger.post(path, {"groupBy": "x"})) == (404, "not-found")
        assert refused(keyless.post(path)) == (403, "forbidden")
    assert refused(caller.post(f"statistics/domain/{OTHER}")) == (404, "not-found")
    assert refused(caller.get("statistics/global")) == (405, "method-not-allowed")
