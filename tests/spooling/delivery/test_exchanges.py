import random
import socket

from hypothesis import given
from hypothesis import strategies as st

from spooling.delivery import exchanges
from spooling.delivery.exchanges import Exchange, Policy

PUBLIC = "8.8.8.8"
STRICT = Policy(own_names=frozenset({"out.sender.example"}), allow_private=False)
preferences = st.integers(0, 65_535)
addresses = st.sampled_from([PUBLIC, "1.1.1.1", "2606:4700::1111", "10.0.0.1", "127.0.0.1", "::1", "fe80::1"])
hosts = st.sampled_from([f"mx{number}.x.example" for number in range(6)] + ["out.sender.example"])
records = st.builds(
    Exchange,
    preference=preferences,
    host=hosts,
    addresses=st.lists(addresses, max_size=4, unique=True).map(tuple),
)
lists = st.lists(records, max_size=8)


def exchange(preference, host, *found):
    return Exchange(preference=preference, host=host, addresses=found or (PUBLIC,))


@given(lists, st.randoms(use_true_random=False))
def test_exchanges_are_tried_by_preference_and_each_once(found, dice):
    tried = exchanges.ordered(found, dice)

    assert [each.preference for each in tried] == sorted(each.preference for each in found)
    assert sorted(map(repr, tried)) == sorted(map(repr, found))


@given(lists)
def test_nothing_is_reached_in_a_private_network_nor_behind_this_server(found):
    reachable = exchanges.reachable(found, STRICT)

    if isinstance(reachable, exchanges.Unroutable):
        return
    own = min((each.preference for each in found if each.host in STRICT.own_names), default=65_536)
    assert reachable and all(each.preference < own for each in reachable)
    named = {address for each in reachable for address in each.addresses}
    assert named <= {PUBLIC, "1.1.1.1", "2606:4700::1111"}
    assert all(each.addresses for each in reachable)


@given(
    st.permutations([exchange(10, "a.x.example"), exchange(10, "b.x.example"), exchange(20, "c.x.example")])
)
def test_the_name_of_a_site_does_not_depend_on_the_order_of_an_answer(found):
    assert exchanges.name_of(found) == "a.x.example b.x.example c.x.example"


def test_those_of_one_preference_change_places():
    found = [exchange(10, "a.x.example"), exchange(10, "b.x.example")]
    first = {exchanges.ordered(found, random.Random(seed))[0].host for seed in range(20)}

    assert first == {"a.x.example", "b.x.example"}


def test_a_long_name_of_a_site_is_cut_and_still_its_own():
    many = [exchange(10, f"{'x' * 40}{number}.example") for number in range(20)]

    assert len(exchanges.name_of(many)) <= 253
    assert exchanges.name_of(many) != exchanges.name_of(many[:-1])


def test_what_comes_back_to_this_server_is_a_loop():
    found = [exchange(10, "out.sender.example"), exchange(20, "backup.x.example")]

    assert exchanges.reachable(found, STRICT) is exchanges.LOOP
    assert exchanges.reachable([*found, exchange(5, "mx.x.example")], STRICT) == (
        exchange(5, "mx.x.example"),
    )


def test_private_addresses_may_be_allowed():
    found = [exchange(10, "mx.x.example", "10.0.0.1", "::ffff:10.0.0.2")]

    assert exchanges.reachable(found, STRICT) is exchanges.PRIVATE
    assert exchanges.reachable(found, Policy(own_names=frozenset(), allow_private=True)) == tuple(found)


def test_hosts_that_broke_of_late_are_tried_last():
    broken = {"8.8.8.8"}
    route = exchanges.Route(
        [exchange(10, "a.x.example", PUBLIC, "2606:4700::1111"), exchange(20, "b.x.example", "1.1.1.1")],
        2525,
        is_broken=broken.__contains__,
        note_broken=broken.add,
    )

    first, second, last = route.endpoints()
    assert [first.address, second.address[0], last.address[0]] == [
        ("2606:4700::1111", 2525, 0, 0),
        "1.1.1.1",
        PUBLIC,
    ]
    assert (first.family, second.family, second.host) == (socket.AF_INET6, socket.AF_INET, "b.x.example")
    route.broke(second)
    assert route.endpoints()[1].address[0] == PUBLIC
