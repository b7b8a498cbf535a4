"""No octets are a fault of ours, and none leaves half of something behind."""

import json
import random
from urllib.parse import quote

import pytest

from spooling.models import Content, Mail, Submission
from tests.faults.mutations import ACCIDENTS
from tests.wires.relay.test_messages import LETTER
from tests.wires.relay.test_templates import TEMPLATE, made

#: What a refusal of a client's doing has.
TAKEN = {200, 201, 400, 402, 404, 405}
MESSAGE = LETTER | {
    "text": "x",
    "reply_to": {"email": "help@test.com", "name": "Help"},
    "attachments": [{"filename": "a.txt", "base64_content": "aGVsbG8=", "type": "text/plain"}],
    "headers": [{"key": "X-Order", "value": "7"}],
    "metadata": {"order": 7},
    "skip_track_opens": False,
    "messageId": "web",
}
MODEL = {
    "recipients": [{"email": "ana@x.example", "type": "cc", "model": {"a": [1, {"b": None}]}}],
    "model": {"name": "Ana", "list": [{"value": "1"}]},
    "subject": "{{name}}",
}


def spoiled(data, chance):
    for _ in range(chance.randint(1, 3)):
        data = chance.choice(ACCIDENTS)(data, chance)
    return data


@pytest.mark.parametrize("seed", range(8))
def test_spoiled_bodies_are_answered(caller, seed):
    chance, id = random.Random(seed), made(caller)
    calls = [
        *(
            ("POST", "messages", MESSAGE),
            ("POST", f"templates/{id}/message", MODEL),
            ("POST", "templates", TEMPLATE),
        ),
        *(
            ("PUT", f"templates/{id}", TEMPLATE),
            ("PUT", f"templates/{id}/body", {"html": "x", "mseditor": {}}),
        ),
    ]
    for verb, path, body in calls * 8:
        octets = spoiled(json.dumps(body).encode(), chance)
        assert caller.call(verb, path, octets).status_code in TAKEN, octets
    assert (
        Submission.objects.count()
        == Content.objects.count()
        == len(set(Mail.objects.values_list("submission")))
    )


#: What is no message: with the address of each.
OTHERS = [
    (
        "POST",
        "/reports/reportrequest",
        {"start_date": "2026-03-04Z", "end_date": "2026-03-05Z", "filter": "a"},
    ),
    ("PUT", "domains/new.com", {"disabled": False}),
    ("PUT", "domains/default", {"name": "test.com"}),
    ("POST", "/tokens", {"username": "ana@acme.example", "password": "wrong"}),
    ("POST", "/tokens/impersonate", {"username": "ana", "password": "x", "userToImpersonate": "bob"}),
    ("POST", "subscribers/ana@x.example/resubscribe", {"reason": "x", "domain": "test.com"}),
    ("POST", "files", {"file": "x"}),
]


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_bodies_of_other_calls_are_answered(caller, seed):
    chance = random.Random(seed)
    for verb, path, body in OTHERS * 6:
        octets = spoiled(json.dumps(body).encode(), chance)
        assert caller.call(verb, path, octets).status_code in TAKEN | {401, 403, 429}, octets


PATHS = (
    *("messages", "templates", "deliveries", "deliveries/aggregation", "events", "files"),
    *("statistics/deliveries/by_hour", "statistics/events/by_day"),
)


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_queries_are_answered(caller, seed):
    chance = random.Random(seed)
    query = (
        b"page=1&per_page=20&from=2015-08-15T09:00:00+04:00&to=2030-01-01Z&filter=ana&sortBy=name&order=asc"
    )
    for path in PATHS * 6:
        octets = spoiled(query, chance)[:2000]
        told = quote(octets, safe="&=+:%")
        assert caller.get(f"{path}?{told}").status_code in {200, 400}, octets
