"""docs/smtpeter.md says what is so: its lines run, one after the other, against a running server."""

import re

import pytest

from spooling.models import Mail
from spooling.outbox import public_ids
from spooling.wires.smtpeter import recipients
from spooling.wires.smtpeter.attachments import SECONDS
from tests import docs_pages
from tests.docs_pages import Answer

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = docs_pages.page("smtpeter")
CALLS = docs_pages.calls(PAGE)


def test_the_lines_of_the_page_work_in_their_order(live_server, acme, make_key):
    environment = {"URL": live_server.url, "KEY": make_key(acme)}
    sends = [call for call in CALLS if "/v1/send?" in call]
    for call in sends:
        assert docs_pages.ask(call, **environment) == Answer(200, "application/json", "1")
    mail = Mail.objects.order_by("id").first()
    for call in CALLS[len(sends) :]:
        answer = docs_pages.ask(
            call.replace("MESSAGE", public_ids.letter_first(mail.public_id)), **environment
        )
        assert answer.status == 200, (call, answer.body)
        if "/html/" in call:
            assert "This is example content" in answer.body
        elif "/headers/" in call:
            assert "Subject: This is the subject" in answer.body
        elif "/recipient/" in call:
            assert answer == Answer(200, "text/plain; charset=utf-8", "john@doe.example")
        else:
            assert answer.json() == [] or list(answer.json().values()) == ["john@doe.example"]
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
