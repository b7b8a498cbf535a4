"""A campaign's life over the native API: opened, told what it says, launched, paused, closed."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from earwig import domains
from earwig.models import AuditEntry
from spooling import spoolers
from spooling.models import Content, Mail, Spooler
from tests import outbox_states

pytestmark = pytest.mark.django_db

MESSAGE = {
    "from": "Shop <shop@sender.example>",
    "subject": "Hello {{name}}",
    "text": "Hello {{name}}, {{what}}.",
}


class Api:
    def __init__(self, key):
        self.headers = {"Authorization": f"Token {key}"}

    def __call__(self, verb, path, body=None, **headers):
        data = {} if verb == "get" else {"content_type": "application/json"}
        if body is not None:
            data["data"] = json.dumps(body)
        return getattr(Client(), verb)(f"/api/v1/{path}", **data, headers={**self.headers, **headers})

    def open(self, **fields):
        answer = self("post", "spoolers/", {"name": "spring", **fields})
        assert answer.status_code == 201, answer.content
        return answer.json()["token"]

    def move(self, token, name, **headers):
        return self("post", f"spoolers/{token}/{name}/", **headers)

    def refusal(self, verb, path, body=None):
        answer = self(verb, path, body)
        return answer.status_code, [(e["field"], e["code"]) for e in answer.json()["errors"]]


@pytest.fixture
def api(key):
    return Api(key)


@pytest.fixture
def stranger(other_key):
    return Api(other_key)


@pytest.fixture
def filled(api):
    """A campaign with a message and one recipient."""
    token = api.open()
    assert api("put", f"spoolers/{token}/message/", MESSAGE).status_code == 200
    people = [{"email": "ann@people.example", "variables": {"name": "Ann"}}]
    assert api("post", f"spoolers/{token}/recipients/", {"recipients": people}).status_code == 201
    return token


def test_a_campaign_is_opened_with_all_that_can_be_said_of_it(api, account):
    domains.add(account, name="sender.example", now=timezone.now())
    said = {
        "domain": "Sender.example",
        "lane": "transactional",
        "start_at": "2030-01-01T00:00:00Z",
        "not_after": "2030-01-02T00:00:00Z",
        "tags": ["a"],
        "headers": {"X-A": "b"},
        "variables": {"n": 1},
    }
    token = api.open(**said)
    shown = api("get", f"spoolers/{token}/").json()
    assert {name: shown[name] for name in said} == {**said, "domain": "sender.example"}
    assert (shown["type"], shown["state"], shown["name"]) == ("campaign", "pending", "spring")
    assert shown["progress"]["ledger"]["spooled"] == 0 and shown["progress"]["predicted_end_at"] is None
    assert AuditEntry.objects.filter(action="add", account=account).exists()


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        ({"domain": "nobody.example"}, ("domain", "unknown_domain")),
        ({"lane": "fast"}, ("lane", "invalid_choice")),
        ({"tags": ["x" * 101]}, ("tags", "invalid")),
        ({"headers": {"Bcc": "a@b.example"}}, ("headers", "header_reserved")),
        ({"nothing": 1}, ("nothing", "unknown_field")),
        ({"start_at": "soon"}, ("start_at", "invalid")),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(api, said, flaw):
    assert api.refusal("post", "spoolers/", said) == (400, [flaw])
    assert not Spooler.objects.exists()


def test_opening_twice_with_one_key_opens_once(api):
    first, second = (api("post", "spoolers/", {"name": "a"}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json() and second["Idempotent-Replayed"] == "true"
    assert Spooler.objects.filter(type="campaign").count() == 1


def test_properties_change_while_it_is_filled_and_its_end_also_later(api, filled):
    change = {"name": "summer", "tags": ["b"], "variables": {"what": "hi"}}
    assert api("patch", f"spoolers/{filled}/", change).json()["name"] == "summer"
    api.move(filled, "ready")

    assert api.refusal("patch", f"spoolers/{filled}/", {"name": "late"}) == (409, [(None, "spooler_locked")])
    later = api("patch", f"spoolers/{filled}/", {"not_after": "2031-01-01T00:00:00Z"})
    assert later.json()["not_after"] == "2031-01-01T00:00:00Z"


def test_the_message_is_stored_and_shown(api):
    token = api.open()
    said = {
        **MESSAGE,
        "html": "<p>{{what}}</p>",
        "reply_to": "a@b.example",
        "headers": {"X-A": "{{name}}"},
        "variables": {"what": "hi"},
        "attachments": [{"name": "a.txt", "type": "text/plain", "data": "aGk="}],
        "language": "de",
        "track_opens": True,
        "track_clicks": True,
    }
    answer = api("put", f"spoolers/{token}/message/", said)
    assert answer.status_code == 200, answer.content
    shown = api("get", f"spoolers/{token}/message/").json()
    assert shown == answer.json()
    assert shown["from"] == {"email": "shop@sender.example", "name": "Shop"}
    assert (shown["subject"], shown["html"], shown["variables"]) == (
        said["subject"],
        said["html"],
        said["variables"],
    )
    assert shown["attachments"] == [{"name": "a.txt", "type": "text/plain", "cid": "", "size": 2}]
    assert (shown["track_opens"], shown["track_clicks"], shown["template_language"]) == (
        True,
        True,
        "mustache",
    )


def test_the_message_may_come_from_a_template_in_its_own_language(api):
    template = api(
        "post",
        "templates/",
        {"name": "t", "language": "liquid", "html": "<p>{% if a %}x{% endif %}</p>", "subject": "S"},
    ).json()["id"]
    token = api.open()
    said = {"template": template, "from": "shop@sender.example", "subject": "{{ a | upcase }}"}
    shown = api("put", f"spoolers/{token}/message/", said).json()
    assert (shown["template_language"], shown["subject"]) == ("liquid", "{{ a | upcase }}")
    assert shown["html"].startswith("<p>{% if")


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        ({"text": ""}, ("text", "required")),
        ({"from": None}, ("from", "required")),
        ({"text": "{{#open}}"}, ("text", "template_syntax")),
        ({"text": "{% if %}", "template_language": "liquid"}, ("text", "template_syntax")),
        ({"template_language": "php"}, ("template_language", "unknown_language")),
        ({"subject": "a\nBcc: b@c.example"}, ("subject", "header_injection")),
        ({"track_opens": "yes"}, ("track_opens", "wrong_type")),
        ({"recipients": []}, ("recipients", "unknown_field")),
        ({"template": "0" * 32}, ("template", "unknown_template")),
    ],
)
def test_a_message_that_cannot_be_is_refused_by_its_field(api, said, flaw):
    token = api.open()
    assert api.refusal("put", f"spoolers/{token}/message/", {**MESSAGE, **said}) == (400, [flaw])
    assert not Content.objects.exclude(from_email="").exists()


def test_no_body_of_a_message_is_a_fault_of_ours(api):
    token = api.open()
    for body in ([], "x", 1, None):
        assert api("put", f"spoolers/{token}/message/", body).status_code == 400


def test_the_author_s_domain_signs_the_campaign(api, account):
    own = domains.add(account, name="sender.example", now=timezone.now())
    domains.add(account, name="other.example", now=timezone.now())
    token = api.open()
    api("put", f"spoolers/{token}/message/", MESSAGE)
    assert Spooler.objects.get(token=token).domain_id == own.pk
    other = {**MESSAGE, "from": "a@other.example"}
    assert api.refusal("put", f"spoolers/{token}/message/", other) == (400, [("from", "domain_conflict")])
    foreign = {**MESSAGE, "from": "a@foreign.example"}
    assert api.refusal("put", f"spoolers/{token}/message/", foreign) == (
        400,
        [("from", "domain_not_allowed")],
    )


def test_a_launch_is_repeatable_and_locks_the_message(api, filled):
    for _ in range(2):
        answer = api.move(filled, "ready")
        assert (answer.status_code, answer.json()["state"]) == (200, "ready")
    assert AuditEntry.objects.filter(action="spooler.ready").count() == 1
    assert api.refusal("put", f"spoolers/{filled}/message/", MESSAGE) == (409, [(None, "spooler_locked")])


def test_a_campaign_without_message_is_not_launched_and_says_why(api):
    token = api.open()
    status, flaws = api.refusal("post", f"spoolers/{token}/ready/")
    assert status == 409 and {code for _, code in flaws} == {"message_incomplete"}
    assert {field for field, _ in flaws} >= {"recipients"}
    assert Spooler.objects.get(token=token).state == "pending"


def test_pause_resume_finish_and_cancel(api, filled):
    api.move(filled, "ready")
    outbox_states.put(state="waiting")
    seen = []
    for name in (
        "pause",
        "pause",
        "resume",
        "resume",
        "finish",
        "finish",
        "pause",
        "resume",
        "cancel",
        "cancel",
    ):
        answer = api.move(filled, name)
        seen.append((answer.status_code, answer.json()["state"]))
    states = "paused paused ready ready finished finished paused finished cancelled cancelled".split()
    assert seen == [(200, state) for state in states]
    assert api.move(filled, "resume").status_code == 409
    assert api.move(filled, "ready").status_code == 409


def test_what_is_being_filled_is_neither_resumed_nor_paused_nor_finished(api):
    token = api.open()
    for name in ("resume", "pause", "finish"):
        answer = api.move(token, name)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "spooler_state_conflict")


def test_why_it_stands_still_is_shown(api, filled):
    api.move(filled, "ready")
    spooler = Spooler.objects.get(token=filled)
    spoolers.pause(spooler, because="failures", now=timezone.now())
    shown = api("get", f"spoolers/{filled}/").json()
    assert (shown["paused_because"], shown["progress"]["predicted_end_at"]) == ("failures", None)


def test_the_end_is_foretold_from_what_left_of_late(api, filled, spool):
    api.move(filled, "ready")
    spooler = Spooler.objects.get(token=filled)
    shown = api("get", f"spoolers/{filled}/").json()["progress"]
    assert shown["mails_per_minute"] == 0 and shown["predicted_end_at"] is not None
    spooler.deltas.create(
        account=spooler.account, at=timezone.now() - timedelta(minutes=2), delivered=60, spooled=60
    )
    assert api("get", f"spoolers/{filled}/").json()["progress"]["mails_per_minute"] == 60


def test_the_list_is_filtered(api, account, stranger):
    now = timezone.now()
    stranger.open(name="theirs")
    tokens = [api.open(name=name, tags=[name]) for name in ("spring sale", "autumn")]
    spoolers.of_drafts(account.pk, None)

    def listed(query):
        return [row["token"] for row in api("get", f"spoolers/?{query}").json()["results"]]

    assert listed("") == tokens[::-1]
    assert listed("name=SALE") == listed("tag=spring sale") == tokens[:1]
    assert listed("tag=spring") == listed("state=ready") == []
    assert listed("lane=bulk&type=campaign&state=pending") == tokens[::-1]
    after = (now - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert listed(f"created_after={after}") == tokens[::-1] and listed(f"created_before={after}") == []


def test_a_stranger_sees_and_moves_nothing(api, stranger, filled):
    for verb, path, body in (
        ("get", "", None),
        ("patch", "", {"name": "x"}),
        ("get", "message/", None),
        ("put", "message/", MESSAGE),
        ("post", "recipients/", {"recipients": []}),
        ("get", "why/?address=ann@people.example", None),
        ("post", "preflight/", None),
        *(("post", f"{name}/", None) for name in ("ready", "pause", "resume", "cancel", "finish", "retry")),
    ):
        assert stranger(verb, f"spoolers/{filled}/{path}", body).status_code == 404, path
    assert Spooler.objects.get(token=filled).state == "pending" and Mail.objects.count() == 1


def test_retrying_takes_a_choice(api, filled):
    api.move(filled, "ready")
    outbox_states.put(state="failed", last_code=550, ended_at=timezone.now())
    path = f"spoolers/{filled}/retry/"
    assert api("post", path, {"states": ["failed"], "codes": [550]}).status_code == 202
    assert api.refusal("post", path, {"states": ["delivered"]})[0] == 400
    assert api.refusal("post", path, {"codes": ["x"]})[0] == 400
