"""Scenarios 11 to 19 of the handoff contract (§15): messages, keys, reading."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models import HandoffMessage, MessageRecipient, Sender
from tests.wires.handoff.clients import SENDER, SENDER_ID, Application

pytestmark = pytest.mark.django_db

UNKNOWN_ID = "f" * 32


def nothing_stored():
    return not (
        HandoffMessage.objects.exists() or MessageRecipient.objects.exists() or Sender.objects.exists()
    )


def test_handoff_11_a_message_of_a_known_sender(application, person):
    application.vouch()
    answer = application.hand_over(sender=SENDER_ID, recipients=person.external_id)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert len(body["id"]) == 32 and set(body["id"]) <= set("0123456789abcdef")
    assert body == {
        "id": body["id"],
        "type": "private",
        "sender": SENDER_ID,
        "subject": "testing",
        "message": "Hello, World",
        "recipients": [{"status": "unscheduled", "recipient_id": person.pk}],
    }
    assert application.get(f"/message/{body['id']}/").json() == body


def test_handoff_11_posting_by_id_extends_nothing(application):
    before = application.vouch().json()
    application.hand_over(sender=SENDER_ID)
    assert Sender.objects.get().email_expires_at.isoformat() == before["email_expires_at"]


def test_handoff_12_a_message_vouches_for_its_sender(application, person):
    body = application.hand_over(recipients=person.external_id).json()
    sender = Sender.objects.get()
    assert body["sender"] == sender.hash == SENDER_ID
    assert (sender.email, sender.name) == ("whomever@example.com", "Joe Bleu")
    assert application.statuses(body["id"]) == ["unscheduled"]


@pytest.mark.parametrize("ttl", [4, "4", 4.0, " 4 "])
def test_handoff_12_a_ttl_in_json_may_be_a_string(application, ttl):
    answer = application.hand_over(sender=json.dumps({"email": "j@t.com", "name": "j", "ttl": ttl}))
    assert answer.status_code == 200
    sender = Sender.objects.get()
    assert sender.email_expires_at - sender.created_at == timedelta(days=4)


def test_handoff_13_recipients_come_back_in_posting_order(application, person, other_person):
    ids = [other_person.external_id, person.external_id]
    body = application.hand_over(recipients=ids).json()
    assert [row["recipient_id"] for row in body["recipients"]] == [other_person.pk, person.pk]


def test_handoff_13_repeated_recipients_collapse(application, person, other_person):
    ids = [other_person.external_id, person.external_id, other_person.external_id]
    body = application.hand_over(recipients=ids).json()
    assert [row["recipient_id"] for row in body["recipients"]] == [other_person.pk, person.pk]


def test_handoff_14_a_list_in_one_field_is_one_unknown_person(application, person, other_person):
    answer = application.hand_over(recipients=f"{person.external_id},{other_person.external_id}")
    assert answer.status_code == 400
    assert answer.content.decode() == "invalid recipient: ocd-person/1,ocd-person/2"
    assert nothing_stored()


def test_handoff_14_no_recipient_at_all_is_fine(application):
    body = application.hand_over().json()
    assert body["recipients"] == []
    assert application.get(f"/message/{body['id']}/").json() == body


@pytest.mark.parametrize("missing", ["type", "subject", "message", "sender"])
def test_handoff_15_a_missing_field_is_named(application, missing):
    answer = application.hand_over(**{missing: None})
    assert (answer.status_code, answer.content.decode()) == (400, f"missing parameter: {missing}")


def test_handoff_15_empty_texts_are_no_missing_ones(application):
    assert application.hand_over(subject="", message="").status_code == 200


@pytest.mark.parametrize(
    "sender, said",
    [
        ("9" * 64, "invalid sender"),
        ("9" * 64 + "x", "invalid sender"),
        ('{"junk": 1}', "sender payload missing field: email"),
        ('{"email": "a@b.org", "ttl": 1}', "sender payload missing field: name"),
        ('{"email": "a@b.org", "name": "a"}', "sender payload missing field: ttl"),
        ("~x~", "invalid sender JSON"),
        ("", "invalid sender JSON"),
        ("[]", "invalid sender JSON"),
        ('"a"', "invalid sender JSON"),
        ("[" * 100_000, "invalid sender JSON"),
        ('{"email": "a@b.org", "name": "a", "ttl": "x"}', "invalid sender JSON: ttl"),
        ('{"email": "a@b.org", "name": "a", "ttl": true}', "invalid sender JSON: ttl"),
        ('{"email": "a@b.org", "name": "a", "ttl": null}', "invalid sender JSON: ttl"),
        ('{"email": "a@b.org", "name": "a", "ttl": 1.5}', "invalid sender JSON: ttl"),
        ('{"email": "a@b.org", "name": "a", "ttl": Infinity}', "invalid sender JSON: ttl"),
        ('{"email": "nobody", "name": "a", "ttl": 1}', "invalid sender JSON: email"),
        ('{"email": 5, "name": "a", "ttl": 1}', "invalid sender JSON"),
        ('{"email": "a@b.org", "name": "a\\u0000", "ttl": 1}', "invalid sender JSON"),
        ('{"email": "a@b.org", "name": "\\ud800", "ttl": 1}', "invalid sender JSON"),
        ('{"email": "a@b.org", "name": "a\\nb", "ttl": 1}', "invalid sender JSON: name"),
    ],
)
def test_handoff_16_a_wrong_sender_is_refused(application, sender, said):
    answer = application.hand_over(sender=sender)
    assert (answer.status_code, answer.content.decode()) == (400, said)
    assert nothing_stored()


def test_handoff_17_no_wrong_and_inactive_keys_are_refused(client, account, key, keyless, application):
    message = application.hand_over().json()
    for path, fields in (("/sender/", {"email": "a@b.org", "name": "a", "ttl": 1}), ("/message/", None)):
        fields = fields or {"type": "private", "subject": "s", "message": "m", "sender": SENDER}
        for wrong, said in ((None, "missing parameter: key"), ("0" * 40, "invalid application key")):
            answer = Application(client, wrong).post(path, **fields)
            assert (answer.status_code, answer.content.decode()) == (400, said)
    assert keyless.get(f"/message/{message['id']}/").content == b"missing parameter: key"
    account.active = False
    account.save()
    api_keys.forget_cached()
    assert application.hand_over().content == b"invalid application key"
    assert application.get(f"/message/{message['id']}/").status_code == 400


def test_handoff_17_message_only_asks_a_key_for_posting_a_message(
    settings, client, application, keyless, account
):
    settings.EARWIG_HANDOFF_KEYS = "message-only"
    message = application.hand_over().json()
    assert keyless.hand_over().content == b"missing parameter: key"
    assert Application(client, "0" * 40).hand_over().content == b"invalid application key"
    assert keyless.get(f"/message/{message['id']}/").json() == message
    assert Application(client, "0" * 40).get(f"/message/{message['id']}/").status_code == 400
    assert keyless.vouch(email="a@b.org").status_code == 400
    settings.EARWIG_HANDOFF_ACCOUNT = account.slug
    assert keyless.vouch(email="a@b.org").status_code == 200
    account.active = False
    account.save()
    api_keys.forget_cached()
    assert application.hand_over().content == b"invalid application key"


def test_handoff_18_the_three_calls_of_the_document(settings, client, account, make_person):
    settings.EARWIG_HANDOFF_KEYS = "default-application"
    settings.EARWIG_HANDOFF_ACCOUNT = account.slug
    paultag = make_person("ocd-person/paultag")

    def curl(path, *fields):
        return client.post(path, "&".join(fields), content_type="application/x-www-form-urlencoded")

    sender = curl("/sender/", "email=whomever@example.com", "name=Joe Bleu", "ttl=10")
    assert sender.status_code == 200
    assert list(sender.json()) == ["email", "created_at", "email_expires_at", "name", "id"]
    assert sender.json()["id"] == SENDER_ID
    message = curl(
        "/message/",
        "subject=testing",
        "type=private",
        "message=Hello,%20World",
        "recipients=ocd-person/paultag",
        'sender={"email": "j@t.com", "name": "j", "ttl": 4}',
    )
    assert message.status_code == 200
    body = message.json()
    assert list(body) == ["message", "id", "type", "sender", "recipients", "subject"]
    assert body["message"] == "Hello, World"
    assert body["recipients"] == [{"status": "unscheduled", "recipient_id": paultag.pk}]
    read = client.get(f"/message/{body['id']}/")
    assert (read.status_code, read.json()) == (200, body)


def test_handoff_19_reading_what_is_not_there(application):
    unknown = application.get(f"/message/{UNKNOWN_ID}/")
    assert (unknown.status_code, unknown.content) == (404, b"no such object")
    for malformed in ("xyz", UNKNOWN_ID.upper(), UNKNOWN_ID + "0"):
        assert application.get(f"/message/{malformed}/").status_code == 404
    refused = application.post(f"/message/{UNKNOWN_ID}/")
    assert (refused.status_code, refused.content, refused["Allow"]) == (405, b"", "GET, HEAD")
    assert refused["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/sender/", "/message/"])
@pytest.mark.parametrize("verb", ["get", "head", "put", "patch", "delete", "options"])
def test_handoff_19_creation_takes_post_only(client, db, path, verb):
    answer = getattr(client, verb)(path)
    assert (answer.status_code, answer.content, answer["Allow"]) == (405, b"", "POST")


def test_a_stranger_does_not_see_the_message(application, stranger, person):
    message = application.hand_over(recipients=person.external_id).json()
    answer = stranger.get(f"/message/{message['id']}/")
    assert (answer.status_code, answer.content) == (404, b"no such object")


def test_a_stranger_reaches_neither_sender_nor_person(application, stranger, person):
    application.vouch()
    assert stranger.hand_over(sender=SENDER_ID).content == b"invalid sender"
    answer = stranger.hand_over(recipients=person.external_id)
    assert answer.content.decode() == f"invalid recipient: {person.external_id}"


def test_head_is_allowed_on_reading(client, application, key):
    message = application.hand_over().json()
    answer = client.head(f"/message/{message['id']}/", {"key": key})
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("mount", ["", "/handoff"])
def test_both_slashes_and_mounts_answer_without_a_redirect(client, key, mount):
    application = Application(client, key)
    assert application.post(f"{mount}/sender", email="a@b.org", name="a", ttl=1).status_code == 200
    fields = {"type": "public", "subject": "s", "message": "m", "sender": SENDER}
    body = application.post(f"{mount}/message", **fields).json()
    assert application.get(f"{mount}/message/{body['id']}").json() == body
    assert application.get(f"{mount}/message/{body['id']}/").json() == body


def test_the_key_may_travel_in_many_places(client, key):
    draft = {"email": "a@b.org", "name": "a", "ttl": "1"}
    wrong = "0" * 40

    def status(fields=None, query="", **headers):
        return client.post(f"/sender/{query}", {**draft, **(fields or {})}, headers=headers).status_code

    assert status({"key": key, "app_key": wrong}) == 200
    assert status({"app_key": key}, f"?key={wrong}") == 200
    assert status(None, f"?key={key}&app_key={wrong}") == 200
    assert status(None, f"?app_key={key}", Authorization=f"Token {wrong}") == 200
    assert status(Authorization=f"Token {key}") == 200
    assert status(Authorization=f"bearer {key}", X_Api_Key=wrong) == 200
    assert status(X_Api_Key=key) == 200
    assert status({"key": wrong, "app_key": key}) == 400
    assert status({"key": "", "app_key": key}) == 200


def test_the_last_value_of_a_field_wins(application):
    assert application.vouch(name=["First", "Last"]).json()["name"] == "Last"


def test_scopes_are_asked_for(client, account):
    now = timezone.now()
    reader = Application(client, api_keys.issue(account, name="r", scopes=["read"], now=now).secret)
    writer = Application(client, api_keys.issue(account, name="w", scopes=["send"], now=now).secret)
    assert reader.vouch().status_code == reader.hand_over().status_code == 403
    message = writer.hand_over().json()
    assert writer.get(f"/message/{message['id']}/").status_code == 403
    assert reader.get(f"/message/{message['id']}/").status_code == 200


def test_a_key_keeps_to_its_rate_addresses_and_domains(settings, client, account):
    def application(**restrictions):
        issued = api_keys.issue(account, name="k", scopes=["send"], now=timezone.now(), **restrictions)
        return Application(client, issued.secret)

    settings.HANDOFF_FROM = "Messages <messages@hub.example>"
    limited = application(requests_per_minute=1)
    assert limited.vouch().status_code == 200
    over = limited.vouch()
    assert over.status_code == 429 and over["Retry-After"]
    assert over["Content-Type"].startswith("text/plain")
    assert application(allowed_ips=["10.0.0.0/8"]).vouch().status_code == 403
    assert application(allowed_sender_domains=["else.example"]).hand_over().status_code == 403
    assert application(allowed_sender_domains=["hub.example"]).hand_over().status_code == 200


def test_an_account_with_a_domain_of_its_own_hands_over_only_from_there(settings, application, account):
    domains.add(account, name="acme.example", now=timezone.now())
    settings.HANDOFF_FROM = "Messages <messages@hub.example>"
    assert application.hand_over().status_code == 400
    assert nothing_stored()
    settings.HANDOFF_FROM = "Messages <messages@acme.example>"
    assert application.hand_over().status_code == 200


def test_a_json_body_has_no_fields(client, key):
    answer = client.post(
        "/message/",
        {"type": "public", "key": key},
        content_type="application/json",
        headers={"X-Api-Key": key},
    )
    assert (answer.status_code, answer.content) == (400, b"missing parameter: type")


def test_a_body_over_the_limit_is_refused(settings, application):
    settings.MAX_BODY_BYTES = 1000
    answer = application.hand_over(message="x" * 1000)
    assert answer.status_code == 413
    assert answer["Content-Type"].startswith("text/plain")
    assert nothing_stored()


@pytest.mark.parametrize(
    "field, value",
    [
        ("subject", "x" * 256),
        ("subject", "a\r\nBcc: b@c.org"),
        ("subject", "a\0"),
        ("message", "a\0"),
        ("message", "x" * 1_000_001),
        ("recipients", "a\0"),
        ("unheard_of", "a\0"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(application, field, value):
    answer = application.hand_over(**{field: value})
    assert (answer.status_code, answer.content.decode()) == (400, f"invalid parameter: {field}")
    assert nothing_stored()


def test_an_unknown_type_is_refused(application):
    assert application.hand_over(type="secret").content == b"invalid type"


def test_a_subject_of_255_characters_and_line_breaks_in_the_message_are_kept(application):
    body = application.hand_over(subject="ü" * 255, message="one\r\ntwo").json()
    assert (body["subject"], body["message"]) == ("ü" * 255, "one\r\ntwo")


@pytest.mark.parametrize(
    "body, content_type",
    [
        (b"\xff\xfe&&&===%zz", "application/x-www-form-urlencoded"),
        (b"a=1", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"a=1", "application/x-www-form-urlencoded; charset=hex"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"garbage", "multipart/form-data"),
        (b"\0" * 10, "application/octet-stream"),
        (b"a" * 10, ""),
        (b"&".join(b"a=1" for _ in range(20_001)), "application/x-www-form-urlencoded"),
    ],
)
def test_any_rubbish_gets_a_line_of_text(client, db, body, content_type):
    answer = client.generic("POST", "/message/", body, content_type=content_type)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/plain")


def test_a_file_is_no_field(client, key):
    from django.core.files.uploadedfile import SimpleUploadedFile

    fields = {"type": SimpleUploadedFile("type", b"public"), "subject": "s", "message": "m", "sender": SENDER}
    assert client.post("/message/", {**fields, "key": key}).content == b"missing parameter: type"


def test_reading_costs_two_queries_whatever_the_recipients(
    application, make_person, django_assert_num_queries
):
    ids = [make_person(f"ocd-person/{number}").external_id for number in range(30)]
    message = application.hand_over(recipients=ids).json()
    with django_assert_num_queries(2):
        assert len(application.statuses(message["id"])) == 30


def test_accepting_costs_the_same_for_any_number_of_recipients(
    application, make_person, django_assert_max_num_queries
):
    application.hand_over()
    ids = [make_person(f"ocd-person/{number}").external_id for number in range(30)]
    with django_assert_max_num_queries(12):
        assert application.hand_over(recipients=ids).status_code == 200
