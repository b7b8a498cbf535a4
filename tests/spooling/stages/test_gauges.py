"""The gauges of stage-based messaging, and the names of its metrics (Seed contract §7)."""

from datetime import UTC, datetime

import pytest

from spooling.models import MessageSet, Schedule, StageMessage, Subscription
from spooling.stages import gauges
from stats import metrics

#: A Wednesday.
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ERA = (
    "subscriptions.created.sum",
    "subscriptions.send_next_message_errored.sum",
    "subscriptions.active.last",
    "subscriptions.created.last",
    "subscriptions.broken.last",
    "subscriptions.completed.last",
    "subscriptions.messageset one.active.last",
    "subscriptions.messageset-two.active.last",
)


def schedule_of(account, **fields):
    return Schedule.objects.create(account=account, **{"minute": "0", "hour": "8", **fields})


def set_of(account, short_name, schedule=None, **fields):
    schedule = schedule or schedule_of(account)
    return MessageSet.objects.create(
        account=account, short_name=short_name, default_schedule=schedule, **fields
    )


def subscribe(message_set, **fields):
    return Subscription.objects.create(
        account=message_set.account,
        messageset=message_set,
        **{"schedule": message_set.default_schedule, "identity": "ann", "lang": "eng_ZA", **fields},
    )


@pytest.fixture
def measured(account):
    def measure(of=None, now=NOW):
        of = of or account
        gauges.measure(of.pk, now=now)
        return {
            name.removeprefix("subscriptions.").removesuffix(".last"): value
            for name, value in metrics.values(of.pk).items()
        }

    return measure


def test_an_empty_account_has_its_gauges_at_zero(measured):
    found = measured()
    assert {found[state] for state in ("active", "created", "broken", "completed", "incomplete")} == {0}


def test_states_are_counted(account, other_account, measured):
    one, two = set_of(account, "messageset one"), set_of(account, "messageset-two")
    subscribe(one)
    subscribe(one, active=False, completed=True, process_status=2)
    subscribe(two, process_status=-1)
    subscribe(set_of(other_account, "messageset one"))
    found = measured()
    states = {"created": 3, "active": 2, "broken": 1, "completed": 1, "incomplete": 2}
    assert {state: found[state] for state in states} == states
    assert (found["messageset one.active"], found["messageset-two.active"]) == (1, 1)
    assert measured(other_account)["created"] == 1


def test_totals_are_by_set_language_and_kind(account, measured):
    one, two = set_of(account, "messageset one"), set_of(account, "two", content_type="audio")
    subscribe(one)
    subscribe(one, lang="zul_ZA")
    subscribe(two, active=False)
    found = measured()
    assert found["message_set.messageset_one.total"] == 2
    assert found["message_set.two.total"] == 1
    assert (found["language.eng_ZA.total"], found["language.zul_ZA.total"]) == (2, 1)
    assert (found["message_format.text.total"], found["message_format.audio.total"]) == (2, 1)


def test_names_that_become_the_same_are_added_up(account, measured):
    subscribe(set_of(account, "a b"))
    subscribe(set_of(account, "a-b"))
    assert measured()["message_set.a_b.total"] == 2


def test_the_gauge_of_a_deleted_set_falls_to_zero(account, measured):
    gone = set_of(account, "gone")
    subscription = subscribe(gone)
    assert measured()["gone.active"] == 1
    subscription.delete()
    gone.delete()
    found = measured()
    assert (found["gone.active"], found["language.eng_ZA.total"], found["message_set.gone.total"]) == (
        0,
        0,
        0,
    )


def estimates_of(found):
    return {day: found[f"send.estimate.{day}"] for day in range(7) if f"send.estimate.{day}" in found}


def test_estimates_cover_today_and_the_rest_of_the_week(account, measured):
    subscribe(set_of(account, "daily"))
    assert estimates_of(measured()) == {2: 1, 3: 1, 4: 1, 5: 1, 6: 1}


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ({"day_of_week": "1,3,7"}, {2, 6}),
        ({"day_of_week": "3", "hour": "0"}, {2}),
        ({"day_of_week": "4", "hour": "0", "minute": "0"}, {3}),
        ({"day_of_month": "8"}, {6}),
        ({"day_of_month": "9"}, set()),
        ({"day_of_month": "30", "month_of_year": "2"}, set()),
        ({"minute": "*", "hour": "*"}, {2, 3, 4, 5, 6}),
    ],
)
def test_a_day_counts_when_the_schedule_runs_on_it(account, measured, fields, days):
    subscribe(set_of(account, "one", schedule_of(account, **fields)))
    assert {day for day, count in estimates_of(measured()).items() if count} == days


def test_estimates_count_those_that_are_ready_by_their_own_schedule(account, other_account, measured):
    one = set_of(account, "one")
    sunday = schedule_of(account, day_of_week="7")
    for fields in ({}, {"schedule": sunday}, {"active": False}, {"completed": True}, {"process_status": -2}):
        subscribe(one, **fields)
    subscribe(set_of(other_account, "one"))
    assert estimates_of(measured()) == {2: 1, 3: 1, 4: 1, 5: 1, 6: 2}


def test_measuring_costs_no_more_for_more_subscriptions(account, django_assert_max_num_queries):
    for number in range(5):
        subscribe(set_of(account, f"set {number}"), identity=str(number), lang=f"l{number}")
    with django_assert_max_num_queries(6):
        gauges.measure(account.pk, now=NOW)


def test_the_names_of_the_first_release_are_all_there(account):
    for short_name in ("messageset one", "messageset-two"):
        set_of(account, short_name)
    assert set(ERA) <= set(gauges.names(account.pk))


def test_names_follow_sets_languages_and_what_was_counted(account, other_account):
    one = set_of(account, "one")
    StageMessage.objects.create(messageset=one, sequence_number=1, lang="zul_ZA", text_content="Sawubona")
    metrics.add(account.pk, {"message.text.old_one.sum": 1}, now=NOW)
    found = gauges.names(account.pk)
    assert {
        "subscriptions.message_set.one.sum",
        "subscriptions.message_set.one.total.last",
        "subscriptions.language.zul_ZA.sum",
        "subscriptions.message_format.text.total.last",
        "message.text.one.sum",
        "message.text.old_one.sum",
        "sbm.send_next_message.http_error.500.sum",
        "subscriptions.send.estimate.6.last",
    } <= set(found)
    assert len(found) == len(set(found))
    assert not [name for name in gauges.names(other_account.pk) if "one" in name.split(".")]
