import pytest

from spooling.delivery import smtp
from spooling.delivery.smtp import Tls, Verdict
from tests import smtp_scripts
from tests.smtp_clients import message
from tests.smtp_scripts import Act, Script, cut, say


@pytest.mark.parametrize("mode", [Tls.OPPORTUNISTIC, Tls.STARTTLS, Tls.IMPLICIT])
def test_tls_carries_messages(send, tls, mode):
    script = Script(tls=tls, implicit_tls=mode is Tls.IMPLICIT)
    large = message(99, data=b"a: b\r\n\r\n" + b"x" * 3_000_000 + b"\r\n")
    server, client = send(script, [*(message(k) for k in range(30)), large], connections=2, tls=mode)
    assert client.verdicts() == {Verdict.DELIVERED: 31}
    assert all(each.encrypted for each in server.accepted) and server.violations == []


def test_a_verified_certificate_is_accepted_by_its_authority_only(send, tls, certificate, monkeypatch):
    _, client = send(Script(tls=tls), [message(1)], tls=Tls.STARTTLS, verify_certificate=True)
    assert client.outcome().verdict is Verdict.UNTOUCHED and client.pool.fault.stage == "handshake"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server, client = send(Script(tls=tls), [message(1)], tls=Tls.STARTTLS, verify_certificate=True)
    assert server.accepted[0].encrypted


def test_required_tls_never_falls_back(send):
    server, client = send(Script(), [message(1)], tls=Tls.STARTTLS)
    assert client.outcome().verdict is Verdict.UNTOUCHED and client.pool.fault.stage == "starttls"
    assert server.counts["mail"] == 0


@pytest.mark.parametrize("answer", [say("454 4.7.0 not now"), Act(reply="220 go", cut=True)])
def test_opportunistic_tls_falls_back_to_the_clear(send, tls, answer):
    script = Script(tls=tls, stages={"starttls": answer})
    messages = [message(1), message(2)]
    server, client = send(script, messages, tls=Tls.OPPORTUNISTIC)
    assert client.outcome(2).verdict is Verdict.DELIVERED and not server.accepted[-1].encrypted


def test_plaintext_injected_before_the_handshake_is_refused(send, tls):
    script = Script(tls=tls, injected=b"250 injected\r\n")
    server, client = send(script, [message(1)], tls=Tls.STARTTLS)
    assert client.outcome().verdict is Verdict.UNTOUCHED and "injected" in client.pool.fault.text
    assert server.counts["mail"] == 0


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",)])
def test_credentials_are_accepted(send, mechanisms):
    credentials = {"username": smtp_scripts.USER, "password": smtp_scripts.PASSWORD}
    server, client = send(Script(auth=mechanisms), [message(1)], **credentials)
    assert server.accepted[0].user == smtp_scripts.USER


@pytest.mark.parametrize(
    ("mechanisms", "password"),
    [(("PLAIN",), "wrong"), (("LOGIN",), "wrong"), (("CRAM-MD5",), smtp_scripts.PASSWORD)],
)
def test_a_failed_authentication_is_a_connection_fault(send, mechanisms, password):
    server, client = send(
        Script(auth=mechanisms), [message(1)], username=smtp_scripts.USER, password=password
    )
    assert client.outcome().verdict is Verdict.UNTOUCHED and client.pool.fault.stage == "auth"
    assert server.counts["mail"] == 0 and password not in repr(client.pool.server)


def test_credentials_do_not_cross_a_network_in_the_clear(send, monkeypatch):
    monkeypatch.setattr(smtp.Connection, "loopback", lambda self: False)
    credentials = {"username": smtp_scripts.USER, "password": smtp_scripts.PASSWORD}
    server, client = send(Script(auth=("PLAIN",)), [message(1)], **credentials)
    assert client.pool.fault.stage == "auth" and server.accepted == []


@pytest.mark.parametrize("what", ["cut", "taken", "half"])
def test_a_lost_reply_over_tls_is_in_doubt(send, tls, what):
    script = Script(tls=tls, choose=smtp_scripts.Addressed())
    _, client = send(script, [message(1, f"body-{what}@b.example"), message(2), message(3)], tls=Tls.STARTTLS)
    assert client.outcome(1).verdict is Verdict.IN_DOUBT and client.outcome(3).verdict is Verdict.DELIVERED


def test_a_cut_within_the_body_over_tls_is_untouched(send, tls):
    large = message(1, data=b"a: b\r\n\r\n" + (b"z" * 998 + b"\r\n") * 20_000)
    extensions = ("PIPELINING",)
    script = Script(tls=tls, extensions=extensions, early_body=100_000, stages={"body": [cut(reset=True)]})
    _, client = send(script, [large], tls=Tls.STARTTLS)
    assert client.outcome().verdict is Verdict.UNTOUCHED


def test_a_reply_larger_than_one_read_is_read_from_tls(send, tls):
    extensions = ("PIPELINING", *(f"X-{number:030}" for number in range(300)))
    _, client = send(Script(tls=tls, extensions=extensions), [message(1)], tls=Tls.STARTTLS)
    assert client.outcome().verdict is Verdict.DELIVERED
