import pytest

from earwig.models import AuditEntry
from spooling.models import SpoolerMessage
from tests.wires.octosend.clients import SPOOLER_KEYS, refused

EMPTY = {
    "attachments": [],
    "headers": {},
    "parts": [],
    "recipient": "",
    "sender": "",
    "subject": "",
    "unsubscribe": "",
    "variables": {},
}


@pytest.fixture
def upload(caller, token):
    """Call with a type and a content to upload a part; answers its token."""

    def call(type="text/html", content="<p>Hi</p>", to=token):
        return caller.post(f"spooler/{to}/resources/part", {"type": type, "content": content}).json()

    return call


def test_scenario_12_a_fresh_message_has_all_keys_and_nothing_in_them(caller, token):
    answer = caller.get(f"spooler/{token}/message")
    assert answer.status_code == 200
    assert answer.json() == EMPTY


def test_scenario_13_a_message_is_told_with_its_parts(caller, token, upload):
    html, text = upload(), upload("text/plain", "Hi")
    assert isinstance(html, str) and isinstance(text, str) and html != text
    told = {"sender": "Shop", "subject": "Hi {{firstname}}", "parts": [html, text]}
    answer = caller.post(f"spooler/{token}/message", told).json()
    assert set(answer) == set(EMPTY) | SPOOLER_KEYS
    assert answer["subject"] == "Hi {{firstname}}" and answer["token"] == token
    shown = caller.get(f"spooler/{token}/message").json()
    assert shown == EMPTY | told
    assert shown["headers"] == {}


def test_scenario_14_a_message_is_posted_back_and_reset(caller, token, upload):
    caller.post(f"spooler/{token}/message", {"sender": "Shop", "parts": [upload(), upload()]})
    message = caller.get(f"spooler/{token}/message").json()
    message["parts"].append(upload("text/plain", "Hi"))
    answer = caller.post(f"spooler/{token}/message", message | {"state": "running", "name": "other"})
    assert answer.status_code == 200 and len(answer.json()["parts"]) == 3
    assert answer.json()["state"] == "new" and answer.json()["name"] == ""
    assert caller.post(f"spooler/{token}/message", []).status_code == 200
    assert caller.get(f"spooler/{token}/message").json() == EMPTY


def test_scenario_15_tokens_of_others_are_refused_and_change_nothing(caller, token, upload):
    own = upload()
    foreign = upload(to=caller.new())
    caller.post(f"spooler/{token}/message", {"parts": [own]})
    for parts in (["unknown"], [own, foreign]):
        answer = caller.post(f"spooler/{token}/message", {"subject": "x", "parts": parts})
        assert refused(answer) == (400, "unknown-resource")
        assert list(answer.json()["details"]["fields"]) == [f"parts[{len(parts) - 1}]"]
    assert caller.get(f"spooler/{token}/message").json() == EMPTY | {"parts": [own]}


def test_a_resource_of_another_kind_is_unknown(caller, token, upload):
    page = caller.post(f"spooler/{token}/resources/unsubscribe", {"type": "html", "content": "Bye"}).json()
    answer = caller.post(f"spooler/{token}/message", {"parts": [page]})
    assert refused(answer) == (400, "unknown-resource")
    assert refused(caller.post(f"spooler/{token}/message", {"unsubscribe": upload()}))[0] == 400
    assert caller.post(f"spooler/{token}/message", {"unsubscribe": page}).json()["unsubscribe"] == page


def test_parts_alone_can_be_replaced(caller, token, upload):
    caller.post(f"spooler/{token}/message", {"subject": "Kept", "parts": [upload()]})
    new = upload("text/plain", "New")
    answer = caller.post(f"spooler/{token}/message/parts", {"parts": [new]}).json()
    assert (answer["subject"], answer["parts"], answer["attachments"]) == ("Kept", [new], [])
    assert refused(caller.post(f"spooler/{token}/message/parts", {"parts": ["nope"]}))[0] == 400
    assert caller.get(f"spooler/{token}/message").json()["parts"] == [new]


def test_headers_and_variables_are_made_texts_and_nulls_are_unset(caller, token):
    told = {"subject": None, "headers": {"X-Count": 3, "X-Gone": None}, "variables": {"vat": True, "n": 1.5}}
    shown = caller.post(f"spooler/{token}/message", told).json()
    assert shown["headers"] == {"X-Count": "3"}
    assert shown["variables"] == {"vat": "true", "n": "1.5"}
    for field in ("headers", "variables"):
        answer = caller.post(f"spooler/{token}/message", {field: {"X-A": {"b": 1}}})
        assert refused(answer) == (400, "invalid-field")


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"sender": "Shop <news@nowhere.example>"}, "sender"),
        ({"sender": "Shop <broken>"}, "sender"),
        ({"sender": "x" * 300}, "sender"),
        ({"recipient": "{{firstname}} <all@list.example>"}, "recipient"),
        ({"headers": {"X Y": "1"}}, "headers.X Y"),
        ({"headers": {"Reply-To": "nobody"}}, "headers.Reply-To"),
        ({"headers": {f"X-{n}": "1" for n in range(51)}}, "headers"),
    ],
)
def test_what_can_never_be_sent_is_refused_by_its_field(caller, token, told, field):
    answer = caller.post(f"spooler/{token}/message", told)
    assert refused(answer) == (400, "invalid-field")
    assert list(answer.json()["details"]["fields"]) == [field]


@pytest.mark.parametrize("field", ["sender", "subject", "headers", "parts", "unsubscribe"])
def test_wrong_types_are_refused(caller, token, field):
    answer = caller.post(f"spooler/{token}/message", {field: 7})
    assert refused(answer) == (400, "invalid-field")


def test_a_stranger_neither_sees_nor_changes_a_message(caller, stranger, token, upload):
    caller.post(f"spooler/{token}/message", {"subject": "Mine", "parts": [upload()]})
    mine = caller.get(f"spooler/{token}/message").json()
    assert refused(stranger.get(f"spooler/{token}/message")) == (404, "not-found")
    for path, body in (("message", {"subject": "Theirs"}), ("message/parts", {"parts": []})):
        assert refused(stranger.post(f"spooler/{token}/{path}", body)) == (404, "not-found")
    assert caller.get(f"spooler/{token}/message").json() == mine
    assert SpoolerMessage.objects.count() == 1


def test_who_changed_a_message_is_noted_without_what_it_says(caller, token):
    caller.post(f"spooler/{token}/message", {"subject": "Secret"})
    noted = AuditEntry.objects.latest("id")
    assert (noted.action, noted.key_prefix, noted.detail) == (
        "change",
        caller.key[:8],
        {"fields": ["message"]},
    )


def test_a_launched_message_is_locked(caller, upload):
    token = caller.new("transactional")
    caller.post(f"spooler/{token}/message", {"subject": "Mine"})
    caller.post(f"spooler/{token}/ready")
    for path, body in (("message", {"subject": "x"}), ("message/parts", {"parts": []})):
        assert refused(caller.post(f"spooler/{token}/{path}", body)) == (400, "spooler-locked")
    assert caller.get(f"spooler/{token}/message").json()["subject"] == "Mine"
