"""Sending domains (contract §7.2)."""

import pytest
from django.utils import timezone

from earwig import domain_settings, domains
from earwig.models import AuditEntry, Domain
from spooling import spoolers
from tests.wires.relay.clients import refused

pytestmark = pytest.mark.django_db

READY = ("dkim_ready", "spf_ready", "dmarc_ready", "tracking_domain_ready")


def found(domain, **states):
    """What a look at its DNS found."""
    key = domain.dkim_keys.get()
    checks = {states_name(name, key): {"state": state} for name, state in states.items()}
    Domain.objects.filter(pk=domain.pk).update(dns_state={"ok": True, "checks": checks})


def states_name(name, key):
    return f"dkim:{key.selector}" if name == "dkim" else name


def listed(caller):
    document = caller.get("domains").json()
    return {item["name"]: item for item in document["domains"]}, document.get("default")


def test_relay_19_domains_are_made_chosen_and_kept(caller, acme):
    items, default = listed(caller)
    assert set(items) == {"test.com"} and default == "test.com"
    assert not any(items["test.com"][name] for name in READY[:3])
    added = caller.put("domains/new.com", {})
    assert (added.status_code, added.json()["result"]) == (201, True)
    chosen = caller.put("domains/default", {"name": "new.com"})
    assert (chosen.status_code, chosen.json()["result"]) == (200, True)
    assert listed(caller)[1] == "new.com"
    assert refused(caller.delete("domains/new.com", {})) == ("400.4", [])
    assert refused(caller.put("domains/new.com", {"disabled": True})) == ("400.4", [])
    assert caller.delete("domains/test.com", {}).json()["result"] is True
    assert set(listed(caller)[0]) == {"new.com"}
    assert refused(caller.get("domains/test.com")) == ("404.1", [])


def test_a_domain_tells_what_to_publish(caller, acme):
    caller.put("domains/new.com")
    document = caller.get("domains/NEW.com").json()
    key = domains.find(acme.pk, "new.com").dkim_keys.get()
    assert key.public_record == f"v=DKIM1; k=rsa; p={document['dkim_public_key']}"
    assert (document["dkim_selector"], document["disabled"]) == (key.selector, False)
    # Links lead to the installation's own host as long as the domain has none.
    assert document["tracking_domain"] == document["canonical_tracking_domain"] == "127.0.0.1"
    assert document["tracking_domain_ready"] is True
    domain_settings.change(domains.find(acme.pk, "new.com"), {"tracking_host": "click.new.com"})
    document = caller.get("domains/new.com").json()
    assert (document["tracking_domain"], document["tracking_domain_ready"]) == ("click.new.com", False)
    bare = caller.get("domains/test.com").json()
    assert (bare["dkim_selector"], bare["dkim_public_key"], bare["dkim_ready"]) == ("", "", False)


@pytest.mark.parametrize("missing", [*READY[:3], "none"])
def test_what_is_published_is_ready(caller, acme, missing):
    caller.put("domains/new.com", {})
    names = {"dkim_ready": "dkim", "spf_ready": "spf", "dmarc_ready": "dmarc"}
    states = {name: "ok" if ready != missing else "wrong" for ready, name in names.items()}
    found(domains.find(acme.pk, "new.com"), **states)
    document = caller.get("domains/new.com").json()
    assert {name: document[name] for name in READY} == {name: name != missing for name in READY}
    assert {name: listed(caller)[0]["new.com"][name] for name in READY} == {
        name: document[name] for name in READY
    }


def test_a_domain_is_disabled_and_enabled(caller, acme):
    caller.put("domains/new.com", {})
    for body, disabled in [
        ({"disabled": True}, True),
        ({}, False),
        ({"disabled": True}, True),
        (None, False),
    ]:
        answer = caller.put("domains/new.com", body) if body is not None else caller.put("domains/new.com")
        assert answer.status_code == 200
        assert listed(caller)[0]["new.com"]["disabled"] is disabled
    caller.put("domains/new.com", {"disabled": True})
    caller.put("domains/default", {"name": "new.com"})
    assert listed(caller)[0]["new.com"]["disabled"] is False
    assert list(AuditEntry.objects.values_list("action", flat=True))[0] == "add"


@pytest.mark.parametrize("name", ["default", "com", "x", "a b.com", "%00.com", "-.com", "a" * 70 + ".com"])
def test_what_is_no_domain_is_refused(caller, acme, name):
    if name == "default":
        assert refused(caller.put("domains/default", {})) == ("400.1", ["name"])
        assert refused(caller.get("domains/default")) == ("405.0", [])
        return
    assert refused(caller.put(f"domains/{name}", {})) == ("400.1", ["name"])
    assert refused(caller.get(f"domains/{name}")) == ("404.1", [])
    assert refused(caller.delete(f"domains/{name}")) == ("404.1", [])
    assert Domain.objects.count() == 1


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"disabled": "yes"}', b'"x"'])
def test_a_body_that_cannot_be_changes_nothing(caller, acme, body):
    assert refused(caller.put("domains/new.com", body))[0] == "400.1"
    assert set(listed(caller)[0]) == {"test.com"}


def test_an_account_without_domains_has_no_default(stranger, rival):
    Domain.objects.filter(account=rival).delete()
    stranger.account = "rival"
    document = stranger.get("domains").json()
    assert document["domains"] == [] and "default" not in document
    assert refused(stranger.put("domains/new.com", {"disabled": True})) == ("400.4", [])
    assert not Domain.objects.filter(account=rival).exists()


def test_domains_are_nobody_elses(caller, stranger, rival):
    stranger.account = "rival"
    assert set(listed(stranger)[0]) == {"rival.com"}
    for answer in (stranger.get("domains/test.com"), stranger.delete("domains/test.com")):
        assert refused(answer) == ("404.1", [])
    assert refused(stranger.put("domains/default", {"name": "test.com"})) == ("404.1", [])
    domains.verify(Domain.objects.get(name="rival.com"), now=timezone.now())
    assert refused(caller.put("domains/rival.com", {})) == ("400.1", [""])


def test_a_domain_with_a_running_campaign_is_kept(caller, acme):
    caller.put("domains/new.com", {})
    domain = domains.find(acme.pk, "new.com")
    campaign = spoolers.open_campaign(acme, name="spring", domain=domain, now=timezone.now())
    spoolers.ready(campaign, now=timezone.now())
    assert refused(caller.delete("domains/new.com")) == ("400.1", [""])
    assert "new.com" in listed(caller)[0]
