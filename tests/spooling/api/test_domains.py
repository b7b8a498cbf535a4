"""Sending domains over the native API."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from earwig import api_keys, dns_records, domain_settings, domains
from earwig.models import AuditEntry, DkimKey, Domain
from spooling import spoolers
from tests import dns_server

pytestmark = pytest.mark.django_db
PATH = "/api/v1/domains/"


def call(verb, path, key, body=None, **headers):
    headers = {"Authorization": f"Token {key}", **headers}
    data = {} if verb == "get" else {"data": json.dumps(body or {}), "content_type": "application/json"}
    return getattr(Client(), verb)(PATH + path, **data, headers=headers)


@pytest.fixture
def shop(account):
    return domains.add_signed(account, name="shop.example", now=timezone.now())


@pytest.fixture
def theirs(other_account):
    return domains.add_signed(other_account, name="rival.example", now=timezone.now())


def problem(answer):
    error = answer.json()["errors"][0]
    return answer.status_code, error["field"], error["code"]


def test_a_domain_is_added_with_a_key_that_signs(key, account):
    answer = call("post", "", key, {"name": "Shop.Example", "draft_addresses": ["ann@X.example"]})
    document = answer.json()

    assert answer.status_code == 201 and document.pop("created_at")
    assert document == {
        "name": "shop.example",
        "default": True,
        "disabled": False,
        "return_path_host": "",
        "tracking_host": "",
        "draft_addresses": ["ann@x.example"],
        "verified_at": None,
        "dns": {"ok": None, "checked_at": None, "checks": {}},
    }
    assert DkimKey.objects.get().domain.account == account
    assert call("get", "shop.example/", key).json()["name"] == "shop.example"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, (400, "name", "required")),
        ({"name": "nowhere"}, (400, "name", "invalid_domain")),
        ({"name": "shop.example"}, (409, "name", "domain_exists")),
        ({"name": "new.example", "nick": "x"}, (400, "nick", "unknown_field")),
        (
            {"name": "new.example", "tracking_host": "t.shop.example"},
            (400, "tracking_host", "invalid_domain"),
        ),
        ({"name": "new.example", "draft_addresses": ["nobody"]}, (400, "draft_addresses", "invalid_address")),
    ],
)
def test_a_domain_that_cannot_be_is_refused(shop, key, body, found):
    assert problem(call("post", "", key, body)) == found
    assert Domain.objects.count() == 1


def test_a_domain_that_another_account_has_verified_is_refused(theirs, key):
    domains.verify(theirs, now=timezone.now())

    assert problem(call("post", "", key, {"name": "mail.rival.example"})) == (409, "name", "domain_taken")


def test_the_same_call_twice_adds_one(key):
    first, second = (call("post", "", key, {"name": "a.example"}, **{"Idempotency-Key": "k"}) for _ in "ab")

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second["Idempotent-Replayed"] == "true" and DkimKey.objects.count() == 1


def test_domains_are_listed_by_name_and_narrowed(shop, theirs, account, key):
    for name in ("news.example", "about.example"):
        domains.add(account, name=name, now=timezone.now())
    call("patch", "news.example", key, {"disabled": True})
    domains.verify(shop, now=timezone.now())

    def names(query=""):
        return [row["name"] for row in call("get", query, key).json()["results"]]

    assert names() == ["about.example", "news.example", "shop.example"]
    assert names("?limit=1&offset=1") == ["news.example"]
    assert names("?name=OP.ex") == ["shop.example"]
    assert names("?disabled=true") == ["news.example"]
    assert names("?verified=true") == ["shop.example"]
    assert names("?verified=false") == ["about.example", "news.example"]


def test_settings_are_changed_one_by_one(shop, account, key):
    news = domains.add(account, name="news.example", now=timezone.now())

    assert call("patch", "news.example/", key, {"default": True}).json()["default"] is True
    assert call("get", "shop.example/", key).json()["default"] is False
    hosts = {"return_path_host": "bounces.news.example", "tracking_host": "News.example."}
    assert call("patch", "news.example/", key, hosts).json()["tracking_host"] == "news.example"
    call("patch", "news.example/", key, {"draft_addresses": ["ann@x.example"], "default": False})
    news.refresh_from_db()
    assert (news.draft_addresses, news.default, news.return_path_host) == (
        *(["ann@x.example"], True, "bounces.news.example"),
    )


def test_a_disabled_domain_sends_nothing_from_now_on(shop, key):
    assert domains.sending_domain(shop.account_id, "a@shop.example") == shop.pk

    call("patch", "shop.example/", key, {"disabled": True})

    with pytest.raises(domains.errors.DomainNotAllowed):
        domains.sending_domain(shop.account_id, "a@shop.example")


@pytest.mark.parametrize("host", ["rival.example", "badshop.example", "b ad.shop.example", "localhost"])
def test_a_host_of_a_domain_is_not_anothers(shop, key, host):
    answer = call("patch", "shop.example/", key, {"disabled": True, "return_path_host": host})

    assert problem(answer) == (400, "return_path_host", "invalid_domain")
    shop.refresh_from_db()
    assert (shop.disabled, shop.return_path_host) == (False, "")


def test_what_was_found_of_other_hosts_is_forgotten(shop, key):
    Domain.objects.update(dns_state={"ok": True, "checks": {}}, dns_checked_at=timezone.now())
    assert call("patch", "shop.example/", key, {"disabled": False}).json()["dns"]["ok"] is True

    changed = call("patch", "shop.example/", key, {"tracking_host": "t.shop.example"}).json()

    assert changed["dns"] == {"ok": None, "checked_at": None, "checks": {}}


def test_a_deleted_domain_is_gone_and_can_come_back(shop, key):
    assert call("delete", "shop.example/", key).status_code == 204
    assert call("get", "shop.example/", key).status_code == 404
    assert call("get", "", key).json()["count"] == 0
    assert call("post", "", key, {"name": "shop.example"}).status_code == 201
    assert DkimKey.objects.count() == 1


def test_a_domain_with_a_launched_campaign_is_not_deleted(shop, account, key):
    spooler = spoolers.open_campaign(account, name="n", domain=shop, now=timezone.now())
    spoolers.ready(spooler, now=timezone.now())

    assert problem(call("delete", "shop.example/", key)) == (409, None, "in_use")
    spoolers.cancel(spooler, now=timezone.now())
    assert call("delete", "shop.example/", key).status_code == 204


def test_the_records_to_publish_are_listed(shop, key):
    rows = call("get", "shop.example/records", key).json()["results"]

    dkim = next(row for row in rows if row["check"].startswith("dkim:"))
    assert dkim["name"].endswith("._domainkey.shop.example") and dkim["value"].startswith(
        "v=DKIM1; k=rsa; p="
    )
    assert dkim["zone_line"].startswith(f"{dkim['name']}. TXT ")
    assert {"dmarc", "spf", "ownership"} <= {row["check"] for row in rows}


def test_a_look_at_the_records_is_answered_and_kept(shop, key, settings):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        zone.publish_record(dns_records.ownership(shop))
        looked = call("post", "shop.example/check/", key).json()

    dns = looked["dns"]
    assert looked["verified_at"] and dns["ok"] is False and dns["checked_at"]
    assert (dns["checks"]["ownership"]["state"], dns["checks"]["dmarc"]["state"]) == ("ok", "missing")
    assert call("get", "shop.example/", key).json()["dns"] == dns


def test_keys_are_made_published_and_rotated_in(shop, key):
    old = call("get", "shop.example/keys/", key).json()["results"]
    made = call("post", "shop.example/keys/", key)
    assert (made.status_code, made.json()["active"], made.json()["algorithm"]) == (201, False, "rsa-sha256")

    rotated = call("post", "shop.example/keys/rotate/", key)

    assert [(row["selector"], row["active"]) for row in rotated.json()] == [
        (made.json()["selector"], True),
        (old[0]["selector"], False),
    ]
    assert "PRIVATE" not in rotated.content.decode() and "private" not in made.content.decode()
    assert problem(call("post", "shop.example/keys/rotate/", key)) == (409, None, "dkim_key_refused")


def test_an_ed25519_key_signs_beside_the_rsa_key(shop, key):
    made = call("post", "shop.example/keys/", key, {"algorithm": "ed25519-sha256"}).json()

    assert made["active"] is True and made["record"].startswith("v=DKIM1; k=ed25519; p=")
    assert problem(call("post", "shop.example/keys/", key, {"algorithm": "dsa"}))[:2] == (400, "algorithm")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        *[("get", ""), ("patch", ""), ("delete", "")],
        *[
            ("get", "records/"),
            ("post", "check/"),
            ("get", "keys/"),
            ("post", "keys/"),
            ("post", "keys/rotate/"),
        ],
    ],
)
def test_anothers_domain_is_as_unknown_as_none(theirs, key, verb, path):
    before = Domain.objects.values().get(), list(DkimKey.objects.values())

    foreign, unknown = (call(verb, f"{name}/{path}", key) for name in ("rival.example", "nope.example"))

    assert foreign.status_code == unknown.status_code == 404 and foreign.content == unknown.content
    assert (Domain.objects.values().get(), list(DkimKey.objects.values())) == before


def test_changing_needs_manage_and_looking_needs_read(account, shop):
    def secret(*scopes):
        return api_keys.issue(account, name="k", scopes=scopes, now=timezone.now()).secret

    assert call("patch", "shop.example/", secret("read"), {"disabled": True}).status_code == 403
    assert call("post", "shop.example/keys/", secret("read", "send")).status_code == 403
    assert call("get", "shop.example/", secret("manage")).status_code == 403


@pytest.mark.parametrize(
    ("verb", "path"), [("delete", ""), ("post", "shop.example/"), ("get", "shop.example/check/")]
)
def test_other_verbs_are_refused(shop, key, verb, path):
    assert call(verb, path, key).status_code == 405


def test_the_trail_names_fields_and_no_values(key):
    call("post", "", key, {"name": "shop.example", "draft_addresses": ["ann@x.example"]})
    call("patch", "shop.example/", key, {"disabled": True})
    call("post", "shop.example/keys/", key)
    call("delete", "shop.example/", key)

    entries = AuditEntry.objects.order_by("id")
    assert list(entries.values_list("action", "detail")) == [
        ("add", {"fields": ["draft_addresses", "name"]}),
        ("change", {"fields": ["disabled"]}),
        ("domain.make_key", {}),
        ("delete", {}),
    ]


def test_a_domain_has_a_bounded_number_of_keys(shop, key, monkeypatch):
    monkeypatch.setattr(domain_settings, "MOST_KEYS", 2)
    assert call("post", "shop.example/keys/", key).status_code == 201
    assert problem(call("post", "shop.example/keys/", key)) == (409, None, "dkim_key_refused")
