import pytest
from django.utils import timezone

from spooling import suppressions
from spooling.models import Mail
from spooling.models.suppressions import SuppressionReason
from stats import events, rollups
from stats.models import EventKind
from tests import event_horizon, mail_moves
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, OTHER

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def filled(caller, token):
    """A spooler with three mails: one delivered at the second try, one refused, one not tried."""
    mails = [{"email": f"{name}@x.example", "tags": [name]} for name in "abc"]
    assert caller.post(f"spooler/{token}/spool", {"mails": mails}).status_code == 200
    mail_moves.settle(mail("a").pk, "tempfail", code=451, reply="later")
    mail_moves.settle(mail("a").pk, "delivered", reply="taken")
    mail_moves.settle(mail("b").pk, "failed", router="south", code=550, reply="nobody")
    event_horizon.wait()
    return token


def mail(name):
    return Mail.objects.get(email=f"{name}@x.example")


def act(name, kind, counts=1, **detail):
    """Something that the recipient did."""
    of = mail(name)
    happening = events.Happening(
        account_id=of.account_id,
        domain_id=of.domain_id,
        spooler_id=of.spooler_id,
        mail_id=of.pk,
        destination="x.example",
        provider=of.provider,
        router="north",
        lane=of.lane,
        kind=kind,
        at=timezone.now(),
        counts=counts,
        detail=detail,
    )
    events.record([happening])


def types(caller, path, **parameters):
    answer = caller.post(f"events/{path}/fetch", parameters)
    assert answer.status_code == 200, answer.content
    return [event["type"] for event in answer.json()]


def count(caller, path, **parameters):
    return caller.post(f"events/{path}/count", parameters).json()


def test_an_event_is_flat_and_says_what_happened_to_which_mail(caller, filled):
    found = caller.post(f"events/spooler/{filled}/fetch", {"event": "ok"}).json()
    assert len(found) == 1
    assert found[0].pop("timestamp") == pytest.approx(timezone.now().timestamp(), abs=60)
    assert found[0] == {
        "type": "ok",
        "family": "routing",
        "domain": DEMO,
        "spooler": filled,
        "mail": mail("a").public_id.hex,
        "email": "a@x.example",
        "destination": "x.example",
        "tags": ["a"],
        "router": "north",
        "message": "taken",
        "code": 250,
    }


def test_events_are_asked_for_by_type_or_family(caller, filled):
    path = f"spooler/{filled}"
    assert types(caller, path) == ["spooled"] * 3 + ["tempfail", "ok", "permfail"]
    assert types(caller, path, event="routing") == ["tempfail", "ok", "permfail"]
    assert types(caller, path, event="permfail") == ["permfail"]
    assert types(caller, path, event=None) == types(caller, path)
    assert types(caller, path, event="sneeze") == []
    for rolled in (False, True):
        if rolled:
            rollups.roll()
        assert count(caller, path) == 6
        assert count(caller, path, event="spooling") == 3
        assert count(caller, path, event="tempfail") == 1
        assert count(caller, path, event="sneeze") == 0
    assert caller.get(f"events/{path}/count").json() == 6
    assert caller.post(f"events/{path}/count").json() == 6


def test_every_hit_is_an_event(caller, filled):
    agent = {"ip": "192.0.2.1", "useragent": "Mozilla"}
    act("a", EventKind.OPEN, **agent)
    act("a", EventKind.OPEN, counts=0, **agent)
    act("a", EventKind.CLICK, url="http://t.example/", **agent)
    act("a", EventKind.COMPLAINT)
    event_horizon.wait()
    path = f"spooler/{filled}"
    assert types(caller, path, event="activity") == ["open", "open", "click", "abuse"]
    assert count(caller, path, event="open") == 2
    (click,) = caller.post(f"events/{path}/fetch", {"event": "click"}).json()
    assert {name: click[name] for name in ("ip", "useragent", "url")} == {**agent, "url": "http://t.example/"}
    activity = caller.post(f"statistics/spooler/{filled}", []).json()["activity"]
    assert activity == {"open": 1, "click": 1, "mirror": 0, "unsubscribe": 0, "abuse": 1}


def test_an_address_to_drop_says_why(caller, filled):
    act("b", EventKind.SUPPRESSED, reason=SuppressionReason.HARD_BOUNCE.value)
    event_horizon.wait()
    (cleanup,) = caller.post(f"events/domain/{DEMO}/fetch", {"event": "cleanup"}).json()
    assert (cleanup["reason"], cleanup["email"]) == ("permfail", "b@x.example")


def test_blocked_mail_says_why(caller, shop, token):
    scope = suppressions.Scope(account_id=shop.pk)
    suppressions.suppress(
        scope, "a@x.example", reason=SuppressionReason.MANUAL, source="test", now=timezone.now()
    )
    caller.post(f"spooler/{token}/spool", {"mails": [{"email": "a@x.example"}]})
    event_horizon.wait()
    spooled, blocked = caller.post(f"events/spooler/{token}/fetch").json()
    assert (spooled["type"], blocked["type"]) == ("spooled", "blocked")
    assert "manual" in blocked["reason"]


def test_what_is_internal_is_not_shown(caller, filled):
    act("c", EventKind.IN_DOUBT)
    act("c", EventKind.REQUEUED)
    act("c", EventKind.CANCELLED)
    event_horizon.wait()
    assert len(types(caller, f"spooler/{filled}")) == count(caller, f"spooler/{filled}") == 6


def test_pages_have_every_event_once(caller, filled):
    path = f"spooler/{filled}"
    paged = [type for offset in range(0, 8, 2) for type in types(caller, path, offset=offset, limit=2)]
    assert paged == types(caller, path)
    assert types(caller, path, reverse=True, limit=2) == ["permfail", "ok"]
    assert (
        types(caller, path, offset=6)
        == types(caller, path, offset=10**15)
        == types(caller, path, limit=0)
        == []
    )


@pytest.mark.postgresql
def test_polling_by_offset_never_passes_what_commits_late(caller, filled):
    path = f"spooler/{filled}"

    def late():
        act("a", EventKind.OPEN)

    with event_horizon.held_open(late):
        act("a", EventKind.CLICK)
        assert types(caller, path, offset=6) == []
    event_horizon.wait()
    assert types(caller, path, offset=6) == ["open", "click"]


def test_a_domains_events_are_of_all_its_mail(caller, filled):
    act("a", EventKind.OPEN)
    event_horizon.wait()
    assert count(caller, f"domain/{DEMO}") == 7
    assert types(caller, f"domain/{DEMO}", event="activity") == ["open"]
    assert caller.get(f"events/domain/{DEMO}/count").json() == 7


def test_an_erased_address_is_empty(caller, filled):
    Mail.objects.filter(email="a@x.example").update(email="")
    (event,) = caller.post(f"events/spooler/{filled}/fetch", {"event": "ok"}).json()
    assert (event["email"], event["destination"]) == ("", "x.example")


@pytest.mark.parametrize("parameters", [{"event": 7}, {"limit": -1}, {"offset": "x"}, {"event": ["ok"]}])
def test_a_wrong_type_is_refused(caller, filled, parameters):
    assert refused(caller.post(f"events/spooler/{filled}/fetch", parameters)) == (400, "invalid-field")


def test_events_are_fetched_by_post(caller, filled):
    assert refused(caller.get(f"events/spooler/{filled}/fetch")) == (405, "method-not-allowed")


def test_a_stranger_finds_nothing(caller, stranger, keyless, filled):
    for verb in ("count", "fetch"):
        for path in (f"spooler/{filled}", f"domain/{DEMO}", "spooler/s0"):
            assert refused(stranger.post(f"events/{path}/{verb}", {"event": 7})) == (404, "not-found")
            assert refused(keyless.post(f"events/{path}/{verb}")) == (403, "forbidden")
        assert refused(caller.post(f"events/domain/{OTHER}/{verb}")) == (404, "not-found")
