import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooling.delivery import smtp, smtp_commands
from spooling.delivery.smtp import Verdict
from tests import smtp_scripts
from tests.smtp_clients import DATA, HASTY, message
from tests.smtp_scripts import Script, say


@pytest.mark.parametrize(
    "extensions", [smtp_scripts.ALL, smtp_scripts.ALL[1:]], ids=["pipelined", "one by one"]
)
def test_messages_arrive_once_and_octet_for_octet(send, extensions):
    server, client = send(Script(extensions=extensions), [message(k) for k in range(200)], connections=4)
    assert client.verdicts() == {Verdict.DELIVERED: 200}
    assert sorted(server.recipients()) == sorted(f"u{k}@b.example" for k in range(200))
    assert {each.data for each in server.accepted} == {DATA}
    assert {each.sender for each in server.accepted} == {"bounce@a.example"}
    assert server.counts["rcpt"] == server.counts["mail"] == 200
    assert server.violations == [] and server.most_connections <= 4


def test_an_outcome_carries_code_text_stage_and_enhanced_code(send):
    _, client = send(Script(stages={"rcpt": say("550-5.1.1 no\x07such\n550 5.1.1 usér")}), [message(1)])
    assert client.outcome() == smtp.Outcome(
        Verdict.PERMANENT, 550, "5.1.1 no such 5.1.1 usér", "rcpt", "5.1.1"
    )


def test_a_reply_text_is_bounded(send):
    _, client = send(Script(stages={"rcpt": say("450 " + "x" * 5000)}), [message(1)])
    assert len(client.outcome().text) == 500 and client.outcome().enhanced == ""


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_a_body_larger_than_all_buffers_arrives_whole(send, extensions):
    large = b"Subject: x\r\n\r\n" + b"".join(b".%d\r\n" % n for n in range(1_000_000))
    server, client = send(Script(extensions=extensions), [message(1, data=large), message(2)])
    assert server.accepted[0].data == large and client.verdicts() == {Verdict.DELIVERED: 2}


def test_replies_that_come_octet_by_octet_are_read(send):
    server, client = send(Script(trickle=0.0005), [message(k) for k in range(5)])
    assert client.verdicts() == {Verdict.DELIVERED: 5}


def test_a_server_without_ehlo_gets_helo(send):
    server, client = send(Script(stages={"ehlo": say("502 what?")}), [message(1)])
    assert client.outcome().verdict is Verdict.DELIVERED and server.accepted[0].mail_parameters == ""


def test_parameters_are_sent_where_offered(send):
    told = message(1, utf8=True, eight_bit=True, notify="FAILURE,DELAY", ret="HDRS", envid="a+b=ü")
    server, _ = send(Script(), [told])
    assert server.accepted[0].mail_parameters == (
        f"SIZE={len(DATA)} BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3D+C3+BC"
    )
    assert server.accepted[0].rcpt_parameters == "NOTIFY=FAILURE,DELAY ORCPT=rfc822;u1@b.example"


@pytest.mark.parametrize(
    ("extensions", "parameters"),
    [
        (("DSN", "SMTPUTF8"), r"NOTIFY=FAILURE ORCPT=utf-8;j\x{FC}rgen@a.example"),
        (("DSN",), "NOTIFY=FAILURE"),
        (("SMTPUTF8",), ""),
    ],
)
def test_an_original_recipient_that_is_not_ascii_is_told_to_servers_that_know_such(
    send, extensions, parameters
):
    told = message(1, notify="FAILURE", orcpt="jürgen@a.example")
    server, client = send(Script(extensions=("PIPELINING", *extensions)), [told])
    assert client.outcome().verdict is Verdict.DELIVERED
    assert server.accepted[0].rcpt_parameters == parameters
    assert "SMTPUTF8" not in server.accepted[0].mail_parameters


def test_dsn_is_dropped_where_it_is_not_offered(send):
    server, _ = send(Script(extensions=("PIPELINING",)), [message(1, notify="NEVER", ret="FULL", envid="x")])
    assert (server.accepted[0].mail_parameters, server.accepted[0].rcpt_parameters) == ("", "")


@pytest.mark.parametrize(
    "address", ["a\r\nDATA@b", "a\n@b", "a\0@b", "a b@c", "<a@b>", "a@b>", "", "\ud800@b"]
)
def test_an_unsafe_address_never_reaches_the_wire(send, address):
    unsafe = smtp.Message(1, "s@a.example", address, DATA)
    server, client = send(Script(), [unsafe, message(2)])
    assert (client.outcome(1).verdict, client.outcome(1).code) == (Verdict.PERMANENT, 501)
    assert server.counts["mail"] == 1


def test_the_null_sender_is_sent(send):
    server, client = send(Script(), [message(1, sender="")])
    assert server.accepted[0].sender == "" and client.outcome().verdict is Verdict.DELIVERED


def test_the_gate_sees_each_key_once_and_before_its_body(send):
    seen = []
    server, client = send(
        Script(), [message(k) for k in range(50)], connections=5, allow=lambda keys: seen.extend(keys) or True
    )
    assert sorted(seen) == list(range(50)) and len(client.gates) <= 50


def test_connections_are_bounded_in_their_messages(send):
    server, client = send(Script(), [message(k) for k in range(25)], mails_per_connection=10)
    assert client.verdicts() == {Verdict.DELIVERED: 25}
    assert Counter(each.connection for each in server.accepted) == {1: 10, 2: 10, 3: 5}
    assert server.counts["quit"] >= 2


def test_an_idle_connection_is_used_again_then_ended_by_quit(send):
    server, client = send(Script(), [message(1)], timeouts=HASTY)
    client.messages.append(message(2))
    client.pool.wake()
    client.run().turn_until(lambda: client.pool.connections_open == 0)
    assert server.counts["connections"] == server.counts["quit"] == 1 and len(server.accepted) == 2


def test_a_smaller_pool_ends_the_connections_too_many(send):
    messages = [message(k) for k in range(300)]
    server, client = send(Script(), messages, connections=5, wait=False)
    client.turn_until(lambda: len(client.reports) > 20)
    client.pool.resize(4)
    client.run().turn_until(lambda: client.pool.connections_open <= 4)
    assert client.verdicts() == {Verdict.DELIVERED: 300} and server.counts["connections"] == 5


@given(st.binary(max_size=60) | st.lists(st.sampled_from([b".", b"\r\n", b"a", b"\n", b"\r"])).map(b"".join))
def test_stuffing_hides_every_dot_that_could_end_the_data(data):
    sent = smtp_commands.body(data)
    assert sent.endswith(b"\r\n.\r\n") or sent == b".\r\n"
    inside = sent[:-3]
    assert not re.search(rb"(^|\n)\.(\r|\n|$)", inside)
    if b"\n" not in data.replace(b"\r\n", b"") and data.endswith(b"\r\n"):
        assert re.sub(rb"(?m)^\.", b"", inside) == data


def test_the_bound_counts_messages_given_to_an_idle_connection(send):
    server, client = send(Script(), [message(1)], mails_per_connection=2)
    for key in (2, 3):
        client.messages.append(message(key))
        client.run()
    assert [each.connection for each in server.accepted] == [1, 1, 2]
