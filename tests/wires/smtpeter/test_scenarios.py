"""The acceptance scenarios of the contract (§9) that send: real drains, a real SMTP server, what arrives there.

Scenario 1's HTTP/1.0 is in test_sockets.
"""

import email
import email.policy

import pytest

from earwig import api_keys
from spooling.models import Mail
from spooling.outbox import public_ids
from templates_app import templates
from templates_app.models import Language
from tests import drains
from tests.wires.smtpeter.clients import Caller, refused

pytestmark = pytest.mark.django_db(transaction=True)

SEED = {
    "envelope": "info@example.com",
    "recipient": "john@doe.com",
    "subject": "This is the subject",
    "html": "This is example content",
    "from": "info@example.com",
    "to": "john@doe.com",
}


def delivered(server):
    """What arrived, by recipient, in the order in which it was accepted here."""
    drains.run("transactional")
    order = {
        address: place
        for place, address in enumerate(Mail.objects.order_by("id").values_list("email", flat=True))
    }
    found = {
        each.recipient: email.message_from_bytes(each.data, policy=email.policy.default)
        for each in server.accepted
    }
    assert len(found) == len(server.accepted)
    return dict(sorted(found.items(), key=lambda pair: order[pair[0]]))


def html_of(message):
    return message.get_body(["html"]).get_content()


def template(acme, **texts):
    draft = templates.Draft(name="Welcome", language=Language.SMARTY, texts={"html": "<p>Hello</p>", **texts})
    return templates.add(acme.pk, draft=draft, now=acme.created_at)


def test_smtpeter_1_the_document_s_example_leaves_as_it_says(caller, server):
    answer = caller.post("send", SEED)
    assert (answer.status_code, answer.content) == (200, b"1")
    assert (answer["Content-Type"], answer["Content-Length"]) == ("application/json", "1")
    ((recipient, message),) = delivered(server).items()
    assert recipient == "john@doe.com"
    told = (message["From"], message["To"], message["Subject"])
    assert told == ("info@example.com", "john@doe.com", "This is the subject")
    assert "This is example content" in html_of(message)


def test_smtpeter_2_a_form_is_the_same(caller, server):
    answer = caller.form("send", *SEED.items())
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"1", "application/json")
    message = delivered(server)["john@doe.com"]
    assert (message["From"], message["Subject"]) == ("info@example.com", "This is the subject")


@pytest.mark.parametrize("path", ["send", "send/", "resend", "nothing"])
def test_smtpeter_3_plain_http_is_refused_and_nothing_is_queued(caller, settings, path):
    settings.REQUIRE_HTTPS = True
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    for headers in ({}, {"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "https, http"}):
        answer = caller.post(path, SEED, **headers)
        assert refused(answer) == (400, "Only HTTPS connections are accepted.")
        assert "Location" not in answer
    assert not Mail.objects.exists()


def test_smtpeter_3_what_a_trusted_proxy_took_by_https_is_taken(caller, settings):
    settings.REQUIRE_HTTPS = True
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert caller.post("send", SEED, **{"X-Forwarded-Proto": "https"}).content == b"1"
    settings.TRUSTED_PROXIES = []
    assert refused(caller.post("send", SEED, **{"X-Forwarded-Proto": "https"}))[0] == 400


def test_smtpeter_4_without_a_right_token_there_is_nothing(caller, keyless, acme):
    assert refused(keyless.post("send", SEED)) == (401, "Invalid access token")
    assert refused(keyless.with_token("bogus").post("send", SEED)) == (401, "Invalid access token")
    api_keys.revoke(acme.api_keys.get(), now=acme.created_at)
    assert refused(caller.post("send", SEED)) == (401, "Invalid access token")
    assert not Mail.objects.exists()


def test_smtpeter_5_an_empty_object_is_refused_in_words(caller):
    assert caller.post("send", {}).status_code == 400


def test_smtpeter_6_the_official_package_s_flow(caller, server):
    body = {
        "from": "Paweł Kowalski <me@example.com>",
        "subject": "Witaj",
        "text": "Cześć",
        "html": "<p>Cześć</p>",
        "to": ["a@people.example"],
        "cc": ["b@people.example"],
        "recipients": ["a@people.example", "b@people.example"],
    }
    assert caller.post("send", body).status_code == 200
    messages = delivered(server)
    assert list(messages) == ["a@people.example", "b@people.example"]
    for message in messages.values():
        assert str(message["From"]) == "Paweł Kowalski <me@example.com>"
        assert (message["To"], message["Cc"]) == ("a@people.example", "b@people.example")
        assert message["Subject"] == "Witaj"
    a, b = messages.values()
    # They see each other: an answer to all belongs to one conversation.
    assert a["Message-ID"] == b["Message-ID"]


THREE = {
    "from": "info@example.com",
    "recipients": ["a@x.example", "b@x.example", "c@x.example"],
    "to": ["a@x.example", "b@x.example"],
    "text": "Hello",
}


def test_smtpeter_7_a_recipient_who_is_not_named_is_a_blind_copy(caller, server):
    assert caller.post("send", THREE).content == b"1"
    messages = delivered(server)
    assert list(messages) == THREE["recipients"]
    for message in messages.values():
        assert message["To"] == "a@x.example, b@x.example"
        assert "c@x.example" not in message.as_string()


def test_smtpeter_8_a_token_may_be_answered_ids(client, acme, make_key):
    ids = Caller(client, make_key(acme, wire_settings={"smtpeter": {"send_answer": "ids"}}))
    answer = ids.post("send", THREE)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    told = answer.json()
    assert list(told.values()) == THREE["recipients"]
    assert all(id[0].isalpha() and id.isalnum() and 16 <= len(id) <= 32 for id in told)
    reverse = ids.post("send", THREE | {"recipients": THREE["recipients"][::-1]})
    assert list(reverse.json().values()) == THREE["recipients"][::-1]


def test_smtpeter_9_a_whole_message_says_its_options_itself(caller, server):
    mime = (
        "MIME-Version: 1.0\r\nFrom: <info@example.com>\r\nTo: a@x.example\r\nSubject: Raw\r\n"
        "x-smtpeter-trackclicks: false\r\nX-SMTPeter-TrackOpens: false\r\n"
        "Content-Type: text/html; charset=utf-8\r\n\r\n"
        '<p><a href="https://shop.example/">Shop</a></p>\r\n'
    )
    assert caller.post("send", {"recipient": "a@x.example", "mime": mime}).content == b"1"
    message = delivered(server)["a@x.example"]
    assert not [name for name in message.keys() if name.lower().startswith("x-smtpeter")]
    assert html_of(message).strip() == '<p><a href="https://shop.example/">Shop</a></p>'
    assert message["Date"] and message["Message-ID"]


def test_smtpeter_10_nobody_sends_from_what_is_not_his(caller, rival):
    for domain in ("foreign.test", "rival.example", "sub.example.com"):
        status, sentence = refused(caller.post("send", SEED | {"from": f"me@{domain}"}))
        assert status == 400
        assert f"You cannot send mailings from {domain} without configuring it as sender domain" in sentence
    assert not Mail.objects.exists()


LINKED = '<html><body><p><a href="https://shop.example/">Shop</a></p></body></html>'


def test_smtpeter_11_tracking_is_switched_off_by_its_older_names(caller, server):
    body = SEED | {"html": LINKED, "clicktracking": False, "openstracking": False}
    assert caller.post("send", body).content == b"1"
    assert html_of(delivered(server)["john@doe.com"]).strip() == LINKED


def test_smtpeter_11_tracking_is_on_by_itself(caller, server, settings):
    settings.TRACKING_URL = "https://mail.example.org"
    caller.post("send", SEED | {"html": LINKED})
    html = html_of(delivered(server)["john@doe.com"])
    assert "https://mail.example.org/t/c/" in html and "https://mail.example.org/t/p/" in html
    assert "shop.example" not in html


@pytest.mark.parametrize(
    "wrong", [{"tags": ["a b"]}, {"extra": {"Subject": "x"}}, {"maxdelivertime": "tomorrow"}]
)
def test_smtpeter_12_what_cannot_be_is_refused(caller, wrong):
    assert caller.post("send", SEED | wrong).status_code == 400
    assert not Mail.objects.exists()


def test_smtpeter_13_each_recipient_has_data_of_its_own(caller, acme, server):
    row = template(acme, from_email="info@example.com", subject="Hi {$firstname|upper}")
    recipients = {"jane@doe.com": {"firstname": "Jane"}, "john@doe.com": {"firstname": "John"}}
    assert caller.post("send", {"recipients": recipients, "template": row.pk}).content == b"1"
    subjects = {address: message["Subject"] for address, message in delivered(server).items()}
    assert subjects == {"jane@doe.com": "Hi JANE", "john@doe.com": "Hi JOHN"}


@pytest.mark.parametrize("answered", ["one", "ids"])
def test_smtpeter_14_a_third_party_client_s_send(client, acme, make_key, server, answered):
    row = template(acme, from_email="info@example.com", subject="X is {$x}")
    token = make_key(acme, wire_settings={"smtpeter": {"send_answer": answered}})
    body = {
        "template": row.pk,
        "to": ["r@d.example"],
        "recipients": ["r@d.example", "b@d.example"],
        "bcc": ["b@d.example"],
        "replyTo": "q@d.example",
        "data": {"x": "y"},
    }
    answer = Caller(client, token).post("send", body, Accept="application/json")
    assert answer.status_code == 200
    assert answer.content == b"1" if answered == "one" else len(answer.json()) == 2
    messages = delivered(server)
    assert list(messages) == ["r@d.example", "b@d.example"]
    for message in messages.values():
        assert (message["Bcc"], message["Reply-To"], message["Subject"]) == (None, "q@d.example", "X is y")
        assert message["To"] == "r@d.example"


def test_smtpeter_16_what_was_sent_is_shown_in_parts(client, acme, make_key, server):
    ids = Caller(client, make_key(acme, wire_settings={"smtpeter": {"send_answer": "ids"}}))
    (id,) = ids.post("send", SEED).json()
    drains.run("transactional")
    html = ids.get(f"html/{id}", Accept="application/json")
    assert (html.status_code, html["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert "This is example content" in html.content.decode()
    headers = ids.get(f"headers/{id}", Accept="application/json")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Subject: This is the subject\r\n" in headers.content.decode()
    files = ids.get(f"attachments/{id}", Accept="application/json")
    assert (files["Content-Type"], files.json()) == ("application/json", [])


def test_smtpeter_15_a_mail_is_sent_once_more_under_another_id(caller, server):
    caller.post("send", SEED)
    first = public_ids.letter_first(Mail.objects.get(email="john@doe.com").public_id)
    answer = caller.post("resend", {"message": first})
    assert answer.status_code == 200
    ((second, recipient),) = answer.json().items()
    assert recipient == "john@doe.com" and second != first
    drains.run("transactional")
    subjects = [email.message_from_bytes(each.data)["Subject"] for each in server.accepted]
    assert subjects == ["This is the subject"] * 2
