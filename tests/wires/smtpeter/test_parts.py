"""`resend`, and what is kept of a mail (contract §5.1 to §5.3, §6.1)."""

import base64
import uuid

import pytest

from spooling.models import Content, Mail, Submission
from spooling.outbox import public_ids
from tests import drains
from tests.wires.smtpeter.clients import Caller, refused

pytestmark = pytest.mark.django_db(transaction=True)

PARTS = ["html", "text", "headers", "header", "recipient", "envelope", "attachments", "embeds"]
UNKNOWN = public_ids.letter_first(uuid.UUID(int=1 << 100))
PLAIN = "text/plain; charset=utf-8"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really").decode()
LETTER = {
    "envelope": "bounces@example.com",
    "recipient": "john@doe.com",
    "from": "Zoë <info@example.com>",
    "to": "John <john@doe.com>",
    "subject": "Grüße an {$n} " + "und viele andere " * 10,
    "html": '<p>Hello {$n} <a href="https://shop.example/">Shop</a></p>',
    "text": "Hello {$n}\n",
    "data": {"n": "Jón"},
    "tags": ["order"],
    "attachments": [
        {"data": base64.b64encode(b"one").decode(), "name": "a.txt"},
        {"data": base64.b64encode(b"<b>two</b>").decode(), "name": "übersicht.html"},
        {"data": base64.b64encode(b"three").decode(), "name": "7", "type": "x/y"},
    ],
}
MIME = f"""From: info@example.com
To: john@doe.com
Subject: Whole
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html; charset=utf-8

<p><img src="cid:logo@x"></p>
--b
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-ID: <logo@x>
Content-Disposition: inline; filename=logo.png

{PIXEL}
--b--
"""


@pytest.fixture
def ids(client, acme, make_key):
    """A program that is answered ids."""
    return Caller(client, make_key(acme, wire_settings={"smtpeter": {"send_answer": "ids"}}))


def sent(caller, letter=LETTER, **changes):
    """The id of the one mail of a send."""
    (id,) = caller.post("send", letter | changes).json()
    return id


def test_a_mail_is_sent_once_more_as_it_was(ids, server):
    first = sent(ids)
    drains.run("transactional")
    answer = ids.post("resend", {"message": first, "subject": "ignored"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    ((second, recipient),) = answer.json().items()
    assert second != first and recipient == "john@doe.com"
    drains.run("transactional")
    one, two = (each.data.decode() for each in server.accepted)
    for name in ("Subject: ", "From: ", "To: "):
        assert field(one, name) == field(two, name)
    assert field(one, "Message-ID: ") != field(two, "Message-ID: ")
    assert one.partition("\r\n\r\n")[2].count("Hello J") == two.partition("\r\n\r\n")[2].count("Hello J") == 2
    assert Content.objects.count() == 1
    assert [call.tags for call in Submission.objects.all()] == [["order"], ["order"]]


def field(message, name):
    return message.partition(f"\r\n{name}")[2].partition("\r\n")[0]


def test_resend_answers_the_id_also_where_send_answers_one(caller):
    caller.post("send", LETTER)
    id = public_ids.letter_first(Mail.objects.get().public_id)
    assert list(caller.post("resend", {"message": id}).json().values()) == ["john@doe.com"]
    assert list(caller.form("resend/", ("message", id)).json().values()) == ["john@doe.com"]


@pytest.mark.parametrize(
    "body", [{}, {"message": ""}, {"message": UNKNOWN}, {"message": "x" * 1000}, {"message": 7}]
)
def test_what_is_not_there_is_not_sent_again(ids, body):
    assert refused(ids.post("resend", body)) == (404, "No such message")


def test_a_mail_that_was_erased_is_not_sent_again(ids):
    id = sent(ids)
    mail = Mail.objects.get()
    Mail.objects.update(erased_at=mail.created_at, email="", variables={})
    assert refused(ids.post("resend", {"message": id})) == (404, "No such message")
    for part in PARTS[:5] + PARTS[6:]:
        assert refused(ids.get(f"{part}/{id}")) == (404, "No such message")


def test_a_handed_over_message_is_not_sent_again(ids):
    id = sent(ids)
    Submission.objects.update(wire="handoff")
    assert refused(ids.post("resend", {"message": id})) == (404, "No such message")
    assert Mail.objects.count() == 1


def test_a_domain_that_was_given_up_sends_nothing_again(ids, acme):
    id = sent(ids)
    acme.domains.update(disabled=True)
    assert "You cannot send mailings from example.com" in refused(ids.post("resend", {"message": id}))[1]
    assert Mail.objects.count() == 1


def test_what_another_account_sent_is_as_unknown_as_nothing(ids, stranger):
    id = sent(ids)
    for part in (
        *PARTS,
        *(f"{kind}/{{}}/{which}" for kind in ("attachments", "embeds") for which in ("0", "a.txt")),
    ):
        path = part if "{}" in part else f"{part}/{{}}"
        foreign, unknown = stranger.get(path.format(id)), stranger.get(path.format(UNKNOWN))
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.content == unknown.content
    foreign = stranger.post("resend", {"message": id})
    assert (foreign.status_code, foreign.content) == (
        404,
        stranger.post("resend", {"message": UNKNOWN}).content,
    )


def test_bodies_are_plain_texts(ids, settings):
    settings.TRACKING_URL = "https://mail.example.org"
    id = sent(ids)
    html = ids.get(f"html/{id}", Accept="application/json")
    assert html["Content-Type"] == PLAIN
    assert "Hello Jón" in html.content.decode() and "https://mail.example.org/t/c/" in html.content.decode()
    text = ids.get(f"text/{id}/")
    assert (text["Content-Type"], text.content.decode().strip()) == (PLAIN, "Hello Jón")


def test_a_body_that_is_not_there_is_no_content(ids):
    alone = {name: value for name, value in LETTER.items() if name != "attachments"}
    no_html, no_text = sent(ids, alone, html=None), sent(ids, alone, text=None)
    for path in (f"html/{no_html}", f"text/{no_text}"):
        answer = ids.get(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Content-Type" not in answer
    assert ids.get(f"text/{no_html}").status_code == ids.get(f"html/{no_text}").status_code == 200


@pytest.mark.parametrize("name", ["headers", "header"])
def test_a_header_has_each_field_in_a_line(ids, name):
    answer = ids.get(f"{name}/{sent(ids)}")
    assert answer["Content-Type"] == PLAIN
    lines = answer.content.decode().split("\r\n")
    assert lines[-1] == "" and not any(line.startswith((" ", "\t")) for line in lines)
    names = [line.partition(": ")[0] for line in lines if line]
    assert {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"} <= set(names)
    assert all(len(name) < 40 for name in names)


def test_both_addresses_of_the_envelope_are_told(ids):
    id = sent(ids)
    for part, expected in (("recipient", b"john@doe.com"), ("envelope", b"bounces@example.com")):
        answer = ids.get(f"{part}/{id}")
        assert (answer.status_code, answer["Content-Type"], answer.content) == (200, PLAIN, expected)
    answer = ids.get(f"envelope/{sent(ids, envelope=None)}")
    assert (answer.status_code, answer.content) == (200, b"")


def test_attachments_are_listed_and_given_out_by_number_and_name(ids):
    id = sent(ids)
    assert ids.get(f"attachments/{id}").json() == [
        {"number": 0, "name": "a.txt", "type": "text/plain", "size": 3},
        {"number": 1, "name": "übersicht.html", "type": "text/html", "size": 10},
        {"number": 2, "name": "7", "type": "x/y", "size": 5},
    ]
    assert ids.get(f"embeds/{id}").json() == []
    for which in ("1", "übersicht.html"):
        file = ids.get(f"attachments/{id}/{which}")
        assert (file.status_code, file.content, file["Content-Type"]) == (200, b"<b>two</b>", "text/html")
        assert file["Content-Disposition"].startswith("attachment;")
        assert "sandbox" in file["Content-Security-Policy"] and file["X-Content-Type-Options"] == "nosniff"
    for which in ("7", "3", "nothing.txt", "9" * 5000, "٢"):
        assert refused(ids.get(f"attachments/{id}/{which}")) == (404, "There is no such file.")


def test_a_file_is_given_out_as_what_it_says_it_is_where_that_is_a_type(ids):
    id = sent(ids)
    file = ids.get(f"attachments/{id}/2")
    assert (file.content, file["Content-Type"]) == (b"three", "x/y")


def test_embedded_images_are_listed_apart(ids):
    id = sent(ids, {"recipient": "john@doe.com", "mime": MIME})
    assert ids.get(f"attachments/{id}").json() == []
    size = len(base64.b64decode(PIXEL))
    assert ids.get(f"embeds/{id}").json() == [
        {"number": 0, "name": "logo.png", "type": "image/png", "size": size, "cid": "logo@x"}
    ]
    for which in ("0", "logo.png"):
        file = ids.get(f"embeds/{id}/{which}")
        assert (file.content, file["Content-Type"]) == (base64.b64decode(PIXEL), "image/png")


def test_a_key_that_may_not_read_sees_nothing(client, ids, acme, make_key):
    id = sent(ids)
    sender = Caller(client, make_key(acme, scopes=["send"]))
    for part in PARTS:
        assert refused(sender.get(f"{part}/{id}"))[0] == 403
