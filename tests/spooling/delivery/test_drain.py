"""A lane drained for real: claimed from the database, sent to an SMTP server on loopback, settled."""

import os
import threading
import time
from datetime import timedelta

import dkim
import pytest
from django.db import DataError, OperationalError
from django.utils import timezone

from earwig import domains
from earwig.models import Account, Domain
from spooling import heartbeats, hosts, ledger, spoolers, suppressions
from spooling.delivery import letters, salvage
from spooling.delivery.drain import Drain
from spooling.delivery.settler import Settler
from spooling.models import Claim, ConnectionSlot, Heartbeat, Mail, Router, Shape, Suppression
from spooling.outbox import claims, intake
from stats.models import Event
from tests.smtp_scripts import Script, cut, say, stall
from tests.smtp_servers import Server

pytestmark = pytest.mark.django_db(transaction=True)


def drain(lane="transactional", *, until=lambda: not undone(), seconds=30.0):
    """Run a drain until nothing is left to do, bounded."""
    over_at = time.monotonic() + seconds
    Drain(lane, seconds=seconds, stop=lambda: time.monotonic() > over_at or until()).run()


def undone():
    due = Mail.objects.filter(state="waiting", due_at__lte=timezone.now())
    return due.exists() or Mail.objects.filter(state="sending").exists()


def states():
    return dict(Mail.objects.values_list("email", "state"))


@pytest.fixture
def server(route_to):
    with Server() as running:
        route_to(running.port)
        yield running


def test_spooled_mail_is_delivered_once_with_its_own_return_path_and_a_stable_message_id(
    account, spool, server
):
    accepted = spool("a@x.example", "b@gmail.com")

    drain()

    assert sorted(server.recipients()) == ["a@x.example", "b@gmail.com"]
    first = next(message for message in server.accepted if message.recipient == "a@x.example")
    own_id = accepted[0].public_id.hex
    assert first.sender == f"b-{own_id}@localhost"
    assert first.message_id == f"<{own_id}@sender.example>"
    assert b"Hello a@x.example" in first.data and b"Subject: Order 0" in first.data
    mail = Mail.objects.get(email="a@x.example")
    assert (mail.state, mail.last_code, mail.tries) == ("delivered", 250, 1)
    assert ledger.of_account(account.pk)["delivered"] == 2
    assert Event.objects.filter(kind="delivered").count() == 2
    assert not Claim.objects.exists() and not ConnectionSlot.objects.exists()
    assert not any(hosts.journals().iterdir())


def test_each_answer_leads_to_its_state(spool, route_to):
    script = Script(
        recipients={
            "unknown@x.example": {"rcpt": say("550 5.1.1 <unknown@x.example> no such user")},
            "later@x.example": {"rcpt": say("451 4.3.0 try later")},
            "spam@x.example": {"body": say("554 5.7.1 looks like spam")},
            "lost@x.example": {"body": cut(accept=True)},
        }
    )
    spool("unknown@x.example", "later@x.example", "spam@x.example", "lost@x.example", "good@x.example")
    with Server(script) as server:
        route_to(server.port)
        drain()

    assert states() == {
        "unknown@x.example": "failed",
        "later@x.example": "waiting",
        "spam@x.example": "failed",
        "lost@x.example": "in_doubt",
        "good@x.example": "delivered",
    }
    later = Mail.objects.get(email="later@x.example")
    assert later.due_at > timezone.now() + timedelta(minutes=3) and later.give_up_at is not None
    unknown = Mail.objects.get(email="unknown@x.example")
    assert unknown.last_reply == "5.1.1 <[address]> no such user"
    assert [row.reason for row in Suppression.objects.all()] == ["hard_bounce"]
    stages = Event.objects.filter(kind__in=["failed", "tempfail"]).values_list("detail__stage", flat=True)
    assert sorted(stages) == ["body", "rcpt", "rcpt"]
    assert not any("@" in str(detail) for detail in Event.objects.values_list("detail", flat=True))


def test_a_temporary_failure_past_the_horizon_is_the_last(spool, route_to):
    spool("a@x.example")
    Mail.objects.update(give_up_at=timezone.now() + timedelta(seconds=30), tries=9)
    with Server(Script(stages={"rcpt": say("451 4.3.0 try later")})) as server:
        route_to(server.port)
        drain()

    assert states() == {"a@x.example": "failed"}


def test_a_suppressed_address_is_blocked_and_no_byte_of_it_leaves(account, spool, server):
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "A@x.example", reason="manual", source="test", now=timezone.now())
    spool("a@X.example", "b@x.example")

    drain()

    assert states() == {"a@X.example": "blocked", "b@x.example": "delivered"}
    assert server.recipients() == ["b@x.example"]
    assert Event.objects.get(kind="blocked").detail["reply"] == "suppressed: manual"


def test_a_suppression_of_another_account_blocks_nothing(other_account, spool, server):
    scope = suppressions.Scope(account_id=other_account.pk)
    suppressions.suppress(scope, "a@x.example", reason="manual", source="test", now=timezone.now())
    spool("a@x.example")

    drain()

    assert server.recipients() == ["a@x.example"]


def test_an_expired_mail_is_not_sent(spool, server):
    spool("a@x.example", not_after=timezone.now() + timedelta(seconds=0.01))
    time.sleep(0.05)

    drain()

    assert states() == {"a@x.example": "expired"} and not server.accepted


def test_a_content_that_cannot_be_rendered_is_held_and_the_others_leave(spool, server):
    endless = intake.NewContent(
        from_email="a@sender.example", text="{{#rows}}{{#rows}}{{#rows}}x{{/rows}}{{/rows}}{{/rows}}"
    )
    submission_mail = spool("bad@x.example", content=endless)[0]
    Mail.objects.filter(pk=submission_mail.id).update(variables={"rows": list(range(500))})
    spool("good@x.example")

    drain()

    assert states() == {"bad@x.example": "quarantined", "good@x.example": "delivered"}


def test_a_paused_campaign_sends_nothing_and_goes_on_when_resumed(campaign, spool, server):
    spool("a@x.example", lane="bulk", spooler_id=campaign.pk)
    spoolers.pause(campaign, now=timezone.now())
    drain("bulk", until=lambda: False, seconds=0.5)
    assert states() == {"a@x.example": "waiting"}

    spoolers.ready(campaign, now=timezone.now())
    drain("bulk")

    assert states() == {"a@x.example": "delivered"}


def test_mail_over_the_accounts_limit_waits(account, spool, server):
    spool("a@x.example", "b@x.example", "c@x.example")
    Account.objects.filter(pk=account.pk).update(mails_per_hour=2)

    drain()

    assert sorted(states().values()) == ["delivered", "delivered", "waiting"]


def test_a_small_campaign_is_not_starved_by_a_big_one(account, campaign, spool, server, settings):
    settings.DELIVERY_BATCH = 10
    small = spoolers.open_campaign(account, name="small", now=timezone.now())
    spoolers.ready(small, now=timezone.now())
    spool(*(f"{n}@big.example" for n in range(200)), lane="bulk", spooler_id=campaign.pk)
    spool("a@small.example", lane="bulk", spooler_id=small.pk)

    drain("bulk")

    assert "a@small.example" in server.recipients()[:60]
    assert set(states().values()) == {"delivered"}


def test_a_mail_at_which_the_server_hangs_up_is_postponed_and_the_others_leave(spool, route_to):
    script = Script(recipients={"poison@x.example": {"rcpt": cut()}})
    spool("poison@x.example", *(f"{n}@x.example" for n in range(20)))
    with Server(script) as server:
        route_to(server.port)
        drain()

    found = states()
    assert found.pop("poison@x.example") == "waiting" and set(found.values()) == {"delivered"}
    poison = Mail.objects.get(email="poison@x.example")
    assert poison.tries == 1 and poison.due_at > timezone.now() + timedelta(minutes=3)


def test_an_unreachable_router_rests_and_its_mails_lose_no_try(spool, route_to):
    with Server() as closed:
        port = closed.port
    route_to(port)
    spool("a@x.example")

    drain(until=lambda: Shape.objects.filter(faults__gt=0).exists())

    mail = Mail.objects.get()
    assert (mail.state, mail.tries, mail.give_up_at) == ("waiting", 0, None)
    shape = Shape.objects.get()
    assert shape.deferred_until > timezone.now() and "refused" in shape.last_fault


def test_a_router_that_answers_again_is_used_again(spool, route_to):
    with Server() as server:
        router = route_to(server.port)
        Shape.objects.create(
            router=router, provider="*", faults=2, deferred_until=timezone.now() - timedelta(seconds=1)
        )
        spool("a@x.example")
        drain()

    assert states() == {"a@x.example": "delivered"}
    assert (Shape.objects.get().faults, Shape.objects.get().deferred_until) == (0, None)


def test_results_that_the_database_refuses_end_the_drain_and_are_rescued(spool, server, monkeypatch):
    """Refused is not away: to try again for ever would hold the lane up."""

    def refuse(self, returns):
        raise DataError("a value that no column takes")

    spool("a@x.example")
    with monkeypatch.context() as refusing:
        refusing.setattr(Settler, "_settle", refuse)
        refusing.setattr(threading, "excepthook", lambda args: None)
        with pytest.raises(RuntimeError):
            drain(until=lambda: False, seconds=5)
    assert states() == {"a@x.example": "sending"}

    salvage.rescue_host(hosts.new_worker(), now=timezone.now())

    assert states() == {"a@x.example": "delivered"} and len(server.accepted) == 1


def test_a_router_that_rested_in_this_drain_recovers_in_it(spool, route_to):
    script = Script(stages={"connect": [cut(), cut(), cut()]})
    spool("a@x.example")
    with Server(script) as server:
        route_to(server.port)
        drain(until=lambda: Mail.objects.filter(state="delivered").exists())

    assert states() == {"a@x.example": "delivered"}
    assert (Shape.objects.get().faults, Shape.objects.get().deferred_until) == (0, None)


def test_a_routers_rate_is_kept(spool, route_to):
    with Server() as server:
        route_to(server.port, mails_per_minute=60)
        spool(*(f"{n}@x.example" for n in range(20)))
        drain(until=lambda: False, seconds=3.0)

    assert 2 <= len(server.accepted) <= 7


def test_a_routers_connections_are_kept(spool, route_to):
    with Server(delay=0.01) as server:
        route_to(server.port, max_connections=2)
        spool(*(f"{n}@x.example" for n in range(30)))
        drain()

    assert server.most_connections <= 2 and len(server.accepted) == 30


def test_a_server_that_keeps_its_reply_back_does_not_hold_up_the_mail_of_others(
    account, other_account, spool, route_to
):
    slow_tries = []
    with Server(Script(stages={"body": stall(8)})) as slow, Server() as quick:
        route_to(slow.port)
        Router.objects.create(
            account=other_account, name="own", host="127.0.0.1", port=quick.port, tls="none", default=True
        )
        spool("slow@x.example")
        spool("quick@x.example", of=other_account)

        def arrived():
            if quick.accepted and not slow_tries:
                slow_tries.append(Mail.objects.get(email="slow@x.example").tries)
            return bool(quick.accepted)

        drain(until=arrived)

    assert slow_tries == [0]
    assert quick.recipients() == ["quick@x.example"]


def test_an_accounts_own_router_gets_its_connections_though_the_lane_was_claimed_for_another(
    account, spool, route_to
):
    with Server() as default, Server(delay=0.05) as own:
        route_to(default.port)
        Router.objects.create(
            account=account, name="own", host="127.0.0.1", port=own.port, tls="none", default=True
        )
        spool(*(f"{n}@x.example" for n in range(40)))
        drain()

    assert len(own.accepted) == 40 and own.most_connections > 1


def test_a_stalled_default_router_does_not_hold_up_the_mail_of_accounts_with_their_own(
    account, other_account, spool, route_to, settings
):
    settings.DELIVERY_BATCH = 5
    with Server(Script(stages={"connect": stall(60)})) as stalled, Server() as own:
        route_to(stalled.port)
        Router.objects.create(
            account=other_account, name="own", host="127.0.0.1", port=own.port, tls="none", default=True
        )
        spool(*(f"{n}@x.example" for n in range(30)))
        spool("quick@x.example", of=other_account)
        drain(until=lambda: bool(own.accepted), seconds=40)

    assert own.recipients() == ["quick@x.example"]


def test_a_drain_past_its_lease_sends_nothing(spool, server):
    spool("a@x.example")
    overtaken = Drain("transactional", seconds=3)
    overtaken._supply.renew = lambda: None

    overtaken.run()

    assert not server.accepted
    assert states() == {"a@x.example": "sending"}
    salvage.rescue_host(hosts.new_worker(), now=timezone.now())
    assert states() == {"a@x.example": "waiting"}


def test_a_lease_that_ended_is_never_renewed(spool, server):
    """A worker that was stopped wakes in all its threads at once: the one that renews may be the first to run."""
    overtaken = Drain("transactional", seconds=3)
    overtaken._supply.renew()
    overtaken._supply.leased_until = time.clock_gettime(time.CLOCK_BOOTTIME) - 1
    overtaken._supply.renew()
    spool("a@x.example")

    overtaken.run()

    assert not server.accepted


def test_a_journal_that_cannot_be_written_stops_sending_and_loses_nothing(spool, server):
    spool("a@x.example", "b@x.example")
    full = Drain("transactional", seconds=3)
    os.dup2(os.open("/dev/full", os.O_WRONLY), full._journal._fd)

    full.run()

    assert not server.accepted
    assert set(states().values()) == {"waiting"} and not Claim.objects.exists()
    drain()
    assert set(states().values()) == {"delivered"} and len(server.accepted) == 2


def test_replies_to_what_left_before_the_journal_filled_up_are_settled(spool, route_to, settings):
    settings.DELIVERY_CONNECTIONS = 1
    spool("a@x.example", "b@x.example")
    with Server(Script(stages={"body": stall(0.5, "250 2.0.0 ok")})) as server:
        route_to(server.port)
        full = Drain("transactional", seconds=3)
        append = full._journal.append

        def once(begun, answered):
            append(begun, answered)
            os.dup2(os.open("/dev/full", os.O_WRONLY), full._journal._fd)

        full._journal.append = once
        full.run()

    assert server.recipients() == ["a@x.example"]
    assert states() == {"a@x.example": "delivered", "b@x.example": "waiting"}


def test_a_claim_whose_answer_was_cut_off_waits_again(spool, server, monkeypatch):
    """The database committed the claim and its restart kept the answer from us: no part of it went out."""
    spool("a@x.example")
    claim = claims.claim

    def cut_off(order, *, now):
        monkeypatch.setattr(claims, "claim", claim)
        claim(order, now=now)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(claims, "claim", cut_off)
    drain(until=lambda: Claim.objects.exists())
    assert states() == {"a@x.example": "sending"}
    salvage.rescue_host(hosts.new_worker(), now=timezone.now())

    assert states() == {"a@x.example": "waiting"}
    drain()
    assert states() == {"a@x.example": "delivered"}


def test_a_settlement_that_fails_behind_its_commit_still_ends_its_claim(spool, server, monkeypatch):
    spool("a@x.example")
    note, failures = Settler._note_answers, [OperationalError("gone")]

    def fail_once(self, destination, returns):
        if failures:
            raise failures.pop()
        note(self, destination, returns)

    monkeypatch.setattr(Settler, "_note_answers", fail_once)
    failing = Drain("transactional", seconds=30, stop=lambda: not undone())

    failing.run()

    assert states() == {"a@x.example": "delivered"} and not failures
    assert not Claim.objects.exists() and not failing._journal.path.exists()


def test_mails_of_a_domain_that_was_removed_are_held_and_the_lane_goes_on(account, spool, server):
    domain = domains.add(account, name="sender.example", now=timezone.now())
    spool("held@x.example", domain_id=domain.pk)
    domain.delete()
    spool("good@x.example")

    drain()

    assert states() == {"held@x.example": "quarantined", "good@x.example": "delivered"}


def test_mail_is_signed_by_its_domains_keys_and_returns_to_its_return_path_host(account, spool, server):
    domain = domains.add(account, name="sender.example", now=timezone.now())
    for algorithm, selector in (("rsa-sha256", "r1"), ("ed25519-sha256", "e1")):
        domains.make_key(domain, algorithm=algorithm, selector=selector, now=timezone.now())
    Domain.objects.update(return_path_host="bounces.sender.example")
    spool("a@x.example", domain_id=domain.pk)

    drain()

    (message,) = server.accepted
    records = {
        f"{key.selector}._domainkey.sender.example.": key.public_record for key in domain.dkim_keys.all()
    }
    verifier = dkim.DKIM(message.data)
    for number in (0, 1):
        assert verifier.verify(number, dnsfunc=lambda name, **_: records[name.decode()].encode())
    assert message.sender.endswith("@bounces.sender.example")


def test_a_router_whose_password_cannot_be_opened_is_out_of_use_and_the_others_go_on(
    other_account, spool, server
):
    Router.objects.create(
        account=other_account, name="sealed", host="127.0.0.1", password_sealed="lost", default=True
    )
    spool("a@x.example")

    drain()

    assert server.recipients() == ["a@x.example"]


def test_mail_without_any_router_waits(spool, route_to):
    route_to(9, disabled=True)
    spool("a@x.example")

    drain(until=lambda: False, seconds=0.5)

    assert states() == {"a@x.example": "waiting"}


def test_a_drain_gives_signs_of_life(server):
    drain(until=lambda: Heartbeat.objects.exists())

    assert heartbeats.silent_seconds(now=Heartbeat.objects.get().at) == {
        "transactional": 0,
        "bulk": None,
        "control": None,
    }


def test_many_mails_each_with_its_own_content_all_leave(account, spool, server, settings, monkeypatch):
    settings.DELIVERY_BATCH = 10
    monkeypatch.setattr(letters, "MOST_CONTENTS", 3)
    for number in range(60):
        spool(
            f"{number}@x.example", content=intake.NewContent(from_email="a@x.example", text=f"text {number}")
        )

    drain()

    assert set(states().values()) == {"delivered"} and len(server.accepted) == 60
