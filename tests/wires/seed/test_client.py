"""Scenario 11: the client that the original's users have, unchanged, against a running server."""

import inspect
import io
import urllib.request

import pytest

from spooling.models import SendFailure, Subscription
from tests.wires.seed.clients import WAV

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sbm(monkeypatch, live_server, key):
    """seed-services-client 0.37.2 with the base URL of the live server."""
    # Its HTTP layer asks for a function that Python dropped in 3.11.
    monkeypatch.setattr(inspect, "getargspec", inspect.getfullargspec, raising=False)
    from seed_services_client import StageBasedMessagingApiClient

    return StageBasedMessagingApiClient(key, f"{live_server.url}/api/v1")


@pytest.fixture
def subscription(sbm, stage):
    body = {
        "identity": stage.identity,
        "messageset": stage.first,
        "lang": "eng_ZA",
        "schedule": stage.schedule,
    }
    return sbm.create_subscription(body)


def test_11_schedules_and_sets_are_read(sbm, stage):
    assert sbm.get_schedule(stage.schedule)["hour"] == "8"
    assert stage.schedule in [row["id"] for row in sbm.get_schedules({"cron_string": "0 8 * * *"})["results"]]
    assert sbm.get_messageset(stage.first)["next_set"] == stage.following
    assert next(sbm.get_messagesets({"short_name": "first"})["results"])["id"] == stage.first
    assert sbm.get_messageset_languages()[str(stage.first)] == ["eng_ZA", "zul_ZA"]


def test_11_messages_are_written_and_read(sbm, stage):
    made = sbm.create_message(
        {"messageset": stage.first, "sequence_number": 4, "lang": "eng_ZA", "text_content": "four"}
    )
    assert sbm.get_message(made["id"]) == made
    assert sbm.update_message(made["id"], {"text_content": "FOUR"})["text_content"] == "FOUR"
    found = sbm.get_messages({"messageset": stage.first, "lang": "eng_ZA"})["results"]
    assert [row["text_content"] for row in found] == ["text 1", "text 2", "text 3", "FOUR"]
    assert sbm.delete_message(made["id"]) is None


def test_11_files_are_uploaded_and_deleted(sbm):
    file = io.BytesIO(WAV)
    file.name = "welcome.mp3"
    made = sbm.create_binarycontent({"content": file})
    with urllib.request.urlopen(made["content"]) as fetched:
        assert (fetched.read(), fetched.headers["Content-Type"]) == (WAV, "audio/mpeg")
    assert sbm.delete_binarycontent(made["id"]) is None


def test_11_subscriptions_are_written_and_read(sbm, stage, subscription):
    assert sbm.get_subscription(subscription["id"]) == subscription
    changed = sbm.update_subscription(subscription["id"], {**subscription, "next_sequence_number": 2})
    assert (changed["next_sequence_number"], changed["id"]) == (2, subscription["id"])
    found = sbm.get_subscriptions({"identity": stage.identity, "active": True})["results"]
    assert [row["id"] for row in found] == [subscription["id"]]
    assert sbm.resend_subscription(subscription["id"]) == {"accepted": True}


def test_11_pages_are_followed_to_their_end(sbm, stage, subscription, account):
    Subscription.objects.bulk_create(
        Subscription(
            account=account,
            identity=f"i{n}",
            messageset_id=stage.first,
            schedule_id=stage.schedule,
            lang="eng_ZA",
        )
        for n in range(25)
    )
    found = list(sbm.get_subscriptions({"limit": 10, "active": True, "unknown": "kept"})["results"])
    assert len(found) == len({row["id"] for row in found}) == 26


def test_11_failures_are_read_and_tried_again(sbm, subscription, account):
    failure = SendFailure.objects.create(
        account=account, subscription=Subscription.objects.get(), reason="no answer"
    )
    (found,) = sbm.get_failed_tasks()["results"]
    assert (found["id"], found["subscription_id"]) == (failure.pk, subscription["id"])
    assert sbm.requeue_failed_tasks() == {"requeued_failed_tasks": True}


def test_11_what_is_refused_raises_with_its_document(sbm):
    from demands import HTTPServiceError

    with pytest.raises(HTTPServiceError) as refused:
        sbm.create_subscription({})
    assert refused.value.details["identity"] == ["This field is required."]
