"""Schedules, sets and messages (contract §3.1 to §3.5; scenarios 5 to 8 and 10)."""

import re

import pytest
from django.utils import timezone

from earwig.models import Domain
from spooling.models import MessageSet, Schedule, StageMessage
from templates_app.models import Template
from tests.wires.seed.clients import refusal, upload

SHORT = "Ensure this field has no more than {} characters."
FIELDS = ["minute", "hour", "day_of_week", "day_of_month", "month_of_year"]


# Schedules


def test_05_a_schedule_takes_every_minute_unless_told(hub):
    assert hub.made("/schedule/") == {"id": Schedule.objects.get().pk, **{field: "*" for field in FIELDS}}
    assert hub.made("/schedule/", {"hour": 1})["hour"] == "1"
    refused = refusal(hub.post("/schedule/", {"minute": "1," * 35 + "1"}))
    assert refused == {"minute": [SHORT.format(64)]}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["banana", "61", "1-", "*/0", "-1", "1 2 3 4", "@daily", "9" * 64, "½"])
def test_a_field_that_no_parser_reads_is_refused_by_name(hub, field, text):
    assert list(refusal(hub.post("/schedule/", {field: text}))) == [field]
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"minute": ""}, "This field may not be blank."),
        ({"minute": None}, "This field may not be null."),
        ({"minute": ["1"]}, "Not a valid string."),
        ({"minute": True}, "Not a valid string."),
    ],
)
def test_a_field_of_another_kind_is_refused(hub, body, refused):
    assert refusal(hub.post("/schedule/", body)) == {"minute": [refused]}


def test_fields_come_back_as_they_were_written(hub):
    written = {
        "minute": "0, 30",
        "hour": "*/2",
        "day_of_week": "1,7",
        "day_of_month": "1-15/2",
        "month_of_year": "jan",
    }
    made = hub.made("/schedule/", written)
    assert hub.get(f"/schedule/{made['id']}/").json() == {"id": made["id"], **written}


def test_a_schedule_is_replaced_and_changed(hub):
    pk = hub.schedule(minute="5", hour="8")
    assert hub.put(f"/schedule/{pk}/", {}).json()["hour"] == "8"
    before = Schedule.objects.get().next_run_at
    changed = hub.patch(f"/schedule/{pk}/", {"minute": "6", "id": 77})
    assert (changed.status_code, changed.json()["minute"], changed.json()["id"]) == (200, "6", pk)
    assert Schedule.objects.get().next_run_at not in (None, before)
    assert list(refusal(hub.patch(f"/schedule/{pk}/", {"hour": "25"}))) == ["hour"]
    assert Schedule.objects.get().hour == "8"


def test_07_an_unused_schedule_is_deleted_and_a_used_one_kept(hub, stage):
    free = hub.schedule()
    answer = hub.delete(f"/schedule/{free}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert list(refusal(hub.delete(f"/schedule/{stage.schedule}/"), 409)) == ["detail"]
    assert hub.get(f"/schedule/{stage.schedule}/").status_code == 200


def test_schedules_are_in_the_order_of_the_year(hub):
    for fields in (
        {"hour": "9"},
        {"month_of_year": "2"},
        {"day_of_month": "3"},
        {"hour": "8"},
        {"day_of_week": "1"},
    ):
        hub.schedule(**fields)
    rows = hub.results("/schedule/?cron_string=1")
    assert [
        [row[field] for field in ("month_of_year", "day_of_month", "day_of_week", "hour")] for row in rows
    ] == [
        ["*", "*", "*", "8"],
        ["*", "*", "*", "9"],
        ["*", "*", "1", "*"],
        ["*", "3", "*", "*"],
        ["2", "*", "*", "*"],
    ]


# Message sets


def test_a_set_has_its_defaults(hub):
    schedule = hub.schedule()
    made = hub.made("/messageset/", {"short_name": "first", "default_schedule": str(schedule)})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", made.pop("created_at"))
    assert made.pop("updated_at")
    assert made == {
        "id": MessageSet.objects.get().pk,
        "short_name": "first",
        "label": "",
        "content_type": "text",
        "notes": None,
        "next_set": None,
        "default_schedule": schedule,
        "channel": None,
        "from_address": "",
    }


def test_06_what_is_wrong_of_a_set_is_named(hub, stage):
    body = {"short_name": "x", "default_schedule": stage.schedule}
    for extra, refused in (
        ({"default_schedule": ""}, {"default_schedule": ["This field may not be null."]}),
        ({"default_schedule": 99}, {"default_schedule": ['Invalid pk "99" - object does not exist.']}),
        (
            {"default_schedule": 2**70},
            {"default_schedule": ['Invalid pk "1180591620717411303424" - object does not exist.']},
        ),
        (
            {"default_schedule": []},
            {"default_schedule": ["Incorrect type. Expected pk value, received list."]},
        ),
        ({"next_set": 999}, {"next_set": ['Invalid pk "999" - object does not exist.']}),
        ({"short_name": "first"}, {"short_name": ["MessageSet with this Short name already exists."]}),
        ({"short_name": ""}, {"short_name": ["This field may not be blank."]}),
        ({"short_name": "n" * 101}, {"short_name": [SHORT.format(100)]}),
        ({"label": "n" * 101}, {"label": [SHORT.format(100)]}),
        ({"content_type": "video"}, {"content_type": ['"video" is not a valid choice.']}),
    ):
        assert refusal(hub.post("/messageset/", {**body, **extra})) == refused
    required = ["This field is required."]
    assert refusal(hub.post("/messageset/")) == {"short_name": required, "default_schedule": required}


def test_the_author_of_a_set_is_one_that_the_account_and_the_key_may_use(hub, key_with, stage, other_account):
    Domain.objects.create(account=other_account, name="rival.example", verified_at=timezone.now())
    path = f"/messageset/{stage.first}/"
    for author in ("nobody", "a@b@c", "Rival <hello@rival.example>", "a@x.example\r\nBcc: b@x.example"):
        assert list(refusal(hub.patch(path, {"from_address": author}))) == ["from_address"]
    assert (
        hub.patch(path, {"from_address": "Hub <hub@x.example>"}).json()["from_address"]
        == "Hub <hub@x.example>"
    )
    narrow = key_with("read", "manage", allowed_sender_domains=["y.example"])
    assert list(refusal(narrow.patch(path, {"from_address": "hub@x.example"}))) == ["from_address"]
    assert narrow.patch(path, {"from_address": "hub@y.example"}).status_code == 200
    assert narrow.patch(path, {"from_address": ""}).status_code == 200


def test_07_a_set_is_changed_replaced_and_deleted(hub, stage):
    path = f"/messageset/{stage.following}/"
    assert hub.patch(path, {"notes": "spring"}).json()["notes"] == "spring"
    assert list(refusal(hub.put(path, {"notes": "x"}))) == ["short_name", "default_schedule"]
    replaced = hub.put(
        path, {"short_name": "following", "default_schedule": stage.schedule, "next_set": stage.following}
    )
    assert replaced.json()["next_set"] == stage.following
    answer = hub.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert hub.get(f"/messageset/{stage.first}/").json()["next_set"] is None


def test_a_set_with_subscriptions_is_kept(hub, stage):
    subscription = hub.subscription(stage.first, stage.schedule)
    assert list(refusal(hub.delete(f"/messageset/{stage.first}/"), 409)) == ["detail"]
    assert StageMessage.objects.filter(messageset=stage.first).count() == 4
    hub.delete(f"/subscriptions/{subscription['id']}/")
    assert hub.delete(f"/messageset/{stage.first}/").status_code == 204
    assert not StageMessage.objects.exists()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["following", "first"]),
        ("?short_name=first", ["first"]),
        ("?short_name=First", []),
        ("?short_name=", ["following", "first"]),
        ("?content_type=text", ["following", "first"]),
        ("?content_type=audio", []),
        ("?content_type=video", []),
        ("?created_at__gt=x&unknown=1", ["following", "first"]),
    ],
)
def test_sets_are_filtered(hub, stage, query, names):
    assert [row["short_name"] for row in hub.results(f"/messageset/{query}")] == names


def test_the_languages_of_all_sets(hub, stage):
    assert hub.get("/messageset_languages/").json() == {
        str(stage.first): ["eng_ZA", "zul_ZA"],
        str(stage.following): [],
    }


@pytest.mark.parametrize("slash", ["", "/"])
def test_10_the_messages_of_a_set_as_object_and_as_list(hub, stage, slash):
    answer = hub.get(f"/messageset/{stage.first}/messages{slash}")
    document = answer.json()
    assert list(document) == [
        *(
            "id",
            "short_name",
            "notes",
            "next_set",
            "default_schedule",
            "messages",
            "created_at",
            "updated_at",
        ),
        *("count", "next", "previous", "results"),
    ]
    assert [(row["sequence_number"], row["lang"]) for row in document["messages"]] == [
        *((1, "eng_ZA"), (1, "zul_ZA"), (2, "eng_ZA"), (3, "eng_ZA"))
    ]
    assert document["results"] == document["messages"] and document["count"] == 4
    page = hub.get(f"/messageset/{stage.first}/messages{slash}?limit=1&offset=2").json()
    assert (len(page["messages"]), page["results"]) == (4, document["messages"][2:3])
    assert page["next"].endswith(f"/messages{slash}?limit=1&offset=3")


def test_the_messages_of_a_set_are_only_read(hub, stage):
    assert hub.post(f"/messageset/{stage.first}/messages/").status_code == 405
    assert hub.get("/messageset/999/messages/").json() == {"detail": "Not found."}


def test_the_messages_of_a_large_set_take_few_queries(hub, stage, django_assert_max_num_queries):
    file = upload(hub).json()["id"]
    StageMessage.objects.bulk_create(
        StageMessage(messageset_id=stage.first, sequence_number=n, lang="eng_ZA", binary_content_id=file)
        for n in range(10, 300)
    )
    with django_assert_max_num_queries(4):
        assert len(hub.get(f"/messageset/{stage.first}/messages/").json()["messages"]) == 294


# Messages


def test_a_message_has_its_defaults(hub, stage):
    made = hub.get(f"/message/{stage.messages[0]}/").json()
    assert made.pop("created_at") and made.pop("updated_at")
    assert made == {
        "id": stage.messages[0],
        "messageset": stage.first,
        "sequence_number": 1,
        "lang": "eng_ZA",
        "metadata": {},
        "text_content": "text 1",
        "binary_content": None,
        "template": None,
    }


def test_08_what_is_wrong_of_a_message_is_named(hub, stage):
    body = {"messageset": stage.first, "sequence_number": 9, "lang": "eng_ZA", "text_content": "nine"}
    unique = "The fields messageset, sequence_number, lang must make a unique set."
    for extra, refused in (
        ({"text_content": None}, ["Messages must have text or file attached"]),
        ({"text_content": ""}, ["Messages must have text or file attached"]),
        ({"sequence_number": 1}, {"non_field_errors": [unique]}),
        ({"lang": "eng_ZAF"}, {"lang": [SHORT.format(6)]}),
        ({"lang": ""}, {"lang": ["This field may not be blank."]}),
        ({"sequence_number": "x"}, {"sequence_number": ["A valid integer is required."]}),
        ({"sequence_number": 1.5}, {"sequence_number": ["A valid integer is required."]}),
        ({"messageset": 999}, {"messageset": ['Invalid pk "999" - object does not exist.']}),
        ({"messageset": None}, {"messageset": ["This field may not be null."]}),
        ({"binary_content": 999}, {"binary_content": ['Invalid pk "999" - object does not exist.']}),
        ({"template": 999}, {"template": ['Invalid pk "999" - object does not exist.']}),
        ({"metadata": None}, {"metadata": ["This field may not be null."]}),
        ({"metadata": "text"}, {"metadata": ["Expected a JSON object."]}),
    ):
        assert refusal(hub.post("/message/", {**body, **extra})) == refused
    for number in (2**31, -(2**31) - 1, 10**400):
        assert list(refusal(hub.post("/message/", {**body, "sequence_number": number}))) == [
            "sequence_number"
        ]
    required = ["This field is required."]
    assert refusal(hub.post("/message/")) == {
        "messageset": required,
        "sequence_number": required,
        "lang": required,
    }


def test_08_a_message_is_changed(hub, stage):
    path = f"/message/{stage.messages[0]}/"
    assert hub.patch(path, {"text_content": "new"}).json()["text_content"] == "new"
    assert refusal(hub.patch(path, {"text_content": None})) == ["Messages must have text or file attached"]
    assert list(refusal(hub.patch(path, {"sequence_number": 2}))) == ["non_field_errors"]
    assert list(refusal(hub.put(path, {"lang": "eng_ZA"}))) == ["messageset", "sequence_number"]
    for number in (0, -3, 2**31 - 1):
        assert hub.patch(path, {"sequence_number": number}).json()["sequence_number"] == number
    assert StageMessage.objects.get(pk=stage.messages[0]).text_content == "new"
    assert hub.delete(path).content == b""
    assert hub.get(path).status_code == 404


def test_a_message_may_be_a_template_alone(hub, stage, account):
    template = Template.objects.create(account=account, name="welcome")
    made = hub.message(stage.first, 7, text_content=None, template=template.public_id.hex)
    shown = hub.get(f"/message/{made}/").json()
    assert (shown["template"], shown["text_content"]) == (template.public_id.hex, None)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("lang=zul_ZA", [1]),
        ("sequence_number=2", [2]),
        ("sequence_number=x", []),
        ("sequence_number=" + "9" * 30, []),
        ("sequence_number=", [1, 1, 2, 3]),
        ("messageset=999", []),
        ("messageset=x", []),
        ("lang=eng_ZA&sequence_number=3", [3]),
    ],
)
def test_messages_are_filtered_and_in_order(hub, stage, query, numbers):
    assert [row["sequence_number"] for row in hub.results(f"/message/?{query}")] == numbers
    assert len(hub.results(f"/message/?messageset={stage.first}")) == 4


@pytest.mark.parametrize("name", ["lang", "messageset", "sequence_number"])
def test_a_filter_with_a_null_character_is_no_500(hub, stage, name):
    assert hub.get(f"/message/?{name}=%00").status_code in (200, 400)
