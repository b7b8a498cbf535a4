"""Sending domains, their records, keys and reports (contract §6.5)."""

from datetime import UTC, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from earwig import dns_records, domains
from earwig.models import AuditEntry, Domain
from tests import dns_server
from tests.wires.smtpeter.clients import refused
from tests.wires.smtpeter.test_logfiles import report

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def zone(settings):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        settings.INBOUND_HOST = "mail.earwig.example"
        settings.TRACKING_URL = "https://click.earwig.example"
        settings.EARWIG_SPF_INCLUDE = ""
        zone.publish("mail.earwig.example", "A", "192.0.2.25")
        zone.publish("click.earwig.example", "A", "192.0.2.80")
        yield zone


def publish(zone, records, checks=("TXT", "MX", "CNAME")):
    for each in records:
        if each["type"] in checks:
            value = each["value"] + ("" if each["type"] == "TXT" else ".")
            zone.publish(each["name"], each["type"], value)


def test_a_domain_is_approved_once_its_proof_is_published(caller, zone):
    answer = caller.post("domain/new.example")
    assert (answer.status_code, list(answer.json())) == (201, ["name", "type", "value"])
    again = caller.post("domain/New.Example/")
    assert (again.status_code, again.json()) == (200, answer.json())
    assert caller.get("domain/new.example").json()["approved"] is False
    publish(zone, [answer.json()])
    shown = caller.post("domain/new.example").json()
    assert shown == {
        "name": "new.example",
        "approved": True,
        "bounces": "bounces.new.example",
        "tracking": "clicks.new.example",
        "https": True,
        "ips": [],
        "policy": "none",
        "percentage": 100,
        "startdate": "",
        "enddate": "",
        "addresses": [],
    }
    assert caller.get("domain/new.example").json() == shown
    # What is not published is not used either.
    assert Domain.objects.get(name="new.example").tracking_host == ""


def test_hosts_are_used_once_all_that_is_recommended_is_published(caller, zone):
    caller.post("domain/new.example")
    records = caller.get("dns/new.example/recommended").json()
    assert caller.get("dns/new.example/selfhosted").json() == records
    assert all(list(each) == ["name", "type", "value"] for each in records)
    assert {"clicks.new.example", "bounces.new.example"} <= {each["name"] for each in records}
    publish(zone, records)
    assert caller.post("domain/new.example").json()["approved"] is True
    row = Domain.objects.get(name="new.example")
    assert (row.tracking_host, row.return_path_host) == ("clicks.new.example", "bounces.new.example")
    Domain.objects.update(dns_checked_at=None)
    words = {"dmarc": "ok", "dkim": "ok", "spf": "ok", "mx": "ok", "a": "ok", "caa": "ok", "validation": "ok"}
    assert caller.get("dns/new.example/status").json() == words


def test_nothing_published_is_told_in_errors(caller):
    caller.post("domain/new.example")
    found = caller.get("dns/new.example/status").json()
    assert found == {
        **dict.fromkeys(("dmarc", "dkim", "spf", "mx", "validation"), "error"),
        **dict.fromkeys(("a", "caa"), "ok"),
    }


def test_settings_are_kept_and_shown(caller, acme):
    body = {
        "bounces": "b.example.com",
        "tracking": "t.example.com",
        "https": False,
        "policy": "reject",
        "percentage": 50,
        "startdate": "2022-01-01 00:00:00",
        "enddate": "2022-02-01",
        "address": "dmarc@example.com",
    }
    shown = caller.post("domain/example.com", body).json()
    assert {name: shown[name] for name in body if name != "address"} == {
        name: value for name, value in body.items() if name != "address"
    }
    caller.form("domain/example.com", ("address", "second@example.com"), ("percentage", "100"))
    records = {each["name"]: each["value"] for each in caller.get("dns/example.com/recommended").json()}
    assert records["_dmarc.example.com"] == (
        "v=DMARC1; p=reject; "
        "rua=mailto:dmarc@b.example.com,mailto:dmarc@example.com,mailto:second@example.com"
    )
    assert caller.delete("domain/example.com/dmarc@example.com").status_code == 200
    assert caller.get("domain/example.com").json()["addresses"] == ["second@example.com"]
    assert refused(caller.delete("domain/example.com/dmarc@example.com"))[0] == 404
    # An audit trail names fields, never what they say.
    assert "dmarc@" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    "body",
    [
        {"bounces": "b.elsewhere.example"},
        {"tracking": "x y"},
        {"policy": "maybe"},
        {"percentage": 101},
        {"percentage": -1},
        {"percentage": {}},
        {"percentage": True},
        {"https": "perhaps"},
        {"startdate": "tomorrow"},
        {"address": "nobody"},
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_changes(caller, acme, body):
    before = Domain.objects.values().get()
    assert refused(caller.post("domain/example.com", {"policy": "reject", **body}))[0] == 400
    assert refused(caller.post("domain/new.example", body))[0] == 400
    assert Domain.objects.values().get() == before


@pytest.mark.parametrize(
    "name", ["nodot", "a%00b.example", "é", "x" * 3000, "-.example", "a b.example", "%ff"]
)
def test_any_name_is_answered(caller, acme, name):
    assert refused(caller.post(f"domain/{name}"))[0] in (400, 404)
    for path in (
        f"domain/{name}",
        f"dns/{name}/status",
        f"dkimkey/{name}",
        f"dkimkeys/{name}",
        f"spf/{name}",
    ):
        assert refused(caller.get(path))[0] == 404


def test_what_another_has_approved_cannot_be_had(caller, rival):
    assert refused(caller.post("domain/rival.example"))[0] == 409


def test_a_domain_is_given_up(caller, acme):
    assert caller.delete("domain/example.com").status_code == 200
    assert refused(caller.get("domain/example.com"))[0] == 404
    assert caller.get("domains").json() == []


def test_a_stranger_sees_and_changes_nothing(caller, stranger, acme):
    assert [each["name"] for each in stranger.get("domains").json()] == ["rival.example"]
    paths = ("domain/example.com", "dns/example.com/status", "dns/example.com/recommended")
    for path in (*paths, "dkimkey/example.com", "dkimkeys/example.com", "spf/example.com"):
        assert refused(stranger.get(path)) == (404, "There is no such domain.")
    for path in ("domain/example.com", "domain/example.com/a@b.example", "spf/example.com"):
        assert refused(stranger.delete(path))[0] == 404
    assert refused(stranger.post("spf/example.com", {"mx": ""}))[0] == 404
    assert refused(stranger.post("dkimkey/example.com/own"))[0] == 404


@pytest.fixture
def signed(acme):
    domain = acme.domains.get()
    domains.make_key(domain, algorithm="rsa-sha256", selector="first", now=timezone.now())
    return domain


def test_the_signing_key_is_shown_whole_and_in_parts(caller, signed):
    shown = caller.get("dkimkey/example.com").json()
    assert (shown["selector"], shown["algorithm"]) == ("first", "sha256")
    assert shown["public"].startswith("-----BEGIN PUBLIC KEY-----")
    for part, name in (("publickey", "public"), ("algorithm", "algorithm"), ("selector", "selector")):
        answer = caller.get(f"dkimkey/example.com/{part}/")
        assert (answer.content.decode(), answer["Content-Type"]) == (shown[name], "text/plain; charset=utf-8")


def test_a_domain_without_a_key_has_none_to_show(caller, acme):
    assert refused(caller.get("dkimkey/example.com"))[0] == 404


def test_an_own_key_signs_in_its_time(caller, signed):
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    start = timezone.now() - timedelta(days=1)
    body = {"privatekey": text, "start": start.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")}
    (shown,) = caller.post("dkimkey/example.com/Own", body).json()
    assert shown["hostname"] == "own._domainkey.example.com"
    assert (shown["start"], shown["end"], shown["always"]) == (body["start"], "", False)
    assert "PRIVATE" not in str(caller.get("dkimkeys").json())
    assert [row[1] for row in domains.signing_keys(signed.pk, now=timezone.now())] == ["own"]
    assert [key["selector"] for key in caller.get("dkimkeys/example.com").json()] == ["first", "own"]
    assert caller.get("dkimkeys/example.com/own").json() == [shown]
    assert caller.delete("dkimkey/example.com/own").json() == [shown]
    assert refused(caller.get("dkimkeys/example.com/own"))[0] == 404
    assert refused(caller.delete("dkimkey/example.com/first"))[0] == 409


@pytest.mark.parametrize("body", [{"privatekey": "x"}, {"start": "x"}, {"end": {}}, {"always": "x"}])
def test_a_wrong_key_is_refused(caller, signed, body):
    assert refused(caller.post("dkimkey/example.com/own", body))[0] in (400, 409)
    assert refused(caller.post("dkimkey/example.com/a%00b"))[0] in (400, 409)
    assert signed.dkim_keys.count() == 1


def test_others_may_send_in_a_domain_s_name(caller, acme):
    body = {"ip4": ["192.0.2.0/24", "198.51.100.7"], "mx": "mx.example.com", "a": ""}
    told = ["ip4:192.0.2.0/24", "ip4:198.51.100.7", "mx:mx.example.com", "a"]
    assert caller.post("spf/example.com", body).json() == told
    assert caller.form("spf/example.com", ("include", "spf.x.example")).json() == [
        *told,
        "include:spf.x.example",
    ]
    assert caller.get("spf/example.com").json() == [*told, "include:spf.x.example"]
    assert dns_records.spf_policy(acme.domains.get()) == (
        "v=spf1 a:mail.earwig.example ip4:192.0.2.0/24 ip4:198.51.100.7 mx:mx.example.com a "
        "include:spf.x.example ~all"
    )
    assert caller.delete("spf/example.com").json() == []


@pytest.mark.parametrize(
    "body",
    [
        {"all": ""},
        {"ip4": "x"},
        {"include": ""},
        {"mx": {"a": "b"}},
        {"ip4": ["192.0.2.%d" % n for n in range(50)]},
        {"exists": "a b"},
    ],
)
def test_wrong_mechanisms_are_refused(caller, acme, body):
    assert refused(caller.post("spf/example.com", body))[0] == 400
    assert caller.get("spf/example.com").json() == []


def test_reports_on_dmarc_are_shown(caller, stranger, acme):
    row = report(acme, xml="<feedback>1</feedback>")
    report(acme, report_id="r2", xml="<feedback>2</feedback>")
    day = row.begins_at.astimezone(UTC).date()
    assert caller.get("dmarc").json() == [str(day)]
    path = f"dmarc/{day}/Big Provider/example.com"
    assert caller.get(path).content == caller.get(f"{path}/0").content == b"<feedback>1</feedback>"
    assert caller.get(f"{path}/1").content == b"<feedback>2</feedback>"
    for wrong in (f"{path}/2", f"dmarc/{day}/x/example.com", "dmarc/x/y/z", f"dmarc/{day}/a%00/b"):
        assert refused(caller.get(wrong))[0] == 404
    assert stranger.get("dmarc").json() == []
    assert refused(stranger.get(path))[0] == 404
