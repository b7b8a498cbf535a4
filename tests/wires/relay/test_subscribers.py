"""Addresses that are to get mail again (contract §7.5)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from earwig import domain_settings, domains
from earwig.models import AuditEntry
from earwig.models.api_keys import Scope
from spooling import suppressions
from spooling.models import Suppression
from spooling.wires.relay.resubscriptions import MOST_A_DAY
from tests.wires.relay.clients import refused

pytestmark = pytest.mark.django_db

WISH = {"reason": "They asked for it.", "domain": "test.com"}


@pytest.fixture
def suppress(acme):
    """Call with an address; suppressed for the account, or where the scope says."""

    def call(address="ana+news@x.example", reason="unsubscribe", **scope):
        return suppressions.suppress(
            suppressions.Scope(**{"account_id": acme.pk, **scope}),
            address,
            reason=reason,
            source="test",
            now=timezone.now(),
        )

    return call


def again(caller, address="ana+news@x.example", **members):
    return caller.post(f"subscribers/{address}/resubscribe", WISH | members)


@pytest.mark.parametrize("spelled", ["ana+news@x.example", "ana%2Bnews%40X.example", "ANA+news@x.example"])
def test_an_address_gets_mail_again(caller, suppress, spelled):
    suppress()
    suppress(domain="test.com", stream="bulk", reason="hard_bounce")
    kept = [suppress(domain="other.com"), suppress("bob@x.example")]
    answer = again(caller, spelled)
    assert answer.status_code == 200 and answer.json()["message"]
    assert list(Suppression.objects.order_by("id")) == kept
    assert "ana" not in str(AuditEntry.objects.values().get())
    assert refused(again(caller, spelled)) == ("400.14", [])


def test_what_is_not_the_accounts_to_lift_stays(caller, suppress, rival):
    suppress(reason="complaint")
    assert refused(again(caller)) == ("400.12", [])
    Suppression.objects.all().delete()
    suppress(account_id=None)
    assert refused(again(caller)) == ("400.12", [])
    Suppression.objects.all().delete()
    suppress(account_id=rival.pk)
    assert refused(again(caller)) == ("400.14", [])
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("name", ["other.com", "rival.com", "x", "é\u2028", "default"])
def test_the_domain_is_one_that_the_account_sends_from(caller, suppress, rival, name):
    suppress()
    assert refused(again(caller, domain=name)) == ("400.13", [])
    assert Suppression.objects.count() == 1


def test_a_disabled_domain_is_none(caller, acme, suppress):
    suppress()
    domain_settings.change(domains.find(acme.pk, "test.com"), {"disabled": True})
    assert refused(again(caller)) == ("400.13", [])


def test_a_day_has_fifteen(caller, stranger, suppress):
    for number in range(MOST_A_DAY + 1):
        suppress(f"ana{number}@x.example")
    with time_machine.travel("2026-03-04T10:00Z", tick=False):
        for number in range(MOST_A_DAY):
            assert again(caller, f"ana{number}@x.example").status_code == 200
        assert refused(again(caller, f"ana{MOST_A_DAY}@x.example")) == ("429.1", [])
        assert Suppression.objects.count() == 1
    with time_machine.travel("2026-03-05T00:00Z", tick=False):
        assert again(caller, f"ana{MOST_A_DAY}@x.example").status_code == 200


def test_what_has_expired_keeps_nobody_from_mail(caller, suppress):
    row = suppress()
    Suppression.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert refused(again(caller)) == ("400.14", [])


@pytest.mark.parametrize(
    ("address", "members", "keys"),
    [
        ("nobody", {}, ["email"]),
        ("a%00@x.example", {}, ["email"]),
        ("ana@x.example", {"reason": None}, ["reason"]),
        ("ana@x.example", {"domain": 7.5}, None),
        ("ana@x.example", {"domain": []}, ["domain"]),
        ("ana@x.example", {"reason": "x" * 1001}, ["reason"]),
    ],
)
def test_a_wish_that_cannot_be_is_refused(caller, suppress, address, members, keys):
    suppress("ana@x.example")
    expected = ("400.13", []) if keys is None else ("400.1", keys)
    assert refused(again(caller, address, **members)) == expected
    assert Suppression.objects.count() == 1


def test_it_needs_a_key_that_may_manage(caller, acme, suppress, make_key):
    suppress()
    assert refused(again(caller.with_key(make_key(acme, [Scope.SEND, Scope.READ])))) == ("403.0", [])
    assert Suppression.objects.count() == 1
