"""Mail from outside, by SMTP and by LMTP: what comes back to us is taken, and nothing is passed on for strangers."""

import os
import smtplib
import stat

import pytest
from django.db import OperationalError

from spooling import inbound
from spooling.models import IncomingMail, Mail
from tests import submission_servers
from tests.installation import free_port
from tests.submission_servers import MESSAGE


@pytest.fixture
def return_path(spool, settings):
    """The return path of a mail that left."""
    (accepted,) = spool("bob@x.example")
    return f"b-{accepted.hex}@{settings.INBOUND_HOST}"


def test_mail_to_a_return_path_is_taken_without_a_login(outside, return_path):
    with submission_servers.client(outside) as client:
        client.sendmail("", [return_path.upper().replace("B-", "b-")], MESSAGE)
    assert IncomingMail.objects.count() == 1


def test_unknown_addresses_of_ours_and_all_others_are_refused(outside, return_path, settings):
    with submission_servers.client(outside) as client:
        client.mail("mailer-daemon@x.example")
        assert client.rcpt(f"b-{'0' * 32}@{settings.INBOUND_HOST}")[0] == 550
        code, reply = client.rcpt(f"who@{settings.INBOUND_HOST}")
        assert (code, reply[:5]) == (550, b"5.1.1")
        code, reply = client.rcpt("bob@x.example")
        assert (code, reply[:5]) == (550, b"5.7.1")
        assert client.docmd("DATA")[0] == 554
        assert client.rcpt("postmaster")[0] == 250
    assert not IncomingMail.objects.exists()


def test_programs_may_submit_there_too_with_a_key(outside, account, key):
    with submission_servers.client(outside, "acme", key) as client:
        client.sendmail("ann@sender.example", ["bob@x.example"], MESSAGE)
    assert Mail.objects.get().email == "bob@x.example"


def test_the_submission_port_takes_nothing_from_strangers(port, return_path):
    with submission_servers.client(port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("", [return_path], MESSAGE)


def test_a_database_that_is_away_puts_off(outside, return_path, monkeypatch):
    def away(*_, **__):
        raise OperationalError("server closed the connection")

    with submission_servers.client(outside) as client:
        with monkeypatch.context() as patched:
            patched.setattr(inbound, "known", away)
            client.mail("")
            assert client.rcpt(return_path) == (451, b"4.3.0 It could not be stored now; try again later")
        client.rset()
        with monkeypatch.context() as patched:
            patched.setattr(inbound, "take", away)
            client.mail("")
            assert client.rcpt(return_path)[0] == 250
            assert client.data(MESSAGE)[0] == 451
        client.sendmail("", [return_path], MESSAGE)


def test_a_message_that_goes_in_circles_is_refused(outside, return_path):
    with submission_servers.client(outside) as client:
        client.mail("")
        client.rcpt(return_path)
        code, reply = client.data("Received: from a by b\r\n" * 101 + MESSAGE)
    assert (code, reply[:5]) == (554, b"5.4.6")


@pytest.mark.parametrize("socket", ["port", "unix"])
def test_lmtp_answers_for_each_recipient(return_path, transactional_db, tmp_path, socket, settings):
    where = f"unix:{tmp_path}/lmtp" if socket == "unix" else str(free_port())
    postmaster = f"postmaster@{settings.INBOUND_HOST}"
    with submission_servers.running(submission_servers.plan(lmtp=where)):
        host, number = (where[5:], 0) if socket == "unix" else ("127.0.0.1", int(where))
        with smtplib.LMTP(host, number) as client:
            assert client.ehlo()[0] == 250 and not client.has_extn("auth")
            client.mail("")
            assert [client.rcpt(to)[0] for to in (return_path, "bob@x.example", postmaster)] == [
                250,
                550,
                250,
            ]
            client.putcmd("data")
            assert client.getreply()[0] == 354
            client.send(f"{MESSAGE}.\r\n".encode())
            assert [client.getreply()[0] for _ in range(2)] == [250, 250]
            assert client.noop()[0] == 250
            assert client.docmd("HELO", "x")[0] == 500


@pytest.mark.parametrize("umask", [0o000, 0o177])
def test_the_socket_of_lmtp_is_for_the_group_whatever_the_umask(transactional_db, tmp_path, umask):
    path = tmp_path / "lmtp"
    before = os.umask(umask)
    try:
        with submission_servers.running(submission_servers.plan(lmtp=f"unix:{path}")):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)


def test_bare_line_ends_are_refused_once_for_each_recipient_by_lmtp(return_path, transactional_db):
    port = free_port()
    with submission_servers.running(submission_servers.plan(lmtp=str(port))):
        with smtplib.LMTP("127.0.0.1", port) as client:
            client.ehlo()
            client.mail("")
            client.rcpt(return_path)
            client.rcpt("postmaster")
            client.putcmd("data")
            client.getreply()
            client.send(b"From: a@x.example\n\nx\r\n.\r\n")
            assert [client.getreply()[0] for _ in range(2)] == [554, 554]
            assert client.noop()[0] == 250
