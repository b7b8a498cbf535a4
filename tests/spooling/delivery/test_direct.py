"""Mail sent to the recipients' own servers: a real name server, and SMTP servers on addresses of their own."""

import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig.models import Domain
from spooling import ledger, routers, warm_ups
from spooling.campaigns import explanations
from spooling.delivery import dispatch, mx, shaping
from spooling.delivery.drain import Drain
from spooling.models import ConnectionSlot, Mail, ProviderLimit, Router, Shape, Suppression, WarmUpDay
from tests import dns_server
from tests.smtp_scripts import Script, cut, say, stall
from tests.smtp_servers import Server

pytestmark = pytest.mark.django_db(transaction=True)


class World:
    """Servers by the last number of their address, all on one port, and a zone that names them."""

    def __init__(self, zone, stack):
        self.zone, self._stack = zone, stack
        self.port = 0
        self.servers = {}

    def serve(self, number, script=None):
        server = self._stack.enter_context(Server(script, host=f"127.0.0.{number}", port=self.port))
        self.port, self.servers[number] = server.port, server
        self.zone.publish(f"host{number}.example", "A", f"127.0.0.{number}")
        return server

    def publish(self, domain, *numbers):
        """The domain's exchanges, in the order of their preference."""
        for number in numbers:
            self.zone.publish(f"host{number}.example", "A", f"127.0.0.{number}")
        values = [f"{10 * place} host{number}.example" for place, number in enumerate(numbers, 1)]
        self.zone.publish(domain, "MX", *values)

    def recipients(self, number):
        return sorted(self.servers[number].recipients())


@pytest.fixture
def world(settings):
    mx.forget()
    with dns_server.serving() as zone, ExitStack() as stack:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        yield World(zone, stack)
    mx.forget()


@pytest.fixture
def direct(world):
    """Call to make direct delivery the default, to the port of the servers."""

    def make(**fields):
        router = Router.objects.create(
            name="direct",
            kind="mx",
            default=True,
            **{"port": world.port or 1, "allow_private": True, "helo_name": "out.sender.example", **fields},
        )
        routers._table = None
        return router

    return make


def drain(lane="transactional", *, until=None, seconds=40.0):
    over_at = time.monotonic() + seconds
    done = until or (lambda: not undone())
    Drain(lane, seconds=seconds, stop=lambda: time.monotonic() > over_at or done()).run()
    assert until or not undone()


def undone():
    due = Mail.objects.filter(state="waiting", due_at__lte=timezone.now())
    return due.exists() or Mail.objects.filter(state="sending").exists()


def states():
    return dict(Mail.objects.values_list("email", "state"))


def test_each_mail_goes_to_the_servers_of_its_own_domain(account, spool, world, direct):
    world.serve(2)
    world.serve(3)
    world.publish("x.example", 2)
    world.zone.publish("y.example", "A", "127.0.0.3")
    direct()
    spool("a@x.example", "b@y.example", "c@X.Example")

    drain()

    assert world.recipients(2) == ["a@x.example", "c@X.Example"] and world.recipients(3) == ["b@y.example"]
    assert set(states().values()) == {"delivered"} and ledger.of_account(account.pk)["delivered"] == 3
    assert not ConnectionSlot.objects.exists()


def test_the_second_server_takes_it_where_the_first_does_not_answer(spool, world, direct):
    world.serve(3)
    world.publish("x.example", 2, 3)
    direct()
    spool("a@x.example")

    drain()

    assert states() == {"a@x.example": "delivered"} and world.recipients(3) == ["a@x.example"]
    assert mx.is_broken("127.0.0.2") and not Shape.objects.filter(faults__gt=0).exists()


@pytest.mark.parametrize(
    "script",
    [
        {"connect": say("421 4.3.2 too busy")},
        {"connect": say("554 5.3.2 no service here")},
        {"connect": cut()},
        {"ehlo": [say("421 4.3.2 not now")] * 9},
    ],
    ids=["busy", "no service", "hangs up", "refuses to talk"],
)
def test_the_second_server_takes_it_where_the_first_greets_badly(spool, world, direct, script):
    world.serve(2, Script(stages=script))
    world.serve(3)
    world.publish("x.example", 2, 3)
    direct()
    spool("a@x.example")

    drain()

    assert states() == {"a@x.example": "delivered"} and Mail.objects.get().tries == 1
    assert world.recipients(3) == ["a@x.example"] and world.servers[2].violations == []


def test_a_broken_server_is_remembered_for_a_while(spool, world, direct):
    first = world.serve(2, Script(stages={"connect": [say("421 4.3.2 too busy")]}))
    world.serve(3)
    world.publish("x.example", 2, 3)
    direct()
    for name in "ab":
        spool(f"{name}@x.example")
        drain()

    assert len(world.recipients(3)) == 2 and first.counts["connections"] == 1


def test_domains_that_take_no_mail_fail_for_good_and_are_suppressed(spool, world, direct):
    world.zone.publish("null.example", "MX", "0 .")
    direct()
    spool("a@gone.example", "b@null.example", "c@[192.0.2.1]")

    drain()

    assert set(states().values()) == {"failed"}
    said = dict(Mail.objects.values_list("email", "last_reply"))
    assert said["a@gone.example"].startswith("5.1.2 ") and said["b@null.example"].startswith("5.1.10 ")
    reasons = Suppression.objects.filter(address__in=["a@gone.example", "b@null.example"])
    assert [row.reason for row in reasons] == ["hard_bounce"] * 2


def test_a_private_address_is_refused_and_nobody_is_suppressed_for_it(spool, world, direct):
    server = world.serve(2)
    world.publish("x.example", 2)
    direct(allow_private=False)
    spool("a@x.example")

    drain()

    assert states() == {"a@x.example": "failed"} and Mail.objects.get().last_reply.startswith("5.4.4 ")
    assert server.counts["connections"] == 0 and not Suppression.objects.exists()


def test_mail_that_would_come_back_fails(spool, world, direct):
    world.serve(2)
    world.publish("x.example", 2)
    direct(helo_name="HOST2.example")
    spool("a@x.example")

    drain()

    assert states() == {"a@x.example": "failed"} and Mail.objects.get().last_reply.startswith("5.4.6 ")


def test_without_an_answer_of_the_name_servers_mail_is_tried_later(spool, world, direct):
    world.zone.failing.add("x.example")
    direct()
    spool("a@x.example")

    drain()

    mail = Mail.objects.get()
    assert (mail.state, mail.last_code, mail.tries) == ("waiting", 451, 1)
    assert mail.due_at > timezone.now() + timedelta(minutes=3) and mail.give_up_at is not None


def test_a_domain_that_cannot_be_reached_rests_alone_and_its_mail_has_an_end(spool, world, direct):
    world.serve(3)
    world.publish("dead.example", 2)
    world.publish("x.example", 3)
    router = direct()
    spool("a@dead.example", "b@dead.example", "c@x.example")

    drain()

    assert states() == {"a@dead.example": "waiting", "b@dead.example": "waiting", "c@x.example": "delivered"}
    shape = Shape.objects.get(router=router, provider="host2.example")
    assert shape.deferred_until > timezone.now() and shape.last_fault.startswith("connect: ")
    assert set(Mail.objects.filter(state="waiting").values_list("tries", "last_code")) == {(1, 0)}
    # While it rests nobody connects, and the time to give up runs.
    spool("d@dead.example")
    Shape.objects.update(deferred_until=timezone.now() + timedelta(minutes=4))
    routers._table = None
    drain()
    later = Mail.objects.get(email="d@dead.example")
    assert (later.state, later.tries) == ("waiting", 0) and later.give_up_at is not None
    assert later.due_at > timezone.now() + timedelta(minutes=3)
    why = explanations.of_mail(later, now=timezone.now()).reasons[0]
    assert (why.code, why.at) == ("site_rests", later.due_at)


def test_mail_that_waited_too_long_for_its_servers_fails(spool, world, direct):
    world.publish("dead.example", 2)
    router = direct()
    Shape.objects.create(
        router=router,
        provider="host2.example",
        deferred_until=timezone.now() + timedelta(minutes=4),
        faults=9,
    )
    spool("a@dead.example")
    Mail.objects.update(give_up_at=timezone.now() + timedelta(minutes=1))

    drain()

    assert states() == {"a@dead.example": "failed"} and not Suppression.objects.exists()


def test_a_domain_that_answers_again_is_recovered(spool, world, direct):
    world.serve(2)
    world.publish("x.example", 2)
    router = direct()
    past = timezone.now() - timedelta(seconds=1)
    Shape.objects.create(router=router, provider="host2.example", deferred_until=past, faults=3)
    spool("a@x.example")

    drain()

    shape = Shape.objects.get(provider="host2.example")
    assert (shape.faults, shape.deferred_until) == (0, None)


def test_a_server_that_stalls_does_not_hold_up_other_domains(spool, world, direct, settings):
    settings.DELIVERY_BATCH = 20
    world.serve(2, Script(stages={"connect": stall()}))
    world.serve(3)
    world.publish("slow.example", 2)
    world.publish("x.example", 3)
    direct()
    spool(*(f"{number}@slow.example" for number in range(60)))
    spool(*(f"{number}@x.example" for number in range(30)))

    def quick():
        return Mail.objects.filter(email__endswith="@x.example", state="delivered").count()

    drain(until=lambda: quick() == 30)

    assert quick() == 30


def test_many_domains_are_sent_to_within_the_bounds_of_the_router(spool, world, direct):
    server = world.serve(2)
    for number in range(120):
        world.zone.publish(f"d{number}.example", "MX", f"10 in.d{number}.example")
        world.zone.publish(f"in.d{number}.example", "A", "127.0.0.2")
    direct(max_connections=7)
    spool(*(f"a@d{number}.example" for number in range(120)))

    drain(seconds=60)

    assert len(server.recipients()) == 120 and server.most_connections <= 7
    assert not ConnectionSlot.objects.exists()


def test_domains_with_the_same_servers_share_connections(spool, world, direct):
    server = world.serve(2)
    for number in range(30):
        world.publish(f"d{number}.example", 2)
    router = direct()
    ProviderLimit.objects.create(router=router, provider="*", max_connections=1)
    spool(*(f"a@d{number}.example" for number in range(30)))

    drain()

    assert len(server.recipients()) == 30 and server.most_connections == 1


def test_a_provider_has_one_limit_over_its_servers(spool, world, direct):
    world.serve(2)
    world.serve(3)
    world.publish("outlook.com", 2)
    world.publish("hotmail.com", 3)
    router = direct()
    ProviderLimit.objects.create(router=router, provider="microsoft", max_connections=0)
    ProviderLimit.objects.create(router=router, provider="hotmail.com", max_connections=2)
    spool("a@outlook.com", "b@hotmail.com")

    drain()

    assert states() == {"a@outlook.com": "waiting", "b@hotmail.com": "delivered"}
    assert Mail.objects.get(email="a@outlook.com").tries == 0


def test_a_rate_of_a_domain_is_kept_and_the_rest_has_its_turn_later(spool, world, direct):
    server = world.serve(2)
    world.publish("x.example", 2)
    router = direct()
    ProviderLimit.objects.create(router=router, provider="x.example", mails_per_minute=60)
    Shape.objects.create(router=router, provider="x.example", allowance=2, refilled_at=timezone.now())
    spool(*(f"{number}@x.example" for number in range(20)))

    drain()

    assert 1 <= len(server.recipients()) <= 3
    turns = sorted(Mail.objects.filter(state="waiting").values_list("due_at", flat=True))
    assert len(turns) >= 17 and turns[-1] - turns[0] > timedelta(seconds=len(turns) - 2)
    assert not Mail.objects.filter(state="waiting", tries__gt=0).exists()


def test_a_rate_of_a_provider_is_kept_before_mail_is_claimed(spool, world, direct):
    server = world.serve(2)
    world.publish("gmail.com", 2)
    router = direct()
    ProviderLimit.objects.create(router=router, provider="gmail", mails_per_minute=1)
    Shape.objects.create(router=router, provider="gmail", allowance=1, refilled_at=timezone.now())
    spool(*(f"{number}@gmail.com" for number in range(5)))

    drain(until=lambda: len(server.recipients()) > 0)

    assert len(server.recipients()) == 1 and Counter(states().values())["waiting"] == 4


def test_more_mail_for_a_domain_than_its_line_takes_has_its_turn_later(spool, world, direct, monkeypatch):
    monkeypatch.setattr(dispatch, "MOST_WAITING", 5)
    server = world.serve(2)
    world.publish("x.example", 2)
    direct()
    spool(*(f"{number}@x.example" for number in range(12)))

    drain()

    assert len(server.recipients()) == 5 and Counter(states().values()) == {"delivered": 5, "waiting": 7}
    assert not Mail.objects.filter(state="waiting", due_at__lte=timezone.now()).exists()


def test_a_domain_that_refuses_much_is_slowed_alone(spool, world, direct):
    world.serve(2, Script(stages={"rcpt": say("451 4.7.1 slow down")}))
    world.serve(3)
    world.publish("x.example", 2)
    world.publish("y.example", 3)
    direct()
    spool(*(f"{number}@x.example" for number in range(8)), *(f"{number}@y.example" for number in range(8)))

    drain()

    assert dict(Shape.objects.values_list("provider", "pace")) == {"host2.example": 500}


def test_servers_that_change_are_followed_within_one_drain(spool, world, direct, monkeypatch):
    monkeypatch.setattr(mx, "SHORTEST_SECONDS", 0.0)
    monkeypatch.setattr(mx, "LONGEST_SECONDS", 0.0)
    world.serve(2)
    world.serve(3)
    world.zone.publish("x.example", "A", "127.0.0.2")
    direct()
    spool("a@x.example")

    def delivered():
        if world.servers[2].counts["quit"] and Mail.objects.count() == 1:
            world.zone.publish("x.example", "A", "127.0.0.3")
            spool("b@x.example")
        return Mail.objects.filter(state="delivered").count() == 2

    drain(until=delivered)

    assert world.recipients(2) == ["a@x.example"] and world.recipients(3) == ["b@x.example"]


def test_what_is_still_looked_up_when_a_drain_ends_goes_back(spool, world, direct):
    world.zone.silent.add("x.example")
    direct()
    spool("a@x.example")

    drain(until=lambda: bool(world.zone.asked))

    mail = Mail.objects.get()
    assert (mail.state, mail.tries, mail.claim_id) == ("waiting", 0, None)


@pytest.fixture
def warming(account):
    domain = Domain.objects.create(account=account, name="sender.example")
    terms = warm_ups.Terms(started_on=timezone.now().date(), first_day=3)
    warm_ups.plan(domain, terms)
    return domain


def test_what_is_over_the_plan_of_the_day_waits_for_tomorrow(spool, world, direct, warming):
    server = world.serve(2)
    world.publish("x.example", 2)
    world.publish("gmail.com", 2)
    direct()
    emails = [f"{number}@x.example" for number in range(5)] + [f"{number}@gmail.com" for number in range(2)]
    spool(*emails, domain_id=warming.pk)

    drain()

    assert Counter(email.rpartition("@")[2] for email in server.recipients()) == {
        "x.example": 3,
        "gmail.com": 2,
    }
    late = Mail.objects.filter(state="waiting")
    assert {(mail.tries, mail.due_at) for mail in late} == {(0, warm_ups.tomorrow(timezone.now()))}
    assert dict(WarmUpDay.objects.values_list("provider", "mails")) == {"other": 3, "gmail": 2}


def test_what_did_not_leave_is_given_back_to_the_plan(spool, world, direct, warming):
    world.publish("dead.example", 2)
    direct()
    spool("a@dead.example", "b@gone.example", domain_id=warming.pk)

    drain()

    assert WarmUpDay.objects.get().mails == 0


def test_a_smarthosts_mail_keeps_the_plan_too(spool, route_to, warming):
    with Server() as server:
        route_to(server.port)
        spool(*(f"{number}@x.example" for number in range(5)), domain_id=warming.pk)
        drain()

    assert len(server.recipients()) == 3


def test_direct_delivery_may_be_the_default_of_the_installation(settings):
    settings.SMTP_URL = "mx://"
    routers._table = None

    destination = routers.table().choose(1, "gmail")

    assert destination.direct and (destination.port, destination.tls) == (25, "opportunistic")
    assert not destination.allow_private and destination.max_connections == routers.DIRECT_CONNECTIONS


def test_parts_of_a_router_that_are_quiet_for_long_are_forgotten(direct):
    router, now = direct(), timezone.now()
    for provider, age in (("old.example", 9), ("new.example", 1), ("*", 9)):
        Shape.objects.create(router=router, provider=provider, refilled_at=now - timedelta(days=age))

    assert shaping.prune(now=now) == 1
    assert set(Shape.objects.values_list("provider", flat=True)) == {"new.example", "*"}
