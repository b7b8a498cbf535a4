"""Keys that may send from some domains only."""

import pytest

from spooling.models import Mail, Spooler
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, NEWS

FORBIDDEN = (403, "forbidden")
LETTER = {"toEmail": "ann@x.example", "subject": "s", "parts": [{"type": "text/plain", "content": "x"}]}


@pytest.fixture
def held(caller, shop, make_key):
    """A program whose key may send from one of the shop's domains."""
    return caller.with_key(make_key(shop, allowed_sender_domains=[NEWS]))


def tell(caller, token, sender):
    text = caller.post(f"spooler/{token}/resources/part", {"type": "text/plain", "content": "x"}).json()
    return caller.post(f"spooler/{token}/message", {"sender": sender, "subject": "s", "parts": [text]})


def spool(caller, token, **said):
    return caller.post(f"spooler/{token}/spool", {"mails": [{"email": "a@x.example", **said}]})


def test_a_single_mail_is_from_a_domain_of_the_key(held):
    path = f"domain/{DEMO}/transactional/send-mail"
    assert refused(held.post(path, LETTER | {"fromEmail": f"a@{DEMO}"})) == FORBIDDEN
    assert not Mail.objects.exists()
    assert held.post(path, LETTER | {"fromEmail": f"a@{NEWS}"}).status_code == 200


@pytest.mark.parametrize("sender", ["Shop", f"Shop <a@{DEMO}>", f"a@{DEMO.upper()}"])
def test_a_message_is_from_a_domain_of_the_key(held, token, sender):
    assert refused(tell(held, token, sender)) == FORBIDDEN
    assert held.get(f"spooler/{token}/message").json()["sender"] == ""
    assert tell(held, token, f"Shop <a@{NEWS}>").status_code == 200


def test_a_mail_with_a_sender_of_its_own_is_from_a_domain_of_the_key(held, token):
    assert refused(spool(held, token, sender=f"a@{DEMO}")) == FORBIDDEN
    assert not Mail.objects.exists()
    assert spool(held, token, sender=f"a@{NEWS}").status_code == 200


def test_nothing_leaves_from_a_domain_that_only_another_key_may_name(caller, held, token):
    tell(caller, token, "Shop")
    assert refused(spool(held, token)) == FORBIDDEN
    assert refused(held.post(f"spooler/{token}/draft", {"mails": [{"email": "a@x.example"}]})) == FORBIDDEN
    spool(caller, token)
    assert refused(held.post(f"spooler/{token}/ready")) == FORBIDDEN
    assert Spooler.objects.get(token=token).state == "pending"
    assert held.post(f"spooler/{token}/cancel").status_code == 200


def test_without_any_sender_a_spooler_speaks_from_its_own_domain(held, token):
    assert refused(held.post(f"spooler/{token}/ready")) == FORBIDDEN
    own = held.new("transactional", NEWS)
    assert tell(held, own, "Shop").status_code == 200
    assert held.post(f"spooler/{own}/ready").json()["state"] == "running"
    assert spool(held, own).status_code == 200


def test_a_sender_that_is_none_is_told_so(held, token):
    assert refused(tell(held, token, "Shop <broken>")) == (400, "invalid-field")
    assert refused(spool(held, token, sender="Shop <broken>")) == (400, "invalid-field")
