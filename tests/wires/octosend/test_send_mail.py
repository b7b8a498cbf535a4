import pytest

from spooling import spoolers
from spooling.models import Mail
from stats.models import Event
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, OTHER

PATH = f"domain/{DEMO}/transactional/send-mail"
LETTER = {
    "fromEmail": "shop@shop.example",
    "fromName": "The Shop",
    "toEmail": "ann@X.example",
    "subject": "Order 7",
    "parts": [
        {"type": "text/plain", "content": "Hello"},
        {"type": "text/html; charset=utf-8", "content": "<p>Hello</p>"},
    ],
}


@pytest.fixture(autouse=True)
def _fresh_process():
    spoolers._streams.clear()


def test_a_mail_is_queued_in_the_stream_of_the_account_and_signed_by_the_domain(caller, shop):
    answer = caller.post(PATH, LETTER | {"toName": "Ann", "tags": ["order"]})
    assert answer.status_code == 200
    mail = Mail.objects.select_related("spooler", "content", "domain").get()
    assert answer.json() == {"id": mail.public_id.hex, "email": "ann@x.example", "status": "queued"}
    assert (mail.spooler.type, mail.lane, mail.account_id) == ("stream", "transactional", shop.pk)
    assert (mail.domain.name, mail.name, mail.tags) == (DEMO, "Ann", ["order"])
    content = mail.content
    assert (content.from_email, content.from_name) == ("shop@shop.example", "The Shop")
    assert (content.text, content.html) == ("Hello", "<p>Hello</p>")
    assert content.tracked
    assert caller.post("spoolers/count").json() == 0


def test_a_draft_is_in_no_figure(caller):
    caller.post(PATH, LETTER | {"draft": True})
    mail = Mail.objects.select_related("spooler", "content").get()
    assert (mail.spooler.type, mail.spooler.domain.name) == ("draft", DEMO)
    assert not Event.objects.exists()


def test_tracking_can_be_turned_off(caller):
    caller.post(PATH, LETTER | {"tracking": False})
    assert not Mail.objects.select_related("content").get().content.tracked


@pytest.mark.parametrize("name", ["", None])
def test_a_sender_may_have_no_name(caller, name):
    assert caller.post(PATH, LETTER | {"fromName": name}).status_code == 200
    assert Mail.objects.select_related("content").get().content.from_name == ""


@pytest.mark.parametrize("field", ["fromEmail", "toEmail", "subject", "parts"])
def test_what_is_needed_is_required(caller, field):
    answer = caller.post(PATH, {name: value for name, value in LETTER.items() if name != field})
    assert refused(answer) == (400, "missing-field")
    assert list(answer.json()["details"]["fields"]) == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fromEmail": "shop"}, "fromEmail"),
        ({"toEmail": "ann@"}, "toEmail"),
        ({"toEmail": "Ann <ann@x.example>"}, "toEmail"),
        ({"fromName": "x" * 201}, "fromName"),
        ({"parts": []}, "parts"),
        ({"parts": [{"type": "text/html", "content": ""}]}, "parts"),
        ({"parts": [{"type": "text/calendar", "content": "x"}]}, "parts[0].type"),
        ({"parts": [{"type": "text/html", "content": 7}]}, "parts[0].content"),
        ({"tags": "order"}, "tags"),
        ({"draft": "maybe"}, "draft"),
        ({"subject": "{{" + "x" * 600 + "}}"}, "subject"),
    ],
)
def test_what_is_wrong_is_named(caller, change, field):
    answer = caller.post(PATH, LETTER | change)
    assert refused(answer) == (400, "invalid-field")
    assert list(answer.json()["details"]["fields"]) == [field]
    assert not Mail.objects.exists()


def test_a_line_break_in_a_subject_or_a_name_begins_no_header(caller):
    caller.post(PATH, LETTER | {"subject": "Hi\r\nBcc: x@y.example", "fromName": "Shop\n"})
    content = Mail.objects.select_related("content").get().content
    assert (content.subject, content.from_name) == ("HiBcc: x@y.example", "Shop")


def test_nobody_sends_from_a_domain_that_is_not_his_own(caller, stranger):
    foreign = f"domain/{OTHER}/transactional/send-mail"
    assert refused(caller.post(foreign, LETTER)) == (404, "not-found")
    assert refused(stranger.post(PATH, LETTER)) == (404, "not-found")
    assert refused(caller.post(foreign, {})) == (404, "not-found")
    assert not Mail.objects.exists()
