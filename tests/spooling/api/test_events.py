import pytest
from django.test import Client
from django.utils import timezone

from earwig import domains
from spooling.models import Mail, Spooler
from tests import event_horizon, mail_moves

pytestmark = pytest.mark.django_db(transaction=True)


def get(key, path="/api/v1/events/", **query):
    return Client().get(path, query, headers={"Authorization": f"Token {key}"})


def read(key, **query):
    answer = get(key, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def mails(spool, campaign):
    """Two of a campaign, one of which is delivered at the second try."""
    made = spool("a@x.example", "b@y.example", lane="bulk", spooler_id=campaign.pk)
    mail_moves.settle(made[0].id, "tempfail", "delivered")
    event_horizon.wait()
    return made


def test_events_are_read_in_their_order(mails, campaign, key):
    answer = read(key)
    assert [event["kind"] for event in answer["results"]] == ["spooled", "spooled", "tempfail", "delivered"]
    last = answer["results"][-1]
    assert isinstance(last.pop("id"), int) and last.pop("at").endswith("Z")
    assert last == {
        "kind": "delivered",
        "mail": mails[0].hex,
        "spooler": campaign.token,
        "destination": "x.example",
        "provider": "other",
        "router": "north",
        "detail": {"code": 250, "reply": "said"},
    }


def test_reading_on_shows_every_event_once(mails, key):
    seen, position = [], ""
    for _ in range(4):
        answer = read(key, after=position, limit=1)
        seen += [event["id"] for event in answer["results"]]
        position = answer["next"]
    assert len(set(seen)) == 4
    idle = read(key, after=position)
    assert idle["results"] == []
    mail_moves.settle(mails[1].id, "failed")
    event_horizon.wait()
    assert [event["kind"] for event in read(key, after=idle["next"])["results"]] == ["failed"]


@pytest.mark.postgresql
def test_what_commits_late_is_not_passed_by(spool, key):
    spool("a@x.example")
    event_horizon.wait()
    start = read(key)["next"]
    with event_horizon.held_open(lambda: spool("late@x.example")):
        spool("early@x.example")
        beside = read(key, after=start)
        assert beside["results"] == []
    event_horizon.wait()
    late, early = (event["mail"] for event in read(key, after=beside["next"])["results"])
    assert [mail.public_id.hex for mail in Mail.objects.order_by("id")[1:]] == [late, early]


def test_events_are_filtered(mails, campaign, spool, account, key):
    domain = domains.add(account, name="shop.example", now=timezone.now())
    spool("c@x.example", domain_id=domain.pk)
    event_horizon.wait()
    assert len(read(key)["results"]) == 5
    assert len(read(key, spooler=campaign.token)["results"]) == 4
    assert len(read(key, mail=mails[1].hex)["results"]) == 1
    assert len(read(key, kind=["tempfail", "delivered"])["results"]) == 2
    assert len(read(key, domain="SHOP.example")["results"]) == 1
    for unknown in ({"spooler": "s0"}, {"mail": "0" * 32}, {"mail": "no"}, {"domain": "no.example"}):
        assert read(key, **unknown)["results"] == []


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "1-"}, {"limit": "0"}, {"limit": "many"}, {"kind": "sneeze"}]
)
def test_a_query_that_makes_no_sense_is_refused(key, query):
    answer = get(key, **query)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [next(iter(query))]


def test_a_stranger_sees_none_of_it(mails, campaign, other_key):
    assert read(other_key)["results"] == []
    assert read(other_key, spooler=campaign.token)["results"] == []
    assert read(other_key, mail=mails[0].hex)["results"] == []
    assert read(other_key, after="0-0")["results"] == []


def test_a_page_costs_the_same_queries_whatever_its_length(mails, spool, key, django_assert_max_num_queries):
    spool(*[f"{number}@x.example" for number in range(50)])
    event_horizon.wait()
    read(key)
    with django_assert_max_num_queries(4):
        assert len(read(key)["results"]) == 54


def test_a_standing_stream_is_named_by_its_token(spool, key):
    spool("a@x.example")
    event_horizon.wait()
    assert read(key)["results"][0]["spooler"] == Spooler.objects.get().token
