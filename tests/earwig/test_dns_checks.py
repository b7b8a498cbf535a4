import time
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from earwig import checks, dns_checks, dns_looks, dns_records, domains, errors, resolving, spf, tasks
from earwig.dns_looks import State
from earwig.models import Domain
from tests import dns_server

NOW = timezone.now()
HERE = "192.0.2.25"
TERMS = [
    *("include:a", "redirect=a", "a/24", "a//64", "mx/24//64", "mx:", "ip4:", "ip4:1.2.3.4/33", "ip6:::/0"),
    *("-all", "+all", "+", "-", "?a:b/x", "exists:%{i}", "a=b:c", "include:%{d}", "include:", ":", "=", "/"),
]


@pytest.fixture
def zone(settings):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        settings.INBOUND_HOST = "mail.earwig.example"
        settings.TRACKING_URL = "https://click.earwig.example"
        settings.EARWIG_SPF_INCLUDE = ""
        zone.publish("mail.earwig.example", "A", HERE)
        zone.publish("click.earwig.example", "A", "192.0.2.80")
        yield zone


@pytest.fixture
def domain(account):
    domain = domains.add(account, name="acme.example", now=NOW)
    domains.make_key(domain, algorithm="rsa-sha256", selector="s1", now=NOW)
    hosts = {"return_path_host": "bounces.acme.example", "tracking_host": "click.acme.example"}
    Domain.objects.filter(pk=domain.pk).update(**hosts)
    domain.refresh_from_db()
    return domain


@pytest.fixture
def published(zone, domain):
    """The zone of an owner who did everything."""
    for record in dns_records.of(domain):
        zone.publish_record(record)
    zone.publish("acme.example", "MX", "10 mx.acme.example")
    return zone


def states(domain, seconds=5):
    return {name: finding.state for name, finding in dns_looks.look(domain, seconds=seconds).items()}


def seen(domain, check):
    finding = dns_looks.look(domain, seconds=5)[check]
    return finding.state, finding.found


def test_what_is_published_as_it_should_be_is_found(published, domain):
    assert set(states(domain)) == {"dkim:s1", "dmarc", "spf", "return_path", "tracking", "ownership", "mx"}
    assert set(states(domain).values()) == {"ok"}


def test_what_is_not_published_is_missing(zone, domain):
    assert set(states(domain).values()) == {"missing"}


def test_without_hosts_of_its_own_a_domain_publishes_for_itself(zone, account):
    domain = domains.add(account, name="acme.example", now=NOW)
    assert not dns_looks.look(domain, seconds=5)["spf"].needed
    names = {record.check: record.name for record in dns_records.of(domain)}
    assert names == {
        "dmarc": "_dmarc.acme.example",
        "spf": "acme.example",
        "ownership": "_earwig.acme.example",
    }


def test_everything_at_a_name_that_exists_without_the_type_is_missing(zone, domain):
    for record in dns_records.of(domain):
        zone.publish(record.name, "HINFO", "a b")
    assert set(states(domain).values()) == {"missing"}


def test_a_failing_server_is_a_state(published, domain):
    published.failing |= {"_dmarc.acme.example", "acme.example"}
    found = states(domain)
    assert found.pop("dmarc") == found.pop("mx") == "unreachable"
    assert set(found.values()) == {"ok"}


def test_a_silent_server_costs_no_more_than_the_domains_time(published, domain):
    published.deaf = True
    began = time.monotonic()
    found = dns_looks.look(domain, seconds=2)
    assert time.monotonic() - began < 4
    assert {finding.state for finding in found.values()} == {"unreachable"}


def test_one_silent_name_leaves_time_for_the_others(published, domain):
    published.silent.add("s1._domainkey.acme.example")
    found = states(domain)
    assert found.pop("dkim:s1") == "unreachable"
    assert set(found.values()) == {"ok"}


def test_no_server_at_all_is_a_state(domain, settings):
    settings.EARWIG_DNS_SERVERS = ["127.0.0.1:9"]
    assert set(states(domain, seconds=0.5).values()) == {"unreachable"}


def test_an_answer_too_long_for_udp_comes_by_tcp(published, domain):
    published.truncated.add("s1._domainkey.acme.example")
    assert states(domain)["dkim:s1"] == "ok"
    asked = [transport for name, _, transport in published.asked if name == "s1._domainkey.acme.example"]
    assert asked == ["udp", "tcp"]


@pytest.mark.parametrize("chases", [True, False])
def test_aliases_are_followed_by_the_server_or_by_us(published, domain, chases):
    published.chases = chases
    for check, alias in (("dkim:s1", "s1._domainkey.acme.example"), ("dmarc", "_dmarc.acme.example")):
        record = next(record for record in dns_records.of(domain) if record.check == check)
        published.withdraw(alias, "TXT")
        published.publish(alias, "CNAME", f"{check[:4]}.first.example")
        published.publish(f"{check[:4]}.first.example", "CNAME", f"{check[:4]}.second.example")
        published.publish(f"{check[:4]}.second.example", "TXT", record.value)
    published.publish("click.acme.example", "CNAME", "also.earwig.example")
    published.publish("also.earwig.example", "CNAME", "click.earwig.example")
    assert set(states(domain).values()) == {"ok"}


def test_aliases_in_a_circle_are_no_answer(published, domain):
    published.publish("click.acme.example", "CNAME", "a.example")
    published.publish("a.example", "CNAME", "click.acme.example")
    assert states(domain)["tracking"] == "unreachable"


def test_an_alias_of_nothing_is_missing(published, domain):
    published.publish("click.acme.example", "CNAME", "gone.example")
    assert seen(domain, "tracking") == ("missing", "gone.example")


def test_a_host_with_our_addresses_tracks_too_and_one_with_others_does_not(published, domain):
    published.withdraw("click.acme.example", "CNAME")
    published.publish("click.acme.example", "A", "192.0.2.80")
    assert states(domain)["tracking"] == "ok"
    published.publish("click.acme.example", "A", "192.0.2.80", "192.0.2.81")
    assert seen(domain, "tracking") == ("wrong", "192.0.2.80, 192.0.2.81")


def test_an_installation_without_a_name_is_pointed_to_by_address(zone, domain, settings):
    settings.TRACKING_URL = "http://192.0.2.80:8000"
    (record,) = [record for record in dns_records.of(domain) if record.check == "tracking"]
    assert record.zone_line() == "click.acme.example. A 192.0.2.80"
    zone.publish_record(record)
    assert states(domain)["tracking"] == "ok"


# -- DKIM


def test_blanks_and_split_strings_do_not_matter_in_a_key(published, domain):
    key = domain.dkim_keys.get().public_record
    published.publish("s1._domainkey.acme.example", "TXT", key.replace("; ", ";").replace("p=", "p= ") + " ;")
    assert states(domain)["dkim:s1"] == "ok"


def test_another_key_or_two_are_wrong(published, domain):
    key = domain.dkim_keys.get().public_record
    published.publish("s1._domainkey.acme.example", "TXT", key[:-4] + "AAAA")
    assert seen(domain, "dkim:s1") == ("wrong", (key[:-4] + "AAAA")[:500])
    published.publish("s1._domainkey.acme.example", "TXT", key, "v=DKIM1; p=")
    assert states(domain)["dkim:s1"] == "wrong"


def test_a_key_that_waits_is_needed_and_one_that_was_replaced_is_not(published, domain):
    second = domains.make_key(domain, algorithm="rsa-sha256", selector="s2", now=NOW)
    assert not dns_checks.is_fine(dns_looks.look(domain, seconds=5))
    domains.rotate_key(second)
    published.publish("s2._domainkey.acme.example", "TXT", second.public_record)
    published.withdraw("s1._domainkey.acme.example", "TXT")
    found = dns_looks.look(domain, seconds=5)
    assert (found["dkim:s1"].state, found["dkim:s1"].needed) == ("missing", False)
    assert "signs no more" in found["dkim:s1"].sentence
    assert dns_checks.is_fine(found)


# -- DMARC


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        (["v=DMARC1; p=reject; rua=mailto:a@b.example"], "ok"),
        (["V=dmarc1;p = none"], "ok"),
        (["v=DMARC1"], "wrong"),
        (["v=DMARC1; p=perhaps"], "wrong"),
        (["v=DMARC1; p=none; nonsense"], "wrong"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "wrong"),
        (["hello", "v=DMARC1; p=none"], "ok"),
        (["hello"], "missing"),
    ],
)
def test_a_policy_is_there_once_and_can_be_read(published, domain, texts, state):
    published.publish("_dmarc.acme.example", "TXT", *texts)
    assert states(domain)["dmarc"] == state


def test_a_policy_above_the_domain_holds_for_it(zone, account):
    domain = domains.add(account, name="news.acme.example", now=NOW)
    zone.publish("_dmarc.acme.example", "TXT", "v=DMARC1; p=none")
    assert states(domain)["dmarc"] == "ok"
    assert ("_dmarc.example", "TXT", "udp") not in zone.asked


# -- SPF


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        (["v=spf1 ip4:192.0.2.0/24 -all"], "ok"),
        (["v=spf1 A:Mail.Earwig.Example. -all"], "ok"),
        (["hello", "v=spf1 +ip4:192.0.2.25"], "ok"),
        (["v=spf1 include:inner.example ~all"], "ok"),
        (["v=spf1 mx:mxed.example -all"], "ok"),
        (["v=spf1 a/24 exp=why.example foo=bar:baz -all"], "ok"),
        (["v=spf1 redirect=inner.example"], "ok"),
        (["v=spf1 ip4:198.51.100.1 -all"], "wrong"),
        (["v=spf1 -ip4:192.0.2.25 ?all"], "wrong"),
        (["v=spf1 -include:inner.example -all"], "wrong"),
        (["v=spf1 -all ip4:192.0.2.25"], "wrong"),
        (["v=spf1 -all redirect=inner.example"], "wrong"),
        (["v=spf1 ip4:192.0.2.25 +all"], "wrong"),
        (["v=spf1 ip4:192.0.2.25 nonsense"], "wrong"),
        (["v=spf1 ip4:192.0.2.25/99"], "wrong"),
        (["v=spf1 ip4:192.0.2.25 include:none.example"], "wrong"),
        (["v=spf1 ip4:192.0.2.25", "v=spf1 -all"], "wrong"),
        (["v=spf1 ip4:192.0.2.25 include:loop.example -all"], "wrong"),
        (["v=spf1 ip4:192.0.2.25" + " a:none.example" * 11], "wrong"),
        (["v=spf1 ip4:192.0.2.25" + " exists:%{i}.none.example" * 10], "ok"),
        (["v=spf1"], "wrong"),
        (["v=spf10 ip4:192.0.2.25"], "missing"),
    ],
)
def test_the_policy_for_senders_lets_us_send(published, domain, texts, state):
    published.publish("bounces.acme.example", "TXT", *texts)
    published.publish("bounces.acme.example", "A", "192.0.2.1")
    published.publish("inner.example", "TXT", "v=spf1 ip4:192.0.2.25 -all")
    published.publish("loop.example", "TXT", "v=spf1 include:loop.example -all")
    published.publish("mxed.example", "MX", "10 mail.earwig.example")
    assert states(domain)["spf"] == state


def test_every_address_of_ours_must_be_let(published, domain):
    published.publish("mail.earwig.example", "AAAA", "2001:db8::25")
    published.publish("bounces.acme.example", "TXT", "v=spf1 ip4:192.0.2.25 -all")
    assert states(domain)["spf"] == "wrong"
    published.publish("bounces.acme.example", "TXT", "v=spf1 ip4:192.0.2.25 ip6:2001:db8::/32 -all")
    assert states(domain)["spf"] == "ok"


def test_the_record_that_lists_our_servers_is_to_be_included(published, domain, settings):
    settings.EARWIG_SPF_INCLUDE = "spf.earwig.example"
    published.publish("spf.earwig.example", "TXT", "v=spf1 ip4:198.51.100.0/24 -all")
    published.publish("bounces.acme.example", "TXT", "v=spf1 a:other.example -all")
    found = dns_looks.look(domain, seconds=5)["spf"]
    assert (found.state, found.expected) == ("wrong", "v=spf1 include:spf.earwig.example ~all")
    published.publish("bounces.acme.example", "TXT", found.expected)
    assert states(domain)["spf"] == "ok"


def test_evaluating_a_hostile_policy_ends():
    class Endless:
        asked = 0

        def texts(self, name):
            self.asked += 1
            return [f"v=spf1 include:{self.asked}.example include:x{self.asked}.example"]

    lookups = Endless()
    assert "more than 10" in spf.read(lookups, "a.example").problem
    assert lookups.asked == 11


@settings_of_hypothesis(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=40) | st.sampled_from(TERMS), max_size=8))
def test_whatever_a_policy_says_it_is_read(terms):
    class Any:
        def texts(self, name):
            return ["v=spf1 " + " ".join(terms)]

        def addresses(self, name):
            return {HERE, "2001:db8::1"}

        def exchanges(self, name):
            return [name, ""]

    assert spf.read(Any(), "a.example").lookups <= spf.MOST_LOOKUPS + 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a..b", "\\", "\\400", "a" * 64, "a." * 200, "\x00", "\ud800", "é" * 70]
)
def test_what_is_no_name_has_no_records(zone, name):
    resolver = resolving.Resolver([zone.address], seconds=5)
    assert resolver.texts(name) == [] and resolver.exchanges(name) == []


# -- mail to the domain


def test_a_domain_that_takes_no_mail_is_wrong(published, domain):
    published.publish("acme.example", "MX", "0 .")
    assert states(domain)["mx"] == "wrong"


@pytest.mark.parametrize(
    ("type", "value", "state"),
    [
        ("MX", "5 Mail.Earwig.Example", "ok"),
        ("MX", "5 mx.acme.example", "wrong"),
        ("CNAME", "mail.earwig.example", "ok"),
        ("A", HERE, "ok"),
        ("A", "192.0.2.99", "wrong"),
    ],
)
def test_bounces_come_here_by_mx_by_alias_or_by_address(published, domain, type, value, state):
    for known in ("MX", "TXT"):
        published.withdraw("bounces.acme.example", known)
    published.publish("bounces.acme.example", type, value)
    assert states(domain)["return_path"] == state


# -- who owns it


def test_a_published_proof_verifies_the_domain(published, domain):
    dns_checks.check(domain, now=NOW)
    domain.refresh_from_db()
    assert (domain.verified_at, domain.dns_checked_at, domain.dns_state["ok"]) == (NOW, NOW, True)
    assert domain.dns_state["checks"]["mx"]["found"] == "mx.acme.example"


def test_without_the_proof_nothing_is_verified(published, domain):
    published.publish("_earwig.acme.example", "TXT", "earwig-verification=" + "0" * 32)
    dns_checks.check(domain, now=NOW)
    domain.refresh_from_db()
    assert domain.verified_at is None
    assert (domain.dns_state["checks"]["ownership"]["state"], domain.dns_state["ok"]) == ("wrong", True)


def test_the_proof_of_one_account_is_none_for_another(published, domain, other_account):
    theirs = domains.add(other_account, name="acme.example", now=NOW)
    assert dns_records.ownership(theirs).value != dns_records.ownership(domain).value
    dns_checks.check(theirs, now=NOW)
    theirs.refresh_from_db()
    assert theirs.verified_at is None


def test_what_another_account_has_verified_stays_its_own(published, domain, other_account):
    theirs = domains.add(other_account, name="acme.example", now=NOW)
    domains.verify(theirs, now=NOW)
    found = dns_checks.check(domain, now=NOW)
    assert found["ownership"].sentence == errors.DomainTaken().message
    domain.refresh_from_db()
    assert domain.verified_at is None
    assert domain.dns_state["checks"]["ownership"]["state"] == State.WRONG


def test_a_removed_domain_is_not_verified(published, domain):
    Domain.objects.update(removed_at=NOW)
    domain.refresh_from_db()
    dns_checks.check(domain, now=NOW)
    assert Domain.objects.get().verified_at is None


def test_octets_that_no_database_takes_are_found_all_the_same(published, domain):
    published.publish("_dmarc.acme.example", "TXT", b"v=DMARC1; p=\x00\xff\x1b")
    dns_checks.check(domain, now=NOW)
    assert Domain.objects.get().dns_state["checks"]["dmarc"]["found"] == "v=DMARC1; p=?\ufffd?"


# -- the tick


def test_domains_are_looked_at_again_in_their_time(published, account, domain):
    def due_after(**age):
        return list(dns_checks.due(NOW + timedelta(**age)))

    assert due_after() == [domain]
    dns_checks.check(domain, now=NOW)
    assert due_after(hours=5) == []
    assert due_after(hours=7) == [domain]
    published.withdraw("acme.example", "MX")
    dns_checks.check(domain, now=NOW)
    assert due_after(minutes=29) == []
    assert due_after(minutes=31) == [domain]
    never = domains.add(account, name="second.example", now=NOW)
    assert due_after(minutes=31) == [never, domain]


@pytest.mark.parametrize("gone", [{"removed_at": NOW}, {"disabled": True}])
def test_a_domain_out_of_use_is_not_looked_at(domain, gone):
    Domain.objects.update(**gone)
    assert not dns_checks.due(NOW).exists()


def test_a_tick_looks_at_all_that_are_due(published, account, domain):
    domains.add(account, name="second.example", now=NOW)
    assert tasks.check_dns() == 2
    assert not Domain.objects.filter(dns_checked_at=None).exists()
    assert tasks.check_dns() == 0


def test_a_tick_ends_in_its_time_where_no_server_answers(zone, account, domain):
    never = domains.add(account, name="second.example", now=NOW)
    zone.deaf = True
    began = time.monotonic()
    assert tasks.check_dns() == 1
    assert time.monotonic() - began < tasks.DNS_SECONDS + 1
    assert list(Domain.objects.filter(dns_checked_at=None)) == [never]


def test_a_domain_that_a_tick_has_no_time_left_for_keeps_its_turn(published, account, domain):
    second = domains.add(account, name="second.example", now=NOW)
    published.silent |= {"s1._domainkey.acme.example", "_dmarc.acme.example"}
    assert tasks.check_dns() == 1
    second.refresh_from_db()
    assert second.dns_state == {}
    assert dns_checks.due(timezone.now()).first() == second
    assert tasks.check_dns() == 1
    second.refresh_from_db()
    assert second.dns_state["checks"]["mx"]["state"] == State.MISSING


def test_a_name_server_that_fails_at_once_takes_no_other_domains_turn(published, account, domain):
    domains.add(account, name="second.example", now=NOW)
    published.failing |= {record.name for record in dns_records.of(domain)}
    assert tasks.check_dns() == 2


def test_what_was_found_for_hosts_that_changed_meanwhile_is_dropped(published, domain):
    Domain.objects.update(tracking_host="other.acme.example")
    dns_checks.check(domain, now=NOW)
    assert Domain.objects.get().dns_checked_at is None


# -- the servers


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_a_server_has_an_address_and_perhaps_a_port(text, server):
    assert resolving.server_of(text) == server


@pytest.mark.parametrize(
    "text", ["", "ns.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:x"]
)
def test_a_server_that_cannot_be_asked_stops_the_start(settings, text):
    settings.EARWIG_DNS_SERVERS = ["192.0.2.1", text]
    assert [message.id for message in checks.check_dns_servers()] == ["earwig.E005"]


def test_servers_that_can_be_asked_do_not(settings):
    settings.EARWIG_DNS_SERVERS = ["192.0.2.1:5353", "2001:db8::1"]
    assert checks.check_dns_servers() == []
