"""Signing keys with a time of their own, and keys that owners bring along."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.utils import timezone

from earwig import dkim_keys, dns_checks, dns_looks, dns_records, domain_settings, domains, errors, spf
from earwig.dkim_keys import Wanted
from earwig.models import DkimKey, Domain
from tests import dns_server

NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture
def domain(account):
    domain = domains.add(account, name="acme.example", now=NOW)
    domains.make_key(domain, algorithm="rsa-sha256", selector="first", now=NOW)
    return domain


def selectors(domain, at=NOW):
    return [row[1] for row in domains.signing_keys(domain.pk, now=at)]


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def test_a_key_signs_in_its_time_in_the_place_of_the_other(domain):
    dkim_keys.put(domain, Wanted(selector="own", starts_at=NOW + DAY, ends_at=NOW + 3 * DAY), now=NOW)
    assert selectors(domain) == ["first"]
    assert selectors(domain, NOW + DAY) == ["own"]
    assert selectors(domain, NOW + 3 * DAY) == ["first"]


def test_of_several_times_the_one_that_began_last_counts(domain):
    for selector, days in (("late", 2), ("early", 1)):
        dkim_keys.put(domain, Wanted(selector=selector, starts_at=NOW + days * DAY), now=NOW)
    assert selectors(domain, NOW + DAY) == ["early"]
    assert selectors(domain, NOW + 2 * DAY) == ["late"]


def test_an_active_key_whose_time_is_over_signs_no_more(domain):
    domain.dkim_keys.update(ends_at=NOW)
    assert selectors(domain) == []
    assert selectors(domain, NOW - DAY) == ["first"]


def test_a_key_without_a_time_waits_until_it_is_to_sign_always(domain):
    dkim_keys.put(domain, Wanted(selector="own"), now=NOW)
    assert selectors(domain) == ["first"]
    dkim_keys.put(domain, Wanted(selector="own", always=True), now=NOW)
    assert selectors(domain) == ["own"]


def test_a_key_is_brought_along(domain):
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    key = dkim_keys.put(domain, Wanted(selector="own", pem=pem(private), always=True), now=NOW)
    [(_, _, stored, algorithm)] = domains.signing_keys(domain.pk, now=NOW)
    loaded = serialization.load_pem_private_key(stored, password=None)
    assert (loaded.private_numbers(), algorithm) == (private.private_numbers(), "rsa-sha256")
    public = serialization.load_pem_public_key(dkim_keys.public_pem(key).encode())
    assert public.public_numbers() == private.public_key().public_numbers()


def test_an_ed25519_key_is_brought_along(domain):
    private = ed25519.Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = dkim_keys.put(domain, Wanted(selector="ed", pem=text.decode()), now=NOW)
    assert selectors(domain) == ["first", "ed"]
    public = serialization.load_pem_public_key(dkim_keys.public_pem(key).encode())
    assert public.public_bytes_raw() == private.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "wanted",
    [
        {"selector": "Own"},
        {"selector": "a.b"},
        {"selector": "-"},
        {"selector": "own", "pem": "nothing"},
        {"selector": "own", "pem": "x" * 20_000},
        {"selector": "own", "pem": pem(ec.generate_private_key(ec.SECP256R1()))},
        {"selector": "own", "always": True, "starts_at": NOW},
        {"selector": "own", "starts_at": NOW, "ends_at": NOW},
        {"selector": "first", "pem": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))},
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(domain, wanted):
    before = list(DkimKey.objects.values())
    with pytest.raises(errors.DkimKeyRefused):
        dkim_keys.put(domain, Wanted(**wanted), now=NOW)
    assert list(DkimKey.objects.values()) == before


def test_a_domain_has_not_more_keys_than_it_may(domain, monkeypatch):
    monkeypatch.setattr(dkim_keys, "MOST_KEYS", 1)
    with pytest.raises(errors.DkimKeyRefused):
        dkim_keys.put(domain, Wanted(selector="own"), now=NOW)


def test_a_removed_key_hands_over_to_the_newest(domain):
    own = dkim_keys.put(domain, Wanted(selector="own", always=True), now=NOW)
    dkim_keys.remove(own)
    assert selectors(domain) == ["first"]
    with pytest.raises(errors.DkimKeyRefused):
        dkim_keys.remove(domain.dkim_keys.get())


def test_records_say_what_the_owner_wants(domain, settings):
    settings.INBOUND_HOST, settings.EARWIG_SPF_INCLUDE = "mail.earwig.example", ""
    wanted = {"policy": "reject", "percentage": 25, "addresses": ["dmarc@acme.example"]}
    Domain.objects.filter(pk=domain.pk).update(
        dmarc_policy=wanted, spf_mechanisms=["ip4:192.0.2.0/24"], return_path_host="b.acme.example"
    )
    domain.refresh_from_db()
    values = {record.check: record.value for record in dns_records.of(domain)}
    assert values["spf"] == "v=spf1 a:mail.earwig.example ip4:192.0.2.0/24 ~all"
    assert values["dmarc"] == (
        "v=DMARC1; p=reject; pct=25; rua=mailto:dmarc@b.acme.example,mailto:dmarc@acme.example"
    )


@pytest.mark.parametrize(
    ("name", "target", "written"),
    [
        ("ip4", "192.0.2.1/24", "ip4:192.0.2.1/24"),
        ("ip6", "2001:db8::/32", "ip6:2001:db8::/32"),
        ("mx", "", "mx"),
        ("a", "mail.acme.example/24", "a:mail.acme.example/24"),
        ("include", "spf.acme.example", "include:spf.acme.example"),
    ],
)
def test_a_mechanism_is_written_as_records_have_it(name, target, written):
    assert spf.mechanism(name, target) == written


@pytest.mark.parametrize(
    ("name", "target"),
    [
        *(("ip4", "2001:db8::1"), ("ip4", ""), ("ip6", "x"), ("include", ""), ("exists", "")),
        *(("all", ""), ("redirect", "x"), ("a", "x y"), ("mx", "x ~all"), ("a", "x" * 300)),
    ],
)
def test_what_is_no_mechanism_is_none(name, target):
    with pytest.raises(ValueError):
        spf.mechanism(name, target)


@pytest.fixture
def zone(settings):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        settings.INBOUND_HOST = "mail.earwig.example"
        settings.TRACKING_URL = "https://click.earwig.example"
        zone.publish("mail.earwig.example", "A", "192.0.2.25")
        yield zone


HOSTS = {"return_path_host": "bounces.acme.example", "tracking_host": "clicks.acme.example"}


def test_hosts_are_taken_on_as_soon_as_they_lead_here(domain, zone):
    zone.publish("bounces.acme.example", "MX", "10 mail.earwig.example.")
    changed = domain_settings.adopt_hosts(domain, HOSTS, now=NOW)
    assert (changed.return_path_host, changed.tracking_host) == ("bounces.acme.example", "")
    assert Domain.objects.get().dns_state["checks"].keys() >= {"return_path", "spf", "ownership"}
    zone.publish("clicks.acme.example", "CNAME", "click.earwig.example.")
    zone.publish_record(dns_records.ownership(domain))
    changed = domain_settings.adopt_hosts(changed, HOSTS, now=NOW)
    assert changed.tracking_host == "clicks.acme.example"
    stored = Domain.objects.get()
    assert stored.verified_at is not None and stored.dns_state["checks"]["tracking"]["state"] == "ok"


def test_a_key_whose_time_is_to_come_has_to_be_published(domain, zone):
    dkim_keys.put(domain, Wanted(selector="own", starts_at=timezone.now() + DAY), now=NOW)
    dkim_keys.put(domain, Wanted(selector="newest"), now=NOW)
    assert dns_looks.look(domain, seconds=5)["dkim:own"].needed
    domain.dkim_keys.filter(selector="own").update(ends_at=NOW - DAY, starts_at=None)
    assert not dns_looks.look(domain, seconds=5)["dkim:own"].needed
    assert dns_checks.check(domain, now=NOW)["dkim:newest"].needed
