"""Clients that are slow, broken or hostile: each gets an answer, and none harms the others."""

import base64
import socket
import ssl
import time

import pytest

from earwig.models import Account
from spooling.models import Mail
from spooling.smtpd import certificates, dialogue, listeners, reading
from tests import submission_servers
from tests.submission_servers import MESSAGE


def say(connection, lines, *commands):
    """The last line of the reply to each."""
    answers = []
    for command in commands:
        connection.sendall(command if isinstance(command, bytes) else f"{command}\r\n".encode())
        answers.append(reply(lines))
    return answers


def reply(lines):
    line = lines.readline()
    while line[3:4] == b"-":
        line = lines.readline()
    return line.decode().strip()


def plain(key):
    return "AUTH PLAIN " + base64.b64encode(f"\0acme\0{key}".encode()).decode()


def test_a_whole_session_in_one_write_is_answered_in_order(port, key):
    start = f"EHLO c\r\n{plain(key)}\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n"
    again = "MAIL FROM:<a@sender.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\n"
    octets = f"{start}{MESSAGE}.\r\n{again}{MESSAGE}.\r\nQUIT\r\n".encode()
    with submission_servers.raw(port) as (connection, lines):
        connection.sendall(octets)
        codes = [reply(lines)[:3] for _ in range(11)]
    assert codes == ["250", "235", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    assert [mail.email for mail in Mail.objects.order_by("id")] == ["b@x.example", "c@x.example"]


def test_a_message_may_come_in_single_octets(port, key):
    with submission_servers.raw(port) as (connection, lines):
        say(
            connection,
            lines,
            "EHLO c",
            plain(key),
            "MAIL FROM:<a@sender.example>",
            "RCPT TO:<b@x.example>",
            "DATA",
        )
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in f"{MESSAGE}..x\r\n.\r\n".encode():
            connection.send(bytes([octet]))
        assert reply(lines).startswith("250 ")
    assert Mail.objects.count() == 1


@pytest.mark.parametrize("smuggled", ["\n.\r\n", "\r\n.\n", "\n.\n", "\r.\r\n", "\r\n.\r"])
def test_nothing_but_crlf_dot_crlf_ends_a_message(port, key, smuggled):
    """SMTP smuggling: a second message behind another kind of end."""
    inner = (
        f"{MESSAGE}x{smuggled}MAIL FROM:<evil@sender.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\nFrom: e\r\n"
    )
    with submission_servers.raw(port) as (connection, lines):
        say(
            connection,
            lines,
            "EHLO c",
            plain(key),
            "MAIL FROM:<a@sender.example>",
            "RCPT TO:<b@x.example>",
            "DATA",
        )
        assert say(connection, lines, f"{inner}\r\n.\r\n".encode()) == [
            "554 5.6.0 Lines end with CR and LF, and hold neither alone"
        ]
        assert say(connection, lines, "NOOP") == ["250 OK"]
    assert not Mail.objects.exists()


def test_a_bare_line_feed_ends_no_command(port, key):
    with submission_servers.raw(port) as (connection, lines):
        say(connection, lines, "EHLO c", plain(key))
        (answer,) = say(connection, lines, b"NOOP\nMAIL FROM:<a@sender.example>\r\n")
        assert answer.startswith("500 ")
        assert say(connection, lines, "RCPT TO:<b@x.example>")[0].startswith("503 ")


def test_what_came_before_tls_is_forgotten(certificate, transactional_db, account, key):
    with submission_servers.running(submission_servers.plan(), certificates.load()) as plan:
        with submission_servers.raw(plan.submission[0]) as (connection, lines):
            say(connection, lines, "EHLO c", plain(key))
            connection.sendall(b"STARTTLS\r\nMAIL FROM:<injected@sender.example>\r\n")
            assert reply(lines).startswith("220 ")
            context = ssl.create_default_context(cafile=str(certificate))
            try:
                secured = context.wrap_socket(connection, server_hostname="127.0.0.1")
            except (ssl.SSLError, ConnectionError):
                # The injected line was no handshake: the connection ends.
                return
            inner = secured.makefile("rb")
            assert say(secured, inner, "RCPT TO:<b@x.example>")[0].startswith("503 ")


def test_keys_from_elsewhere_need_tls(transactional_db, account, key, monkeypatch, settings):
    settings.REQUIRE_HTTPS = True
    monkeypatch.setattr(dialogue, "is_loopback", lambda ip: False)
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.client(plan.submission[0]) as client:
            assert not client.has_extn("auth")
            assert client.docmd(plain(key)) == (
                538,
                b"5.7.11 Encryption required for requested authentication mechanism",
            )
    settings.REQUIRE_HTTPS = False
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.client(plan.submission[0], "acme", key):
            pass


def test_long_and_strange_commands_are_refused_and_bounded(port, key):
    with submission_servers.raw(port) as (connection, lines):
        answers = say(
            connection,
            lines,
            "EHLO c",
            b"NOOP " + b"x" * 200_000 + b"\r\n",
            b"\r\n",
            b"\xff\xfe\r\n",
            "EHLO",
            "AUTH",
            "AUTH NTLM",
            "AUTH PLAIN !!",
            "AUTH PLAIN YQ==",
            plain("wrong\0"),
            "MAIL",
            "MAIL TO:<a@x.example>",
            "RCPT TO:<a@x.example>",
            b"VRFY \xff\r\n",
            b"HELP \xff\r\n",
            "EXPN list",
            "RSET x",
            "NOOP",
        )
    assert answers[-1] == "250 OK"
    assert all(answer[0] in "25" for answer in answers)
    assert "Error: (" not in "".join(answers)


def test_octets_that_are_no_text_are_no_address(port, key):
    with submission_servers.raw(port) as (connection, lines):
        say(connection, lines, "EHLO c", plain(key))
        assert say(connection, lines, b"MAIL FROM:<\xff@sender.example>\r\n")[0].startswith("553 ")
        say(connection, lines, "MAIL FROM:<a@sender.example>")
        assert say(connection, lines, b"RCPT TO:<\xed\xa0\x80@x.example>\r\n")[0].startswith("553 ")


def test_too_many_unknown_commands_end_the_connection(port, account):
    with submission_servers.raw(port) as (connection, lines):
        answers = say(connection, lines, *["MALE"] * 5)
        assert answers[-1].startswith("502 5.5.1")
        assert lines.readline() == b""


def test_too_many_greetings_end_the_connection(port, account):
    with submission_servers.raw(port) as (connection, lines):
        answers = say(connection, lines, *["EHLO c"] * 21)
        assert answers[-1].startswith("421 4.7.0")
        assert lines.readline() == b""


def test_one_address_has_so_many_connections_and_no_more(transactional_db, account, settings):
    settings.SMTPD_MOST_FROM_ONE = 2
    with submission_servers.running(submission_servers.plan()) as plan:
        port = plan.submission[0]
        with submission_servers.raw(port), submission_servers.raw(port) as (second, lines):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as third:
                assert third.makefile("rb").readline().startswith(b"421 4.7.0")
            say(second, lines, "QUIT")
            assert lines.readline() == b""
            assert _greeted(port)


def _greeted(port):
    """The place of a connection is free a moment after its end was seen."""
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            if connection.makefile("rb").readline().startswith(b"220 "):
                return True
        time.sleep(0.05)
    return False


def test_a_silent_client_is_told_and_left(transactional_db, account, monkeypatch):
    manner = listeners.Manner
    monkeypatch.setattr(listeners, "Manner", lambda **given: manner(**given, idle_seconds=0.5))
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.raw(plan.submission[0]) as (connection, lines):
            connection.sendall(b"EHL")
            assert lines.readline().startswith(b"421 4.4.2")
            assert lines.readline() == b""


def test_a_client_that_leaves_in_the_middle_leaves_nothing(port, key):
    for part in ("MAIL FROM:<a@sender.example>\r\n", "RCPT TO:<b@x.example>\r\n", "DATA\r\n", MESSAGE, ".\r"):
        with submission_servers.raw(port) as (connection, lines):
            say(connection, lines, "EHLO c", plain(key))
            sent = "MAIL FROM:<a@sender.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n" + MESSAGE + ".\r"
            connection.sendall(sent[: sent.index(part) + len(part)].encode())
    with submission_servers.client(port, "acme", key) as client:
        client.sendmail("a@sender.example", ["last@x.example"], MESSAGE)
    assert [mail.email for mail in Mail.objects.all()] == ["last@x.example"]


def test_ten_thousand_recipients_are_answered_one_by_one(port, key):
    with submission_servers.raw(port) as (connection, lines):
        say(connection, lines, "EHLO c", plain(key), "MAIL FROM:<a@sender.example>")
        codes = []
        for start in range(0, 10_000, 500):
            names = range(start, start + 500)
            connection.sendall(b"".join(b"RCPT TO:<u%d@x.example>\r\n" % number for number in names))
            codes += [reply(lines)[:3] for _ in names]
        assert codes == ["250"] * 1_000 + ["452"] * 9_000
        assert say(connection, lines, "DATA")[0].startswith("354 ")
        assert say(connection, lines, f"{MESSAGE}.\r\n".encode())[0].startswith("250 ")
    assert Mail.objects.count() == 1_000


def test_memory_for_messages_has_an_end(transactional_db, account, key, monkeypatch):
    crowd = reading.Crowd
    monkeypatch.setattr(listeners, "Crowd", lambda **given: crowd(**given, most_octets=100_000))
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.client(plan.submission[0], "acme", key) as client:
            for message, code in ((MESSAGE + "x\r\n" * 60_000, 452), (MESSAGE, 250)):
                client.mail("a@sender.example")
                client.rcpt("b@x.example")
                assert client.data(message)[0] == code
    assert Account.objects.count() == 1 and Mail.objects.count() == 1


def test_no_key_and_no_address_reaches_a_log(port, key, caplog):
    caplog.set_level("DEBUG")
    with submission_servers.client(port, "acme", key) as client:
        client.sendmail("ann@sender.example", ["bob@x.example"], MESSAGE)
        client.docmd("AUTH", "LOGIN")
    for word in (key, "bob@", "ann@"):
        assert word not in caplog.text
