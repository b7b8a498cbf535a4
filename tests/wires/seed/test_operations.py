"""Failures, estimates, what is behind (contract §6)."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from spooling.models import BehindSubscription, JobRequest, SendFailure, Subscription
from spooling.models.jobs import JobKind

ROOT = "http://testserver/api/v1"


@pytest.fixture
def subscription(hub, stage):
    return hub.subscription(stage.first, stage.schedule, stage.identity)


@pytest.fixture
def fail(account, subscription):
    """Call to leave so many failures."""
    row = Subscription.objects.get()

    def call(number=1):
        return [
            SendFailure.objects.create(account=account, subscription=row, reason=f"reason {n}")
            for n in range(number)
        ]

    return call


def test_failures_are_listed_newest_first(hub, subscription, fail):
    first, second = fail(2)
    rows = hub.results("/failed-tasks/")
    assert [row["reason"] for row in rows] == ["reason 1", "reason 0"]
    assert rows[1].pop("initiated_at").endswith("Z")
    assert rows[1] == {
        "url": f"{ROOT}/failed-tasks/{first.pk}/",
        "id": first.pk,
        "subscription": subscription["url"],
        "subscription_id": subscription["id"],
        "task_id": str(first.task_id),
        "reason": "reason 0",
    }
    assert hub.get(f"/failed-tasks/{second.pk}/").json() == rows[0]
    assert list(rows[0]) == [
        *("url", "id", "subscription", "subscription_id", "task_id", "initiated_at", "reason"),
    ]


def test_a_list_of_failures_takes_as_many_queries_as_one(hub, fail):
    def count():
        with CaptureQueriesContext(connection) as queries:
            hub.results("/failed-tasks/")
        return len(queries)

    fail(1)
    count()
    few = count()
    fail(50)
    assert count() == few


def test_a_requeue_is_stored_as_a_job(hub, account, fail):
    fail(2)
    answer = hub.call("POST", "/failed-tasks/", b"")
    assert (answer.status_code, answer.json()) == (201, {"requeued_failed_tasks": True})
    job = JobRequest.objects.get()
    assert (job.kind, job.account) == (JobKind.REQUEUE_FAILURES, account)


@pytest.mark.parametrize("path", ["/runsendestimate", "/runsendestimate/"])
@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"\xff"])
def test_an_estimate_is_a_job_that_can_be_followed(hub, path, body):
    answer = hub.call("POST", path, body)
    document = answer.json()
    assert (answer.status_code, document["accepted"]) == (202, True)
    assert JobRequest.objects.get(public_id=document["task_id"]).kind == JobKind.ESTIMATE
    assert hub.get(f"/jobs/{uuid.UUID(document['task_id']).hex}/").json()["kind"] == "estimate"


def test_sounds_are_not_copied_anywhere(hub):
    answer = hub.call("POST", "/sync_audio_files/", b"")
    assert (answer.status_code, answer.json()["sync_audio_files_initiated"]) == (202, True)
    assert uuid.UUID(answer.json()["task_id"])
    assert not JobRequest.objects.exists()


@pytest.fixture
def behind(account, subscription, stage):
    return BehindSubscription.objects.create(
        account=account,
        subscription=Subscription.objects.get(),
        messages_behind=4,
        current_messageset_id=stage.first,
        current_sequence_number=1,
        expected_messageset_id=stage.following,
        expected_sequence_number=2,
    )


def test_what_is_behind_is_shown_to_staff(hub, subscription, stage, behind):
    (row,) = hub.results("/behind-subscriptions/")
    assert row.pop("created_at").endswith("Z")
    assert row == {
        "id": behind.pk,
        "subscription": subscription["url"],
        "subscription_id": subscription["id"],
        "messages_behind": 4,
        "current_messageset": f"{ROOT}/messageset/{stage.first}/",
        "current_messageset_id": stage.first,
        "current_messageset_name": "first",
        "current_sequence_number": 1,
        "expected_messageset": f"{ROOT}/messageset/{stage.following}/",
        "expected_messageset_id": stage.following,
        "expected_messageset_name": "following",
        "expected_sequence_number": 2,
    }
    assert hub.get(f"/behind-subscriptions/{behind.pk}/").status_code == 200


def test_what_is_behind_is_not_for_others(reader, key_with, behind, account):
    refused = {"detail": "You do not have permission to perform this action."}
    for program in (reader, key_with("read", "send")):
        for verb, path in (
            ("GET", "/behind-subscriptions/"),
            ("GET", f"/behind-subscriptions/{behind.pk}/"),
            ("POST", "/behind-subscriptions/find_behind_subscriptions/"),
        ):
            answer = program.call(verb, path, b"")
            assert (answer.status_code, answer.json()) == (403, refused)
        assert program.call("POST", "/behind-subscriptions/", b"").status_code == 405
    assert not JobRequest.objects.exists()


@pytest.mark.parametrize("slash", ["", "/"])
def test_finding_what_is_behind_is_a_job(hub, slash):
    answer = hub.call("POST", f"/behind-subscriptions/find_behind_subscriptions{slash}", b"")
    assert (answer.status_code, answer.json()["accepted"]) == (202, True)
    job = JobRequest.objects.get(public_id=answer.json()["task_id"])
    assert job.kind == JobKind.FIND_BEHIND
