"""Subscriptions and the hub's webhook (contract §4.1, §4.3; scenarios 12, 13 and 23)."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spooling.models import Subscription
from stats import metrics
from tests.threads import together
from tests.wires.seed.clients import refusal

REQUIRED = ["This field is required."]


@pytest.fixture
def body(stage):
    return {
        "identity": stage.identity,
        "messageset": stage.first,
        "schedule": stage.schedule,
        "lang": "eng_ZA",
    }


def test_12_four_fields_make_a_subscription_of_defaults(hub, stage, body):
    answer = hub.post("/subscriptions/", body)
    assert answer.status_code == 201
    made = answer.json()
    row = Subscription.objects.get()
    assert made["id"] == str(row.public_id) == str(uuid.UUID(made["id"], version=4))
    url = f"http://testserver/api/v1/subscriptions/{row.public_id}/"
    assert answer["Location"] == made["url"] == url
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", made["created_at"])
    assert made["updated_at"]
    assert {name: made[name] for name in made if name not in ("url", "id", "created_at", "updated_at")} == {
        **body,
        "version": 1,
        "initial_sequence_number": 1,
        "next_sequence_number": 1,
        "active": True,
        "completed": False,
        "process_status": 0,
        "metadata": None,
        "messageset_label": "",
    }
    assert hub.follow(url).json() == made
    assert metrics.values(row.account_id)["subscriptions.created.sum"] == 1


def test_a_repeated_call_with_an_idempotency_key_names_the_same_place(hub, body):
    first, second = (hub.post("/subscriptions/", body, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first["Location"] == second["Location"] == first.json()["url"]
    assert Subscription.objects.count() == 1


def test_what_is_wrong_is_named(hub, body):
    assert refusal(hub.post("/subscriptions/")) == dict.fromkeys(
        ("identity", "messageset", "lang", "schedule"), REQUIRED
    )
    for extra, field in (
        ({"identity": ""}, "identity"),
        ({"identity": "i" * 37}, "identity"),
        ({"identity": None}, "identity"),
        ({"messageset": 99}, "messageset"),
        ({"messageset": "x"}, "messageset"),
        ({"messageset": True}, "messageset"),
        ({"schedule": -(2**64)}, "schedule"),
        ({"schedule": {}}, "schedule"),
        ({"lang": "eng_ZAF"}, "lang"),
        ({"version": 2**31}, "version"),
        ({"version": None}, "version"),
        ({"process_status": -(2**40)}, "process_status"),
        ({"next_sequence_number": None}, "next_sequence_number"),
        ({"next_sequence_number": 10**30}, "next_sequence_number"),
        ({"initial_sequence_number": "one"}, "initial_sequence_number"),
        ({"active": "perhaps"}, "active"),
        ({"active": None}, "active"),
        ({"metadata": "text"}, "metadata"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": 7}, "metadata"),
    ):
        assert list(refusal(hub.post("/subscriptions/", {**body, **extra}))) == [field], extra
    assert refusal(hub.put("/subscriptions/x/", {}), 404) == {"detail": "Not found."}
    assert not Subscription.objects.exists()


def test_a_form_makes_an_active_subscription(hub, body):
    answer = hub.form("/subscriptions/", {**body, "metadata": '{"email": "a@x.example"}'})
    made = answer.json()
    assert (made["active"], made["completed"], made["metadata"]) == (True, False, {"email": "a@x.example"})
    assert hub.form("/subscriptions/", {**body, "active": "false"}).json()["active"] is False
    for metadata in ("{", "[]", "NaN", '{"a": NaN}', '{"a": "\\u0000"}', "[" * 100_000):
        assert list(refusal(hub.form("/subscriptions/", {**body, "metadata": metadata}))) == ["metadata"]


def test_a_whole_object_may_be_sent_back(hub, stage, body):
    made = hub.made("/subscriptions/", {**body, "metadata": {"prepend_next_delivery": None, "a": {"b": [1]}}})
    path = f"/subscriptions/{made['id']}/"
    for changed in (
        {**made, "url": "x", "id": "y", "created_at": None, "messageset_label": 3, "next_sequence_number": 9},
        {**made, "process_status": 5, "schedule": str(made["schedule"])},
    ):
        answer = hub.patch(path, changed)
        assert answer.status_code == 200
        now = answer.json()
        assert [now[name] for name in ("url", "id", "created_at", "messageset_label", "metadata")] == [
            made[name] for name in ("url", "id", "created_at", "messageset_label", "metadata")
        ]
        assert now["updated_at"] > made["updated_at"]
    assert (now["process_status"], now["next_sequence_number"]) == (5, 1)


def test_a_change_writes_only_what_is_given(hub, body):
    made = hub.made("/subscriptions/", body)
    with CaptureQueriesContext(connection) as queries:
        hub.patch(f"/subscriptions/{made['id']}/", {"active": False})
    written = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert len(written) == 1
    assert "active" in written[0] and "next_sequence_number" not in written[0]
    assert connection.vendor == "sqlite" or any("FOR UPDATE" in query["sql"] for query in queries)


def test_a_subscription_is_replaced_and_deleted(hub, stage, body):
    made = hub.made("/subscriptions/", {**body, "version": 3})
    path = f"/subscriptions/{made['id']}/"
    assert refusal(hub.put(path, {"version": 2})) == dict.fromkeys(
        ("identity", "messageset", "lang", "schedule"), REQUIRED
    )
    replaced = hub.put(path, {**body, "lang": "zul_ZA"}).json()
    assert (replaced["lang"], replaced["version"]) == ("zul_ZA", 3)
    answer = hub.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(hub.get(path), 404) == {"detail": "Not found."}


def test_metadata_may_be_emptied(hub, body):
    made = hub.made("/subscriptions/", {**body, "metadata": {"a": 1}})
    assert hub.patch(f"/subscriptions/{made['id']}/", {"metadata": None}).json()["metadata"] is None
    assert Subscription.objects.filter(metadata__isnull=True).exists()


@pytest.fixture
def several(hub, stage, body):
    """Six subscriptions, made a day apart from 2016-11-01 on; names by position."""
    rows = [
        {},
        {"identity": "other", "active": False},
        {"messageset": stage.following, "lang": "zul_ZA", "version": 2},
        {"completed": True, "active": False, "process_status": 2},
        {"metadata": {"a": 1, "b": None}, "next_sequence_number": 3},
        {"metadata": {"b": 1}, "process_status": -1, "initial_sequence_number": 2},
    ]
    made = [hub.made("/subscriptions/", {**body, **row}) for row in rows]
    for number, row in enumerate(made):
        at = datetime(2016, 11, 1 + number, tzinfo=UTC)
        Subscription.objects.filter(public_id=row["id"]).update(created_at=at)
    return [row["id"] for row in made]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [5, 4, 3, 2, 1, 0]),
        ("identity={identity}&active=True", [5, 4, 2, 0]),
        ("identity=other", [1]),
        ("identity=", [5, 4, 3, 2, 1, 0]),
        ("messageset={following}", [2]),
        ("messageset_id={following}", [2]),
        ("messageset=9999", []),
        ("messageset_id=9999", []),
        ("messageset=x", []),
        ("messageset=" + "9" * 50, []),
        ("messageset=-1", []),
        ("lang=zul_ZA", [2]),
        ("active=true", [5, 4, 2, 0]),
        ("active=1", [5, 4, 2, 0]),
        ("active=FALSE", [3, 1]),
        ("active=0", [3, 1]),
        ("active=&completed=", [5, 4, 3, 2, 1, 0]),
        ("active=perhaps", [5, 4, 3, 2, 1, 0]),
        ("completed=True", [3]),
        ("completed=False", [5, 4, 2, 1, 0]),
        ("schedule={schedule}", [5, 4, 3, 2, 1, 0]),
        ("schedule=0", []),
        ("process_status=2", [3]),
        ("process_status=-1", [5]),
        ("version=2", [2]),
        ("next_sequence_number=3", [4]),
        ("initial_sequence_number=2", [5]),
        ("created_after=2016-11-05T00:00:00Z", [5, 4]),
        ("created_after=2016-11-05T01:00:00%2B01:00", [5, 4]),
        ("created_before=2016-11-02T00:00:00", [1, 0]),
        ("created_after=2016-11-02&created_before=2016-11-03", [2, 1]),
        ("created_after=2016-11-04T00:00:00.000001Z", [5, 4]),
        ("metadata_has_key=a", [4]),
        ("metadata_has_key=b", [5, 4]),
        ("metadata_not_has_key=a", [5, 3, 2, 1, 0]),
        ("messageset_contains=follow", [2]),
        ("messageset_contains=FOLLOW", []),
        ("messageset_contains=%25", []),
        ("created_at__gt=2020&foo=bar", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_13_subscriptions_are_filtered_newest_first(hub, stage, several, query, found):
    asked = query.format(identity=stage.identity, following=stage.following, schedule=stage.schedule)
    page = hub.get(f"/subscriptions/?{asked}").json()
    assert [several.index(row["id"]) for row in page["results"]] == found
    assert page["count"] == len(found)


@pytest.mark.parametrize("name", ["created_after", "created_before"])
@pytest.mark.parametrize(
    "moment",
    ["x", "2016-13-01", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "%00", "9" * 400],
)
def test_a_bad_date_is_400(hub, several, name, moment):
    assert list(refusal(hub.get(f"/subscriptions/?{name}={moment}"))) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "identity",
        "messageset",
        "lang",
        "active",
        "metadata_has_key",
        "metadata_not_has_key",
        "messageset_contains",
    ],
)
@pytest.mark.parametrize("value", ["%00", "%ff", "%ed%a0%80", "'", "1" * 5000, '"]'])
def test_no_filter_breaks_the_database(hub, several, name, value):
    assert hub.get(f"/subscriptions/?{name}={value}").status_code in (200, 400)


def test_a_list_of_a_thousand_takes_as_many_queries_as_a_list_of_one(hub, stage, account):
    def rows(number):
        return [
            Subscription(
                account=account,
                identity=f"i{n}",
                messageset_id=stage.first,
                schedule_id=stage.schedule,
                lang="eng_ZA",
            )
            for n in range(number)
        ]

    def count():
        with CaptureQueriesContext(connection) as queries:
            found = len(hub.results("/subscriptions/?active=True"))
        return found, len(queries)

    Subscription.objects.bulk_create(rows(1))
    hub.get("/subscriptions/")
    one = count()
    Subscription.objects.bulk_create(rows(999))
    assert count() == (1000, one[1])


# The webhook

HOOK = {
    "id": 5,
    "event": "subscriptionrequest.added",
    "target": "http://testserver/api/v1/subscriptions/request",
}


@pytest.fixture
def registered(body):
    """What a hub sends."""
    return {
        **body,
        "id": "b0afe9fb-0b4d-478e-974e-6b794e69cc6e",
        "metadata": None,
        "next_sequence_number": 2,
        "created_at": "2016-07-27T15:41:55.102172Z",
        "updated_at": "2016-07-27T15:41:55.102200Z",
    }


@pytest.mark.parametrize("slash", ["", "/"])
def test_23_a_hub_registers_somebody(hub, registered, slash):
    answer = hub.post(f"/subscriptions/request{slash}", {"hook": HOOK, "data": registered})
    assert (answer.status_code, answer.json()) == (201, {"accepted": True})
    row = Subscription.objects.get()
    assert str(row.public_id) != registered["id"]
    assert (row.initial_sequence_number, row.next_sequence_number, row.metadata) == (2, 2, None)
    assert row.created_at.year > 2016
    assert metrics.values(row.account_id)["subscriptions.created.sum"] == 1


def test_23_a_registration_has_defaults(hub, registered):
    for name in ("id", "metadata", "next_sequence_number"):
        del registered[name]
    hub.made("/subscriptions/request", {"data": registered})
    row = Subscription.objects.get()
    assert (row.initial_sequence_number, row.next_sequence_number, row.metadata) == (1, 1, {})


def test_23_what_is_wrong_of_a_registration_is_named_at_the_top(hub, registered):
    missing = {name: value for name, value in registered.items() if name != "identity"}
    assert refusal(hub.post("/subscriptions/request", {"data": missing})) == {"identity": REQUIRED}
    for body in ({"hook": HOOK}, {"data": "text"}, {"data": None}, {"data": [registered]}, [], None, "x", 3):
        assert refusal(hub.call("POST", "/subscriptions/request", body)) == {"data": REQUIRED}
    assert refusal(hub.form("/subscriptions/request", {"data": "x"})) == {"data": REQUIRED}
    assert not Subscription.objects.exists()


def test_a_registration_that_comes_again_within_a_day_is_one(hub, stranger, registered):
    first = datetime(2026, 3, 2, 8, tzinfo=UTC)
    with time_machine.travel(first, tick=False):
        for _ in range(3):
            assert hub.made("/subscriptions/request", {"data": registered}) == {"accepted": True}
        hub.made("/subscriptions/request/", {"data": {**registered, "updated_at": "later"}})
        assert Subscription.objects.count() == 1
        hub.made("/subscriptions/request", {"data": {**registered, "id": "another"}})
        assert Subscription.objects.count() == 2
    with time_machine.travel(first + timedelta(hours=24, seconds=1), tick=False):
        hub.made("/subscriptions/request", {"data": registered})
    assert Subscription.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_a_registration_that_comes_ten_times_at_once_is_one(hub, registered):
    posted = together(10, lambda _: hub.post("/subscriptions/request", {"data": registered}))
    assert {answer.status_code for answer in posted} == {201}
    assert Subscription.objects.count() == 1


def test_a_refused_registration_may_come_again_corrected(hub, registered):
    assert hub.post("/subscriptions/request", {"data": {**registered, "lang": ""}}).status_code == 400
    hub.made("/subscriptions/request", {"data": registered})
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("name", [5, {"a": [1]}, "\u2603" * 5000])
def test_whatever_a_hub_calls_a_registration_names_it(hub, registered, name):
    for _ in range(2):
        hub.made("/subscriptions/request", {"data": {**registered, "id": name}})
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("name", [None, "", 0, False])
def test_an_empty_id_names_no_registration(hub, registered, name):
    for identity in ("one", "another"):
        hub.made("/subscriptions/request", {"data": {**registered, "id": name, "identity": identity}})
    assert Subscription.objects.count() == 2


def test_a_registration_is_only_posted(hub):
    for verb in ("GET", "PUT", "PATCH", "DELETE"):
        answer = hub.call(verb, "/subscriptions/request", {})
        assert (answer.status_code, list(answer.json())) == (405, ["detail"])
