import pytest
from django.utils import timezone

from earwig import domains
from earwig.models import DkimKey, Domain
from spooling import spoolers
from spooling.models import Spooler
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, NEWS, OTHER

NOW = timezone.now()


def test_scenario_4_domains_are_counted_however_nothing_is_asked_for(caller):
    assert caller.get("domains/count").json() == 2
    assert caller.post("domains/count").json() == 2
    assert caller.post("domains/count", {}).json() == 2
    assert caller.post("domains/count", []).json() == 2
    assert caller.post("domains/count", None).json() == 2
    assert caller.post("domains/count", {"nameContains": "NEWS"}).json() == 1


def test_scenario_5_domains_come_page_by_page_in_alphabetical_order(caller):
    assert caller.post("domains/fetch", {"limit": 1}).json() == [{"name": DEMO}]
    backwards = caller.post("domains/fetch", {"limit": 10, "reverse": True}).json()
    assert backwards == [{"name": NEWS}, {"name": DEMO}]
    assert caller.post("domains/fetch", {"offset": 5}).json() == []


def test_scenario_6_a_foreign_domain_is_unknown(caller, stranger):
    assert caller.get(f"domain/{DEMO}").json() == {"name": DEMO}
    foreign, unknown = caller.get(f"domain/{OTHER}"), caller.get("domain/nope")
    assert refused(foreign) == refused(unknown) == (404, "not-found")
    assert foreign.json() == unknown.json()
    assert stranger.get(f"domain/{OTHER}").status_code == 200
    assert stranger.get("domains/count").json() == 1


def test_a_domain_is_found_however_it_is_spelled(caller):
    assert caller.get("domain/DEMO.Shop.example").json() == {"name": DEMO}


@pytest.mark.parametrize("part", ["%", "_", "\\"])
def test_wildcards_of_databases_are_ordinary_characters(caller, part):
    assert caller.post("domains/fetch", {"nameContains": part}).json() == []


def test_a_domain_is_created_with_a_key_that_signs(caller, shop):
    assert caller.post("domains/create", {"domain": "Third.Example"}).json() == {"name": "third.example"}
    created = Domain.objects.get(account=shop, name="third.example")
    assert [key.algorithm for key in DkimKey.objects.filter(domain=created, active=True)] == ["rsa-sha256"]


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({}, "missing-field"),
        ({"domain": None}, "missing-field"),
        ({"domain": 5}, "invalid-field"),
        ({"domain": "no domain"}, "invalid-field"),
        ({"domain": DEMO}, "already-exists"),
    ],
)
def test_a_domain_that_cannot_be_is_refused(caller, body, slug):
    assert refused(caller.post("domains/create", body)) == (400, slug)


def test_a_domain_that_another_entity_verified_is_taken(caller, rival):
    domains.verify(Domain.objects.get(name=OTHER), now=NOW)
    assert refused(caller.post("domains/create", {"domain": OTHER})) == (400, "already-exists")


def test_a_deleted_domain_is_found_nowhere(caller):
    assert caller.post("domains/delete", {"domain": NEWS}).json() is True
    assert caller.get("domains/count").json() == 1
    assert refused(caller.get(f"domain/{NEWS}")) == (404, "not-found")
    create = {"domain": NEWS, "type": "marketing"}
    assert refused(caller.post("spoolers/create", create)) == (400, "unknown-domain")
    assert refused(caller.post("domains/delete", {"domain": NEWS})) == (400, "unknown-domain")


def test_a_deleted_domain_comes_back_with_its_keys(caller, shop):
    caller.post("domains/create", {"domain": "third.example"})
    key = DkimKey.objects.get(domain__name="third.example")
    caller.post("domains/delete", {"domain": "third.example"})
    assert domains.signing_keys(key.domain_id, now=timezone.now()), "what waits is still signed"
    assert caller.post("domains/create", {"domain": "third.example"}).json() == {"name": "third.example"}
    assert DkimKey.objects.get(domain__name="third.example") == key
    assert caller.get("domain/third.example").status_code == 200


def test_a_foreign_domain_cannot_be_deleted(caller, rival):
    assert refused(caller.post("domains/delete", {"domain": OTHER})) == (400, "unknown-domain")
    assert Domain.objects.get(name=OTHER).removed_at is None


@pytest.mark.parametrize("state", ["ready", "paused", "finished"])
def test_a_domain_that_is_sent_from_cannot_be_deleted(caller, token, state):
    Spooler.objects.filter(token=token).update(state=state)
    assert refused(caller.post("domains/delete", {"domain": DEMO})) == (400, "in-use")
    assert caller.post("domains/delete", {"domain": NEWS}).json() is True


def test_a_spooler_of_a_deleted_domain_is_shown_and_not_launched(caller, token):
    assert caller.post("domains/delete", {"domain": DEMO}).json() is True
    assert caller.spooler(token)["domain"] == DEMO
    assert refused(caller.post(f"spooler/{token}/ready")) == (400, "unknown-domain")
    assert caller.spooler(token)["state"] == "new"


def test_an_ended_spooler_does_not_hold_its_domain(caller, token):
    spoolers.cancel(Spooler.objects.get(token=token), now=NOW)
    assert caller.post("domains/delete", {"domain": DEMO}).json() is True


def test_draft_addresses_are_remembered(caller):
    path = f"domain/{DEMO}/draft-addresses"
    assert caller.get(path).json() == []
    asked = {"addresses": ["Ann@X.example", " bob@y.example "]}
    assert caller.post(path, asked).json() == ["Ann@x.example", "bob@y.example"]
    assert caller.get(path).json() == ["Ann@x.example", "bob@y.example"]
    assert caller.get(f"domain/{NEWS}/draft-addresses").json() == []
    assert caller.post(path, {"addresses": []}).json() == []
    assert caller.get(path).json() == []


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({}, "missing-field"),
        ({"addresses": "a@b.example"}, "invalid-field"),
        ({"addresses": ["a@b.example", "broken"]}, "invalid-field"),
    ],
)
def test_draft_addresses_that_are_none_change_nothing(caller, body, slug):
    path = f"domain/{DEMO}/draft-addresses"
    caller.post(path, {"addresses": ["kept@x.example"]})
    assert refused(caller.post(path, body)) == (400, slug)
    assert caller.get(path).json() == ["kept@x.example"]


def test_foreign_draft_addresses_are_unknown(stranger, shop):
    path = f"domain/{DEMO}/draft-addresses"
    assert refused(stranger.get(path)) == (404, "not-found")
    assert refused(stranger.post(path, b"{broken")) == (404, "not-found")
