import json
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooling.delivery import smtp
from spooling.delivery.smtp import Verdict
from tests import smtp_scripts, smtp_servers
from tests.smtp_clients import HASTY, Client, message
from tests.smtp_scripts import Act, Script, cut, garbage, say, stall


@pytest.mark.parametrize("extensions", [smtp_scripts.ALL, ()], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "body"])
@pytest.mark.parametrize(("code", "verdict"), [(450, Verdict.TEMPORARY), (550, Verdict.PERMANENT)])
def test_a_refusal_at_each_stage_judges_its_message_and_no_other(send, extensions, stage, code, verdict):
    choose = smtp_scripts.Addressed()
    refused = message(2, f"{stage}-{code}@b.example", sender=f"{stage}-{code}@a.example")
    server, client = send(
        Script(extensions=extensions, choose=choose), [message(1), refused, message(3), message(4)]
    )
    assert (client.outcome(2).verdict, client.outcome(2).code, client.outcome(2).stage) == (
        verdict,
        code,
        stage,
    )
    assert server.recipients() == ["u1@b.example", "u3@b.example", "u4@b.example"]
    assert server.counts["connections"] == 1 and server.violations == []


@pytest.mark.parametrize("extensions", [smtp_scripts.ALL, ()], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("what", ["421", "cut", "reset", "garbage"])
def test_a_fault_before_the_body_leaves_the_message_untouched(send, extensions, stage, what):
    faulty = message(2, f"{stage}-{what}@b.example", sender=f"{stage}-{what}@a.example")
    script = Script(extensions=extensions, choose=smtp_scripts.Addressed())
    server, client = send(script, [message(1), faulty, message(3)])
    # A reset may overtake the reply to the body before, and then it is not known whose fault it was.
    told = ("mail", stage, "connection") if what == "reset" else ("mail", stage)
    assert client.outcome(2).verdict is Verdict.UNTOUCHED and client.outcome(2).stage in told
    assert client.outcome(3).verdict is Verdict.DELIVERED
    assert server.recipients() == ["u1@b.example", "u3@b.example"] and server.counts["connections"] == 2


@pytest.mark.parametrize("extensions", [smtp_scripts.ALL, ()], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("what", ["cut", "taken", "half", "garbage", "reset"])
def test_a_lost_reply_to_the_final_dot_is_in_doubt(send, extensions, what):
    script = Script(extensions=extensions, choose=smtp_scripts.Addressed())
    _, client = send(script, [message(1), message(2, f"body-{what}@b.example"), message(3), message(4)])
    assert client.outcome(2).verdict is Verdict.IN_DOUBT and client.outcome(2).stage == "body"
    assert client.verdicts()[Verdict.IN_DOUBT] == 1
    assert client.verdicts()[Verdict.UNTOUCHED] == bool(extensions)
    assert client.outcome(4).verdict is Verdict.DELIVERED


def test_a_421_to_the_body_is_temporary_and_spares_the_next(send):
    script = Script(choose=smtp_scripts.Addressed())
    server, client = send(script, [message(1, "body-421@b.example"), message(2), message(3)])
    assert client.outcome(1).verdict is Verdict.TEMPORARY and client.outcome(1).code == 421
    assert client.outcome(2).verdict is Verdict.UNTOUCHED and client.outcome(3).verdict is Verdict.DELIVERED
    assert server.recipients() == ["u3@b.example"]


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data"])
def test_a_stall_before_the_body_is_untouched(send, stage):
    _, client = send(Script(stages={stage: [stall()]}), [message(1)], timeouts=HASTY)
    assert client.outcome().verdict is Verdict.UNTOUCHED and "timed out" in client.outcome().text


def test_a_stall_after_the_final_dot_is_in_doubt(send):
    server, client = send(Script(stages={"body": [stall(accept=True)]}), [message(1)], timeouts=HASTY)
    assert client.outcome().verdict is Verdict.IN_DOUBT and server.recipients() == ["u1@b.example"]


def test_a_refused_recipient_answered_by_354_gets_a_lone_dot(send):
    script = Script(choose=smtp_scripts.Addressed())
    server, client = send(script, [message(1), message(2, "rcpt-lone@b.example"), message(3)])
    assert (client.outcome(2).verdict, client.outcome(2).code) == (Verdict.PERMANENT, 550)
    assert server.recipients() == ["u1@b.example", "u3@b.example"]
    assert server.violations == [] and server.counts["connections"] == 1


def test_a_refused_mail_followed_by_a_cut_is_still_refused(send):
    script = Script(stages={"mail": [say("550 5.7.1 not you")], "rcpt": [cut()]})
    _, client = send(script, [message(1)])
    assert client.outcome().verdict is Verdict.PERMANENT and client.outcome().stage == "mail"


def test_rset_is_sent_only_where_the_server_holds_an_open_transaction(send):
    script = Script(choose=smtp_scripts.Addressed())
    refused = message(2, "rcpt-550@b.example")
    server, client = send(script, [message(1, sender="mail-550@a.example"), refused, message(3), message(4)])
    assert server.counts["rset"] == 1 and len(server.accepted) == 2


def test_a_cut_within_the_body_is_untouched(send):
    large = b"Subject: x\r\n\r\n" + b"y" * 998 + b"\r\n"
    large += (b"z" * 998 + b"\r\n") * 20_000
    script = Script(extensions=("PIPELINING",), early_body=100_000, stages={"body": [cut(reset=True)]})
    _, client = send(script, [message(1, data=large)])
    assert client.outcome().verdict is Verdict.UNTOUCHED


def test_a_refusal_within_the_body_is_a_verdict(send):
    large = b"Subject: x\r\n\r\n" + (b"z" * 998 + b"\r\n") * 20_000
    script = Script(
        extensions=("PIPELINING",), early_body=100_000, stages={"body": [say("552 5.3.4 too big")]}
    )
    server, client = send(script, [message(1, data=large)])
    assert (client.outcome().verdict, client.outcome().code) == (Verdict.PERMANENT, 552)
    assert server.accepted == []


@pytest.mark.parametrize(
    "octets",
    [
        b"\x00\xff\n",
        b"2x0 hm\r\n",
        b"199 no\r\n",
        b"x" * 70_000,
        b"250-" + b"y" * 70_000 + b"\r\n",
        b"250-a\r\n550 b\r\n",
    ],
)
def test_garbage_ends_the_connection_and_not_the_client(send, octets):
    _, client = send(Script(stages={"body": [garbage(octets)]}), [message(1), message(2), message(3)])
    assert client.outcome(1).verdict is Verdict.IN_DOUBT and client.outcome(3).verdict is Verdict.DELIVERED


def test_endless_lines_of_one_reply_end_the_connection(send):
    _, client = send(Script(stages={"mail": [garbage(b"250-a\r\n" * 2000)]}), [message(1)])
    assert client.outcome().verdict is Verdict.UNTOUCHED and client.outcome().text == "endless reply"


@pytest.mark.parametrize(
    ("lacking", "code", "enhanced", "more"),
    [
        ("SIZE 10485760", 552, "5.3.4", {"data": b"x" * 99 + b"\r\n"}),
        ("SMTPUTF8", 553, "5.6.7", {"utf8": True}),
        ("SMTPUTF8", 553, "5.6.7", {"recipient": "jürgen@b.example"}),
        ("8BITMIME", 554, "5.6.3", {"eight_bit": True}),
    ],
)
def test_what_a_server_cannot_take_is_refused_without_asking(send, lacking, code, enhanced, more):
    offered = tuple(each for each in smtp_scripts.ALL if each != lacking) + ("SIZE 100",) * ("data" in more)
    server, client = send(Script(extensions=offered), [message(1, **more), message(2, data=b"a: b\r\n")])
    assert client.outcome(1) == smtp.Outcome(
        Verdict.PERMANENT, code, client.outcome(1).text, "mail", enhanced
    )
    assert server.counts["mail"] == 1 and client.outcome(2).verdict is Verdict.DELIVERED


def test_a_closed_gate_lets_no_octet_of_a_body_out(send):
    server, client = send(Script(), [message(k) for k in range(3)], connections=3, allow=lambda keys: False)
    assert client.verdicts() == {Verdict.UNTOUCHED: 3}
    assert server.accepted == [] and client.pool.fault is None and client.pool.connections_open == 0


def test_a_connection_closed_by_the_server_while_idle_is_no_fault(send):
    server, client = send(Script(), [message(1)])
    server.close()
    client.turn_until(lambda: client.pool.connections_open == 0)
    assert client.pool.fault is None


@pytest.mark.parametrize(
    ("script", "stage", "code"),
    [
        (Script(stages={"connect": say("421 4.3.2 busy")}), "greeting", 421),
        (Script(stages={"connect": say("554 no")}), "greeting", 554),
        (Script(stages={"ehlo": say("450 no"), "helo": say("550 no")}), "ehlo", 450),
        (Script(stages={"ehlo": say("550 no"), "helo": say("550 nobody")}), "ehlo", 550),
        (Script(stages={"mail": cut()}), "mail", 0),
        (Script(stages={"body": cut(accept=True)}), "body", 0),
    ],
)
def test_a_server_that_never_gets_to_a_verdict_is_not_hammered(send, script, stage, code):
    server, client = send(script, [message(k) for k in range(100)], connections=5, wait=False)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        client.loop.turn(0.05)
    fault = client.pool.fault
    assert (fault.stage, fault.code) == (stage, code) and fault.consecutive >= 5
    assert server.counts["connections"] <= 10


def test_a_port_that_refuses_is_a_fault_and_a_later_success_clears_it(send):
    gone = smtp_servers.Server()
    gone.close()
    client = Client(gone.port, [message(1)]).run()
    assert client.outcome().verdict is Verdict.UNTOUCHED and client.pool.fault.stage == "connect"
    with smtp_servers.Server(port=gone.port):
        client.messages.append(message(2))
        client.run()
        assert client.outcome(2).verdict is Verdict.DELIVERED and client.pool.fault is None
        client.loop.close()


def test_an_unknown_host_is_a_fault():
    client = Client(25, [message(1)], host="nowhere.invalid").run()
    assert client.outcome().verdict is Verdict.UNTOUCHED and client.pool.fault.stage == "connect"
    client.loop.close()


def test_the_next_address_is_tried(send, monkeypatch):
    server, client = send(Script(), [message(1)], wait=False)
    there = smtp.Endpoint("b.example", smtp.socket.AF_INET6, ("::1", 1, 0, 0))
    here = smtp.Endpoint("b.example", smtp.socket.AF_INET, ("127.0.0.1", server.port))
    monkeypatch.setattr(client.loop, "resolve", lambda _: [there, here])
    assert client.run().outcome().verdict is Verdict.DELIVERED and client.pool.fault is None


def test_closing_reports_everything_and_doubts_an_open_body(send):
    server, client = send(Script(stages={"body": stall()}), [message(1), message(2), message(3)], wait=False)
    client.turn_until(lambda: client.loop.bodies_open)
    assert client.loop.in_flight == 2
    client.loop.close()
    assert client.outcome(1).verdict is Verdict.IN_DOUBT and client.outcome(2).verdict is Verdict.UNTOUCHED
    assert client.loop.in_flight == 0 and len(client.messages) == 1


FAULTS = ["450", "550", "421", "cut", "reset", "taken", "half", "garbage", "lone"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    faults=st.lists(
        st.none()
        | st.tuples(
            st.sampled_from(["", "once-"]),
            st.sampled_from(["mail", "rcpt", "data", "body"]),
            st.sampled_from(FAULTS),
        ),
        max_size=25,
    ),
    connections=st.integers(1, 4),
    pipelining=st.booleans(),
    bound=st.integers(1, 6),
)
def test_under_any_faults_each_message_is_reported_once_and_truly(faults, connections, pipelining, bound):
    messages = []
    for key, fault in enumerate(faults):
        local = f"{fault[0]}{fault[1]}-{fault[2]}.{key}" if fault else f"u{key}"
        messages.append(message(key, f"{local}@b.example", sender=f"{local}@a.example"))
    addresses = {each.recipient: each.key for each in messages}
    script = Script(choose=smtp_scripts.Addressed(), extensions=smtp_scripts.ALL if pipelining else ())
    with smtp_servers.Server(script) as server:
        client = Client(server.port, messages, connections=connections, mails_per_connection=bound)
        smtp_pauses = client.pool
        smtp_pauses.pause = lambda: None
        client.run(30)
        client.loop.close()
        time.sleep(0.01)
    verdicts = {key: outcome.verdict for key, outcome in client.reports}
    accepted = Counter(addresses[recipient] for recipient in server.recipients())
    assert len(client.reports) == len(verdicts) == len(faults)
    assert all(accepted[key] == 1 for key, verdict in verdicts.items() if verdict is Verdict.DELIVERED)
    assert all(verdicts[key] in (Verdict.DELIVERED, Verdict.IN_DOUBT) for key in accepted)
    assert max(accepted.values(), default=0) <= 1
    assert client.verdicts()[Verdict.IN_DOUBT] <= server.counts["connections"]
    assert server.violations == []


def test_a_flood_of_replies_ends_the_connection(send):
    _, client = send(Script(stages={"data": [garbage(b"354 go\r\n" * 500_000)]}), [message(1), message(2)])
    assert client.outcome(1).verdict is Verdict.UNTOUCHED and client.outcome(2).verdict is Verdict.DELIVERED


def test_a_server_that_lists_what_it_accepted_writes_before_it_answers(tmp_path):
    log = tmp_path / "accepted.jsonl"
    with smtp_servers.Server(Script(stages={"body": stall(accept=True)}), log=str(log)) as server:
        client = Client(server.port, [message(1)])
        client.turn_until(lambda: log.stat().st_size)
        assert client.reports == []
        client.loop.close()
    assert json.loads(log.read_text())["recipient"] == "u1@b.example"


def test_a_421_ends_the_connection_though_the_server_would_stay(send):
    script = Script(stages={"body": [Act(reply="421 4.3.2 closing, some day")]})
    server, client = send(script, [message(1), message(2)], wait=False)
    client.turn_until(lambda: client.loop.in_flight == 0 and len(client.reports) == 2)
    assert client.outcome(1).verdict is Verdict.TEMPORARY and client.outcome(2).verdict is Verdict.UNTOUCHED


def test_a_server_with_a_limit_of_connections_is_used_within_it(send):
    def choose(stage, visit):
        full = stage == "connect" and visit.connection > 2
        return say("421 4.7.0 too many connections") if full else None

    server, client = send(
        Script(choose=choose, trickle=0.0001), [message(k) for k in range(300)], connections=5
    )
    assert client.verdicts()[Verdict.DELIVERED] >= 280 and client.pool.fault is None
    assert server.counts["connections"] <= 20
