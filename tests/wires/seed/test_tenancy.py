"""No account sees another, on each of Seed's routes and with each verb; nobody sees anything without a key."""

import re

import pytest
from django.urls import get_resolver

from earwig.models import AuditEntry
from spooling.models import (
    BehindSubscription,
    BinaryContent,
    JobRequest,
    MessageSet,
    Schedule,
    SendFailure,
    StageMessage,
    Subscription,
)
from templates_app.models import Template
from tests.acceptance.test_tenancy import _flat, _verbs
from tests.wires.seed.clients import WAV, Hub

KINDS = (Schedule, MessageSet, StageMessage, BinaryContent, Subscription, SendFailure, BehindSubscription)
# What ends in `.json` is the same view; below, one test asks all of them.
ROUTES = sorted(
    (path, verb)
    for path, callback in _flat(get_resolver().url_patterns)
    if getattr(callback, "cls", object).__module__.startswith("spooling.api.stages")
    and not path.endswith(".json")
    for verb in _verbs(callback)
)
PATHS = sorted({path for path, _ in ROUTES})
OBJECTS = [path for path in PATHS if "<" in path]
#: Answered 400 for an unknown subscription, as the original does.
ASKED_BY_ID = re.compile(r"/api/v1/subscriptions/<pk>/(send|resend)/")
LISTS = sorted({path for path, verb in ROUTES if verb == "get" and "<" not in path})


@pytest.fixture
def own(hub, account, stage):
    """By the first segment of a path, one object of `account`."""
    subscription = hub.subscription(stage.first, stage.schedule, stage.identity)
    row = Subscription.objects.get()
    failure = SendFailure.objects.create(account=account, subscription=row, reason="secret")
    behind = BehindSubscription.objects.create(
        account=account,
        subscription=row,
        messages_behind=1,
        current_messageset_id=stage.first,
        current_sequence_number=1,
        expected_messageset_id=stage.first,
        expected_sequence_number=2,
    )
    file = BinaryContent.objects.create(account=account, name="1.wav", type="audio/wav", data=WAV)
    return {
        "schedule": stage.schedule,
        "messageset": stage.first,
        "message": stage.messages[0],
        "binarycontent": file.pk,
        "subscriptions": subscription["id"],
        "failed-tasks": failure.pk,
        "behind-subscriptions": behind.pk,
    }


UNKNOWN = {"subscriptions": "00000000-0000-4000-8000-000000000000"}


def fill(path, ids):
    return re.sub(r"<[^>]+>", str(ids.get(path.split("/")[3], 999_999)), path)


def state():
    return [list(kind.objects.order_by("pk").values()) for kind in KINDS] + [
        JobRequest.objects.count(),
        AuditEntry.objects.count(),
    ]


def test_the_matrix_is_not_empty():
    assert len(OBJECTS) == 12 and len(ROUTES) >= 40 and len(LISTS) == 8


def verbs_of(path):
    return [verb.upper() for found, verb in ROUTES if found == path]


@pytest.mark.parametrize("path", OBJECTS)
def test_anothers_object_is_as_unknown_as_none(own, stranger, path):
    before = state()
    for verb in verbs_of(path):
        foreign = stranger.call(verb, fill(path, own), {"lang": "xx"})
        unknown = stranger.call(verb, fill(path, UNKNOWN), {"lang": "xx"})
        if ASKED_BY_ID.match(path):
            assert foreign.status_code == unknown.status_code == 400
            reason = unknown.json()["reason"].replace(UNKNOWN["subscriptions"], own["subscriptions"])
            assert foreign.json() == {"accepted": False, "reason": reason}
        else:
            assert (foreign.status_code, foreign.json()) == (404, {"detail": "Not found."})
            assert foreign.content == unknown.content
    assert state() == before


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_every_call_is_refused(own, anonymous, path):
    before = state()
    for verb in verbs_of(path):
        answer = anonymous.call(verb, fill(path, own), {"lang": "xx"})
        assert (answer.status_code, answer.json()) == (
            401,
            {"detail": "Authentication credentials were not provided."},
        )
    assert state() == before


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_nothing_of_another_account(own, hub, stranger, path):
    mine, theirs = hub.get(path).json(), stranger.get(path).json()
    if "languages" in path:
        assert mine and theirs == {}
    else:
        assert mine["count"] >= 1
        assert theirs == {"count": 0, "next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    ("path", "field", "kind"),
    [
        ("/messageset/", "default_schedule", "schedule"),
        ("/messageset/", "next_set", "messageset"),
        ("/message/", "messageset", "messageset"),
        ("/message/", "binary_content", "binarycontent"),
        ("/subscriptions/", "messageset", "messageset"),
        ("/subscriptions/", "schedule", "schedule"),
    ],
)
def test_nothing_of_another_account_is_referred_to(own, stranger, path, field, kind):
    def said(pk):
        refused = stranger.post(path, {field: pk})
        assert refused.status_code == 400
        return refused.json()[field]

    assert said(own[kind]) == ['Invalid pk "%s" - object does not exist.' % own[kind]]
    assert said(999_999) == ['Invalid pk "999999" - object does not exist.']


def test_no_template_of_another_account_is_sent(own, account, hub, stranger, stage):
    template = Template.objects.create(account=account, name="welcome").public_id.hex
    body = {"sequence_number": 9, "lang": "eng", "template": template}
    refused = stranger.post("/message/", body).json()["template"]
    assert refused == ['Invalid pk "%s" - object does not exist.' % template]
    assert hub.made("/message/", {**body, "messageset": stage.first})["template"] == template


def test_no_filter_reaches_into_another_account(own, stranger, stage):
    for query in (f"messageset={stage.first}", f"identity={stage.identity}", "messageset_contains=first"):
        assert stranger.get(f"/subscriptions/?{query}").json()["count"] == 0
    assert stranger.get(f"/message/?messageset={stage.first}").json()["count"] == 0


def test_names_and_registrations_of_another_account_are_free(own, hub, stranger, stage):
    theirs = stranger.message_set("first", stranger.schedule())
    data = {"id": 1, "identity": "x", "messageset": theirs, "lang": "eng", "schedule": stranger.schedule()}
    mine = {**data, "messageset": stage.first, "schedule": stage.schedule}
    hub.made("/subscriptions/request", {"data": mine})
    stranger.made("/subscriptions/request", {"data": data})
    assert Subscription.objects.filter(identity="x").count() == 2


def test_what_is_about_the_account_is_asked_for_it_alone(own, stranger, account):
    for path in ("/failed-tasks/", "/runsendestimate", "/behind-subscriptions/find_behind_subscriptions/"):
        assert stranger.post(path).status_code in (201, 202)
    assert JobRequest.objects.count() == 3 and not JobRequest.objects.filter(account=account).exists()


@pytest.mark.parametrize("path", PATHS)
def test_a_verb_that_a_resource_does_not_have_is_405(hub, reader, path):
    for verb in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - set(verbs_of(path))):
        for program in (hub, reader):
            answer = program.call(verb, fill(path, UNKNOWN), {})
            assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "%s" not allowed.' % verb})


def test_each_path_may_do_without_its_slash_or_end_in_json(own, hub):
    for path in PATHS:
        said = {
            (answer.status_code, re.sub(rb"[0-9a-f-]{36}", b"", answer.content))
            for end in ("", "/", ".json")
            for answer in (hub.call("OPTIONS", fill(path, own).rstrip("/") + end, b""),)
        }
        assert len(said) == 1 and {status for status, _ in said} == {200}, path


def test_each_change_is_in_the_audit_trail_by_names_of_fields(hub, key, stage, account):
    AuditEntry.objects.all().delete()
    made = hub.subscription(stage.first, stage.schedule, identity="secret@x.example")
    hub.patch(f"/subscriptions/{made['id']}/", {"active": False, "unknown": 1})
    pk = Subscription.objects.get().pk
    hub.delete(f"/subscriptions/{made['id']}/")
    entries = AuditEntry.objects.order_by("id")
    assert list(entries.values_list("action", "subject", "key_prefix", "detail")) == [
        ("add", f"subscription {pk}", key[:8], {"fields": ["identity", "lang", "messageset", "schedule"]}),
        ("change", f"subscription {pk}", key[:8], {"fields": ["active"]}),
        ("delete", f"subscription {pk}", key[:8], {}),
    ]
    assert "secret" not in repr(list(entries.values()))


def test_a_key_of_an_account_that_closed_opens_nothing(hub, account):
    account.active = False
    account.save()
    assert Hub(hub.key).get("/schedule/").status_code == 401
