"""Which servers a domain names, asked of a real name server on loopback."""

import threading

import pytest

from spooling.delivery import exchanges, mx
from tests import dns_server


@pytest.fixture
def zone(settings):
    mx.forget()
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        yield zone
    mx.forget()


def servers(domain):
    return mx.look_up(domain).servers


def hosts(domain):
    return [(each.preference, each.host, each.addresses) for each in servers(domain)]


def test_the_exchanges_of_a_domain_with_their_addresses(zone):
    zone.publish("x.example", "MX", "20 mx2.x.example", "10 mx1.x.example")
    zone.publish("mx1.x.example", "A", "192.0.2.1")
    zone.publish("mx1.x.example", "AAAA", "2001:db8::1")
    zone.publish("mx2.x.example", "A", "192.0.2.3")

    assert hosts("x.example") == [
        (10, "mx1.x.example", ("192.0.2.1", "2001:db8::1")),
        (20, "mx2.x.example", ("192.0.2.3",)),
    ]


def test_a_domain_without_exchanges_is_its_own_server(zone):
    zone.publish("x.example", "AAAA", "2001:db8::1")

    assert hosts("x.example") == [(0, "x.example", ("2001:db8::1",))]


def test_a_domain_that_takes_no_mail_says_so(zone):
    zone.publish("x.example", "MX", "0 .")
    zone.publish("x.example", "A", "192.0.2.1")

    assert servers("x.example") is exchanges.NULL_MX


def test_a_domain_that_does_not_exist_is_no_way_out(zone):
    assert servers("gone.example") is exchanges.NO_SUCH_DOMAIN


def test_exchanges_without_any_address_are_no_way_out(zone):
    zone.publish("x.example", "MX", "10 gone.x.example")

    assert servers("x.example") is exchanges.NO_ADDRESS


@pytest.mark.parametrize("name", ["x.example", "mx.x.example"])
@pytest.mark.parametrize("how", ["failing", "silent"])
def test_without_an_answer_nothing_is_decided_for_good(zone, name, how, monkeypatch):
    monkeypatch.setattr(mx, "QUESTION_SECONDS", 0.6)
    zone.publish("x.example", "MX", "10 mx.x.example")
    zone.publish("mx.x.example", "A", "192.0.2.1")
    getattr(zone, how).add(name)

    assert servers("x.example") is exchanges.UNANSWERED and exchanges.UNANSWERED.code == 451


def test_one_host_that_goes_unanswered_leaves_the_others(zone):
    zone.publish("x.example", "MX", "10 mx1.x.example", "20 mx2.x.example")
    zone.publish("mx2.x.example", "A", "192.0.2.2")
    zone.failing.add("mx1.x.example")

    assert hosts("x.example") == [(10, "mx1.x.example", ()), (20, "mx2.x.example", ("192.0.2.2",))]


@pytest.mark.parametrize("chases", [True, False])
def test_aliases_are_followed(zone, chases):
    zone.chases = chases
    zone.publish("alias.example", "CNAME", "x.example")
    zone.publish("x.example", "MX", "10 mx.x.example")
    zone.publish("mx.x.example", "CNAME", "host.example")
    zone.publish("host.example", "A", "192.0.2.1")

    assert hosts("alias.example") == [(10, "mx.x.example", ("192.0.2.1",))]


def test_aliases_in_a_circle_are_not_followed_for_ever(zone):
    zone.publish("a.example", "CNAME", "b.example")
    zone.publish("b.example", "CNAME", "a.example")

    assert servers("a.example") is exchanges.UNANSWERED


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "192.0.2.1", "localhost", "x..example", "x" * 300, ""])
def test_what_is_no_domain_is_asked_of_nobody(zone, domain):
    assert servers(domain) is exchanges.NO_DOMAIN_NAME and zone.asked == []


def test_an_answer_is_remembered_also_that_there_is_none(zone):
    zone.publish("x.example", "A", "192.0.2.1")
    for domain in ("x.example", "gone.example"):
        found = find(domain)
        before = len(zone.asked)
        assert find(domain).servers == found.servers and len(zone.asked) == before


def test_what_is_remembered_ends(zone, monkeypatch):
    monkeypatch.setattr(mx, "SHORTEST_SECONDS", 0.0)
    monkeypatch.setattr(mx, "LONGEST_NEGATIVE_SECONDS", 0.0)
    assert find("x.example").servers is exchanges.NO_SUCH_DOMAIN
    zone.publish("x.example", "A", "192.0.2.1")

    assert find("x.example").servers[0].addresses == ("192.0.2.1",)


def test_so_many_names_are_remembered_and_no_more():
    memory = mx.Memory(most=3)
    for number in range(10):
        memory.keep(str(number), number, 60.0)

    assert memory.get("6") is None and [memory.get(str(number))[0] for number in (7, 8, 9)] == [7, 8, 9]


def find(domain):
    """As the supply asks: at once, or after it was told."""
    told = threading.Event()
    lookups = mx.Lookups(told.set)
    try:
        answer = lookups.find(domain)
        while answer is None:
            assert told.wait(10)
            answer = lookups.find(domain)
        return answer
    finally:
        lookups.close()
