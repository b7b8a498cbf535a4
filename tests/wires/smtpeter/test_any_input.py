"""Whatever comes to whichever path is answered, or refused in words: never by an error of ours."""

import random

import pytest

from tests.wires.smtpeter.clients import FORM, JSON
from tests.wires.smtpeter.test_events import id_of, sent
from tests.wires.smtpeter.test_transport import PATHS

pytestmark = pytest.mark.django_db

WORDS = [
    "x",
    "0",
    "1",
    "-1",
    "9" * 17,
    "a%00b",
    "%ff",
    "é",
    "%f0%9f%90%9b",
    "a;b",
    "a@b.example",
    "..",
    "'",
    "x" * 999,
]
VALUES = [
    *(None, True, 0, -1, 10**30, 1.5, "", "x", "a\nb", "😀" * 300, "<b>", "{$x", "{if $a}b{/if}"),
    *([], [[]], {}, {"a": {"b": []}}, ["a", 1], "2022-02-08", "a@b.example", "https://a.example/"),
]
NAMES = [
    *(
        "email",
        "monitor",
        "type",
        "url",
        "encoding",
        "id",
        "name",
        "html",
        "content",
        "text",
        "from",
        "subject",
    ),
    *(
        "bounces",
        "tracking",
        "https",
        "policy",
        "percentage",
        "startdate",
        "enddate",
        "address",
        "privatekey",
    ),
    *("always", "start", "end", "ip4", "mx", "include", "message", "version", "replyTo", "template"),
]
BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"a"',
    b"\xff",
    b'{"name": "\\u0000"}',
    b"name[a][b]=1&name=2",
    b"[" * 9000,
]


@pytest.fixture(autouse=True)
def _no_network(settings):
    settings.EARWIG_DNS_SERVERS = ["127.0.0.1"]


def filled(path, dice, known):
    parts = [dice.choice(known + WORDS) if part in ("x", "1") else part for part in path.split("/")]
    return "/".join(parts)


@pytest.mark.parametrize("path", PATHS)
def test_any_input_is_answered(caller, path):
    dice = random.Random(path)
    mail = sent(caller)
    caller.post("template", {"name": "t", "subject": "s", "html": "Hi {$a}"})
    known = [id_of(mail), "example.com", "t", "html", "json"]
    for _ in range(25):
        verb = dice.choice(["GET", "HEAD", "POST", "PUT", "DELETE"])
        body = dice.choice([*BODIES, *({dice.choice(NAMES): dice.choice(VALUES) for _ in range(4)},) * 9])
        query = {dice.choice(["start", "end", "tags", "a", "a[b]", "recipient"]): dice.choice(WORDS)}
        address = filled(path, dice, known)
        answer = caller.call(verb, address, body, dice.choice([JSON, JSON, FORM, "", "text/plain"]), query)
        assert answer.status_code < 500, (verb, address, body)
