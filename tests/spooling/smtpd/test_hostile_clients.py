"""Clients that mean harm, and what they cannot do."""

import smtplib

import pytest
from django.utils import timezone

from spooling.models import Content, Mail, Submission
from spooling.smtpd import policy, queues, reading, submissions
from tests import submission_servers
from tests.installation import free_port
from tests.submission_servers import MESSAGE


def test_no_key_takes_over_what_a_stranger_began(outside, key, settings):
    with submission_servers.client(outside) as client:
        client.mail("whatever this is")
        assert client.docmd("AUTH", "PLAIN AGFjbWUAeA==")[0] == 503
        client.rset()
        assert client.login("acme", key)[0] == 235


@pytest.mark.parametrize(
    "metadata", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": "\\u0000"}', "[1]",
                 '{"a":' * 400 + "1" + "}" * 400]
)  # fmt: skip
def test_metadata_that_no_database_holds_is_refused_for_good(submit, metadata):
    code, reply = submit(message=f"X-Earwig-Metadata: {metadata}\r\n{MESSAGE}")
    assert (code, reply[:5]) == (554, b"5.6.0") and not Mail.objects.exists()


def test_a_backslash_in_metadata_is_kept(submit):
    assert submit(message='X-Earwig-Metadata: {"a": "\\\\u0000"}\r\n' + MESSAGE)[0] == 250
    assert Submission.objects.get().metadata == {"a": "\\u0000"}


def test_what_is_refused_takes_no_room_while_the_rest_of_it_comes():
    crowd = reading.Crowd()
    taking = reading.Reading(crowd, 1_000)
    taking._add(b"x" * 900)
    assert crowd.octets == 900
    taking._add(b"x" * 900)
    assert crowd.octets == 0 and taking._refusal.startswith("552 ")
    taking.forget()
    assert crowd.octets == 0


def test_a_network_of_ipv6_is_one_client():
    crowd = reading.Crowd(most_from_one=2)
    assert [crowd.enter(f"2001:db8::{n}") for n in range(3)] == [True, True, False]
    assert crowd.enter("2001:db8:0:1::1")
    crowd.leave("2001:db8::7")
    assert crowd.enter("2001:db8::8")


def test_a_stranger_who_guesses_addresses_is_left(outside, settings):
    with submission_servers.client(outside) as client:
        client.mail("")
        codes = [client.rcpt(f"b-{n:032x}@{settings.INBOUND_HOST}")[0] for n in range(policy.MOST_REFUSED)]
        assert codes == [550] * (policy.MOST_REFUSED - 1) + [421]
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_bounces_go_to_no_address_of_another_accounts(submit, other_account):
    other_account.domains.create(name="other.example", verified_at=timezone.now())
    untracked = f"X-Earwig-Track-Bounces: false\r\n{MESSAGE}"
    for sender in ("box@other.example", "box@mail.OTHER.example"):
        code, reply = submit(message=untracked, sender=sender)
        assert (code, reply[:5]) == (550, b"5.7.1") and not Mail.objects.exists()
        assert submit(sender=sender)[0] == 250
        Mail.objects.all().delete()
    assert submit(message=untracked, sender="box@free.example")[0] == 250


def test_parameters_may_have_brackets_of_their_own(port, key):
    with submission_servers.client(port, "acme", key) as client:
        assert client.mail("ann@sender.example", ["AUTH=<>", "SIZE=10", "RET=HDRS"])[0] == 250
        assert client.rcpt("bob@x.example", ["NOTIFY=NEVER"])[0] == 250
        assert client.rcpt("bob@x.example", ["X=<>"])[0] == 555
        client.rset()
        assert client.docmd("MAIL FROM:ann@sender.example AUTH=<>")[0] == 250


@pytest.mark.parametrize("cause", ["size", "fault"])
def test_lmtp_answers_for_each_recipient_whatever_is_wrong(transactional_db, settings, monkeypatch, cause):
    port = free_port()
    settings.SMTPD_MAX_BYTES = 1_000
    if cause == "fault":
        # What no message is known to do.
        monkeypatch.setattr(policy, "_RECEIVED", None)
    with submission_servers.running(submission_servers.plan(lmtp=str(port))):
        with smtplib.LMTP("127.0.0.1", port) as client:
            client.ehlo()
            client.mail("")
            assert [client.rcpt(f"{who}@{settings.INBOUND_HOST}")[0] for who in ("abuse", "postmaster")] == [
                250,
                250,
            ]
            client.putcmd("data")
            client.getreply()
            client.send(MESSAGE.encode() + b"x" * (2_000 if cause == "size" else 0) + b"\r\n.\r\n")
            assert [client.getreply()[0] for _ in range(2)] == [552 if cause == "size" else 451] * 2
            assert client.noop()[0] == 250


def test_a_fault_after_some_were_stored_stores_none_of_them_again(
    account, key, transactional_db, monkeypatch
):
    def submitted(tag):
        message = f"X-Earwig-Tag: {tag}\r\n{MESSAGE}".encode()
        login = submissions.Login(ip="127.0.0.1", secret=key)
        recipients = (submissions.Recipient(email="bob@x.example"),)
        return submissions.Submitted(
            login=login, sender="", ret="", envid="", recipients=recipients, raw=message
        )

    accept = submissions.intake.accept

    def breaking(submission, sends, *, now):
        if submission.tags == ("b",):
            raise RuntimeError
        return accept(submission, sends, now=now)

    monkeypatch.setattr(submissions.intake, "accept", breaking)
    answers = queues._replies([submitted("a"), submitted("b"), submitted("c")])
    assert [answer[:3] for answer in answers] == ["250", "451", "250"]
    assert Mail.objects.count() == 2 and Content.objects.count() == 2
