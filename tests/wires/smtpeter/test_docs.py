"""docs/smtpeter.md says what is so: its lines run, one after the other, against a running server."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from spooling.models import Mail
from spooling.outbox import public_ids
from spooling.wires.smtpeter import recipients
from spooling.wires.smtpeter.attachments import SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (Path(settings.BASE_DIR) / "docs" / "smtpeter.md").read_text()
CALLS = [
    call
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for call in re.split(r"\n(?=curl)", block.strip())
]


def run(call, **environment):
    done = subprocess.run(
        ["sh", "-c", call + " -w '\n%{http_code} %{content_type}'"],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    body, _, told = done.stdout.rpartition("\n")
    status, _, type_ = told.partition(" ")
    assert status == "200", (call, body)
    return body, type_


def test_the_lines_of_the_page_work_in_their_order(live_server, acme, make_token):
    environment = {"URL": live_server.url, "KEY": make_token(acme)}
    sends = [call for call in CALLS if "/v1/send?" in call]
    for call in sends:
        assert run(call, **environment) == ("1", "application/json")
    mail = Mail.objects.order_by("id").first()
    for call in CALLS[len(sends) :]:
        body, type_ = run(call.replace("MESSAGE", public_ids.letter_first(mail.public_id)), **environment)
        if "/html/" in call:
            assert "This is example content" in body
        elif "/headers/" in call:
            assert "Subject: This is the subject" in body
        elif "/recipient/" in call:
            assert (body, type_) == ("john@doe.example", "text/plain; charset=utf-8")
        else:
            assert json.loads(body) == [] or list(json.loads(body).values()) == ["john@doe.example"]
    assert len(CALLS) == 8 and Mail.objects.count() == 5


def test_the_bounds_of_the_page_are_the_ones():
    assert f"at most {recipients.MOST:,}" in PAGE
    assert f"within {SECONDS:.0f} seconds" in PAGE


def test_the_calls_of_the_page_are_known_by_their_verbs(caller, acme, settings):
    # Nobody answers there, and at once.
    settings.EARWIG_DNS_SERVERS = ["127.0.0.1"]
    told = re.findall(
        r"(?:^|\| |, |is made by )((?:GET|POST|PUT|DELETE)(?:, (?:GET|POST|PUT|DELETE))*)?(?: to)? ?`/v1/([^`]+)`",
        PAGE,
    )
    assert len(told) > 20
    for verbs, path in told:
        for verb in (verbs or "GET").split(", "):
            answer = caller.call(verb, path.replace("NAME", "example.com"), b"{}")
            assert answer.status_code != 405, (verb, path)
            assert answer.status_code != 404 or "no such method" not in answer.json()["error"], (verb, path)
