"""Schedules, sets, messages and files (contract §3; scenarios 5 to 10)."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from earwig.models import Domain
from spooling.models import BinaryContent, MessageSet, Schedule, StageMessage
from templates_app.models import Template
from tests.wires.seed.clients import WAV

SHORT = "Ensure this field has no more than {} characters."
FIELDS = ["minute", "hour", "day_of_week", "day_of_month", "month_of_year"]


def upload(hub, name="welcome.wav", data=WAV, type_="audio/wav", **extra):
    return hub.form("/binarycontent/", {"content": SimpleUploadedFile(name, data, type_), **extra})


def path_of(url):
    return url.removeprefix("http://testserver")


def refusal(answer, status=400):
    assert answer.status_code == status, answer.content
    return answer.json()


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


# Files


@pytest.mark.parametrize("slash", ["", "/"])
def test_09_an_uploaded_file_is_shown_by_a_message_and_public(hub, stage, slash):
    uploaded = upload(hub, "Über uns.MP3", WAV, "audio/mpeg")
    assert uploaded.status_code == 201
    file = uploaded.json()
    assert list(file) == ["id", "content"]
    assert re.fullmatch(r"http://testserver/media/\d{20}\.mp3", file["content"])

    message = hub.message(stage.first, 4, text_content=None, binary_content=file["id"])
    assert hub.get(f"/message/{message}/").json()["binary_content"] == file["id"]
    shown = hub.get(f"/message/{message}/content{slash}").json()
    assert shown["binary_content"] == file and shown["metadata"] == {}
    assert hub.get(f"/message/{stage.messages[0]}/content{slash}").json()["binary_content"] is None
    assert hub.get(f"/messageset/{stage.first}/messages/").json()["messages"][-1]["binary_content"] == file

    fetched = Client().get(path_of(file["content"]))
    assert (fetched.status_code, fetched.content, fetched["Content-Type"]) == (200, WAV, "audio/mpeg")
    assert fetched["Content-Security-Policy"].startswith("sandbox")
    assert fetched["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in fetched["Cache-Control"]


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({}, "json", "No file was submitted."),
        (
            {"content": "text"},
            "json",
            "The submitted data was not a file. Check the encoding type on the form.",
        ),
        ({"content": None}, "json", "No file was submitted."),
        ({}, "form", "No file was submitted."),
        ({"content": ""}, "form", "The submitted data was not a file. Check the encoding type on the form."),
        ({"content": SimpleUploadedFile("a.mp3", b"")}, "form", "No file was submitted."),
    ],
)
def test_an_upload_without_a_file_is_refused(hub, body, kind, text):
    answer = hub.form("/binarycontent/", body) if kind == "form" else hub.post("/binarycontent/", body)
    assert refusal(answer) == {"content": [text]}


def test_a_file_beyond_the_limit_is_413(hub, settings):
    settings.MAX_BODY_BYTES = 1000
    assert refusal(upload(hub, data=b"x" * 2000), 413) == {
        "detail": "The body is larger than this installation takes."
    }
    assert not BinaryContent.objects.exists()


def test_an_upload_with_an_idempotency_key_is_stored_once(hub):
    def again(data):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="content"; filename="a.wav"\r\n\r\n'
            + data
            + b"\r\n--x--"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Idempotency-Key": "k"}
        return hub.call("POST", "/binarycontent/", body, **headers)

    first, second = again(WAV), again(WAV)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert bytes(BinaryContent.objects.get().data) == WAV
    assert again(b"other").status_code == 409


def test_a_file_in_use_is_kept(hub, stage):
    file = upload(hub).json()["id"]
    message = hub.message(stage.first, 4, text_content=None, binary_content=file)
    assert list(refusal(hub.delete(f"/binarycontent/{file}/"), 409)) == ["detail"]
    hub.delete(f"/message/{message}/")
    assert hub.delete(f"/binarycontent/{file}/").content == b""
    assert hub.get(f"/binarycontent/{file}/").status_code == 404


def test_a_replaced_file_has_a_new_url(hub, key):
    file = upload(hub).json()
    assert hub.patch(f"/binarycontent/{file['id']}/", {}).json() == file
    data = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a.png"\r\n\r\nPNG\r\n--x--\r\n'
    replaced = hub.call(
        "PUT", f"/binarycontent/{file['id']}/", data, **{"Content-Type": "multipart/form-data; boundary=x"}
    ).json()
    assert replaced["id"] == file["id"] and replaced["content"].endswith(".png")
    assert Client().get(path_of(file["content"])).status_code == 404
    fetched = Client().get(path_of(replaced["content"]))
    assert (fetched.content, fetched["Content-Type"]) == (b"PNG", "image/png")
    assert hub.put(f"/binarycontent/{file['id']}/", {}).status_code == 400


@pytest.mark.parametrize(
    ("name", "type_", "extension"),
    [
        ("a.html", "text/html", ".html"),
        ("a.svg", "image/svg+xml", ".svg"),
        ("../../etc/passwd", "text/plain", ""),
        ("a.p h p", "x", ""),
        ("a.exe", "", ".exe"),
    ],
)
def test_whatever_is_no_picture_sound_or_film_is_an_attachment(hub, name, type_, extension):
    url = upload(hub, name, b"<script>alert(1)</script>", type_).json()["content"]
    assert re.fullmatch(r"http://testserver/media/\d{20}" + re.escape(extension), url)
    fetched = Client().get(path_of(url))
    assert fetched["Content-Type"] == "application/octet-stream"
    assert fetched["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("asked", "status", "content", "range_"),
    [
        ("bytes=0-3", 206, b"RIFF", "bytes 0-3/44"),
        ("bytes=40-", 206, b"\0\0\0\0", "bytes 40-43/44"),
        ("bytes=-4", 206, b"\0\0\0\0", "bytes 40-43/44"),
        ("bytes=0-999", 206, WAV, "bytes 0-43/44"),
        ("bytes=-999", 206, WAV, "bytes 0-43/44"),
        ("bytes=44-", 416, b"", "bytes */44"),
        ("bytes=9-3", 200, WAV, None),
        ("bytes=-0", 416, b"", "bytes */44"),
        ("bytes=-", 200, WAV, None),
        ("bytes=0-1,3-4", 200, WAV, None),
        ("lines=1-2", 200, WAV, None),
        ("bytes=" + "9" * 30 + "-", 200, WAV, None),
    ],
)
def test_a_sound_is_played_from_anywhere(hub, asked, status, content, range_):
    path = path_of(upload(hub).json()["content"])
    answer = Client().get(path, headers={"Range": asked})
    assert (answer.status_code, answer.content, answer.get("Content-Range")) == (status, content, range_)
    assert answer["Accept-Ranges"] == "bytes"
    assert status != 206 or int(answer["Content-Length"]) == len(content)


def test_a_file_is_asked_for_again_only_when_it_changed(hub):
    path = path_of(upload(hub).json()["content"])
    first = Client().head(path)
    assert (first.status_code, first.content, first["Content-Length"]) == (200, b"", "44")
    assert Client().get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304
    part = {"Range": "bytes=0-3", "If-Range": first["ETag"]}
    assert Client().get(path, headers=part).status_code == 206
    assert Client().get(path, headers={**part, "If-Range": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["", "none.mp3", "%00", "a%0ab", "../x"])
def test_no_other_file_is_served(db, name):
    assert Client().get(f"/media/{name}").status_code == 404
    assert Client().post("/media/none.mp3").status_code == 405
