from datetime import timedelta

import pytest
from django.utils import timezone

from spooling.models import Mail, Router, Spooler
from stats import events
from tests.wires.octosend.clients import refused

ROW = {
    *("id", "email", "destination", "provider", "tags", "variables", "spooled", "router", "routingStatus"),
    *("routingTime", "routingMessage", "activityOpened", "activityClicked", "activityUnsubscribe"),
    "activityAbuse",
}


@pytest.fixture
def filled(caller, token):
    """The token of a spooler with the mails of a to e."""
    mails = [{"email": f"{name}@{name}.example", "variables": {"name": name}} for name in "abcde"]
    mails[0]["tags"] = ["first"]
    caller.post(f"spooler/{token}/spool", {"mails": mails})
    return token


def change(name, **columns):
    Mail.objects.filter(email__startswith=f"{name}@").update(**columns)


@pytest.fixture
def fetch(caller, filled):
    """Call with parameters; the first letters of the mails, in order. Their count must be the same."""

    def call(**parameters):
        answer = caller.post(f"spooler/{filled}/mails/fetch", parameters)
        assert answer.status_code == 200, answer.content
        rows = answer.json()
        filters = {
            name: value for name, value in parameters.items() if name not in ("limit", "offset", "reverse")
        }
        if filters == parameters:
            assert caller.post(f"spooler/{filled}/mails/count", filters).json() == len(rows)
        return "".join(row["email"][0] for row in rows)

    return call


def test_a_row_has_what_its_filters_ask_for(caller, filled):
    row = caller.post(f"spooler/{filled}/mails/fetch", {"limit": 1}).json()[0]
    assert set(row) == ROW
    assert row.pop("spooled") == pytest.approx(timezone.now().timestamp(), abs=10)
    assert row.pop("id") == Mail.objects.get(email="a@a.example").public_id.hex
    assert row == {
        "email": "a@a.example",
        "destination": "a.example",
        "provider": "other",
        "tags": ["first"],
        "variables": {"name": "a"},
        "router": None,
        "routingStatus": "pending",
        "routingTime": None,
        "routingMessage": None,
        "activityOpened": False,
        "activityClicked": False,
        "activityUnsubscribe": False,
        "activityAbuse": False,
    }


def test_rows_come_by_pages_in_the_order_of_spooling(fetch):
    assert fetch() == "abcde"
    assert fetch(limit=2) == "ab" and fetch(limit=2, offset=2) == "cd" and fetch(offset=5) == ""
    assert fetch(limit=2, reverse=True) == "ed"
    assert fetch(limit=0) == ""


def test_counts_need_no_body_and_no_post(caller, filled):
    for answer in (
        caller.get(f"spooler/{filled}/mails/count"),
        caller.post(f"spooler/{filled}/mails/count"),
        caller.post(f"spooler/{filled}/mails/count", []),
    ):
        assert answer.json() == 5


def test_mails_are_found_by_address(fetch):
    assert fetch(destinations=["b.example", "C.example"]) == "bc"
    assert fetch(destinations=[]) == "abcde" and fetch(destinations=["example"]) == ""
    assert fetch(recipientContains="B@B") == "b"
    assert fetch(recipientContains="%") == "" and fetch(recipientContains="_") == ""


def test_a_filter_may_have_thousands_of_words(caller, filled, fetch):
    """As one condition each, they would take seconds for each thousand mails, and SQLite takes none so deep."""
    change("b", state="failed")
    many = [f"d{number}.example" for number in range(5000)]
    assert fetch(destinations=[*many, "b.example", "a.example"]) == "ab"
    assert fetch(destinations=["bücher.example"]) == ""
    assert fetch(routers=many) == fetch(routingStatus=many) == ""
    assert fetch(routingStatus=["permfail"] * 5000) == "b"
    assert caller.post("spoolers/count", {"states": ["new", "running"] * 5000}).json() == 1


def test_mails_are_found_by_time_to_the_second(fetch):
    early = timezone.now() - timedelta(hours=1)
    change("a", created_at=early)
    second = int(early.timestamp())
    assert fetch(spooledBefore=second) == "a"
    assert fetch(spooledAfter=second) == "abcde" and fetch(spooledAfter=second + 60) == "bcde"
    assert fetch(spooledAfter=0, spooledBefore=0) == "abcde"


def test_mails_are_found_by_what_became_of_them(caller, filled, fetch):
    change("a", state="delivered", last_reply="250 ok", ended_at=timezone.now())
    change("b", state="failed", last_reply="550 no")
    change("c", state="waiting", deferral=1, last_reply="451 later")
    change("d", state="blocked")
    change("e", state="sending", deferral=2)
    for status, names in (
        ("ok", "a"),
        ("permfail", "b"),
        ("tempfail", "c"),
        ("blocked", "d"),
        ("pending", "e"),
        ("quarantine", ""),
        ("sent", ""),
    ):
        assert fetch(routingStatus=[status]) == names, status
    assert fetch(routingStatus=["ok", "tempfail"]) == "ac"
    change("b", state="expired")
    change("d", state="quarantined")
    change("e", state="in_doubt", deferral=3)
    rows = caller.post(f"spooler/{filled}/mails/fetch").json()
    assert [row["routingStatus"] for row in rows] == ["ok", "permfail", "tempfail", "quarantine", "tempfail"]
    assert rows[0]["routingMessage"] == "250 ok" and rows[0]["routingTime"] > 0
    assert fetch(routingStatus=["tempfail"]) == "ce"


def test_a_deferred_mail_tells_when_it_last_failed(caller, filled):
    change("c", state="waiting", deferral=1, last_reply="451 later")
    mail = Mail.objects.get(email="c@c.example")
    for seconds in (7200, 3600):
        columns = {"provider": "other", "router": "", "lane": mail.lane, "destination": "c.example"}
        failed_at = timezone.now() - timedelta(seconds=seconds)
        happening = events.Happening(
            account_id=mail.account_id,
            domain_id=mail.domain_id,
            spooler_id=mail.spooler_id,
            mail_id=mail.pk,
            kind="tempfail",
            at=failed_at,
            **columns,
        )
        events.record([happening])
    rows = caller.post(f"spooler/{filled}/mails/fetch").json()
    assert [row["routingTime"] for row in rows] == [None, None, int(failed_at.timestamp()), None, None]


def test_what_waits_in_a_cancelled_spooler_is_pending(caller, filled, fetch):
    change("c", state="waiting", deferral=1)
    change("d", state="cancelled", deferral=1)
    caller.post(f"spooler/{filled}/cancel")
    assert fetch(routingStatus=["tempfail"]) == ""
    assert fetch(routingStatus=["pending"]) == "abcde"
    rows = caller.post(f"spooler/{filled}/mails/fetch").json()
    assert {row["routingStatus"] for row in rows} == {"pending"}


def test_mails_are_found_by_router(caller, filled, fetch):
    router = Router.objects.create(name="fast", host="127.0.0.1")
    change("b", router_id=router.pk)
    assert fetch(routers=["fast"]) == "b" and fetch(routers=["other"]) == ""
    assert caller.post(f"spooler/{filled}/mails/fetch").json()[1]["router"] == "fast"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("activityOpened", "opened_at"),
        ("activityClicked", "clicked_at"),
        ("activityUnsubscribe", "unsubscribed_at"),
        ("activityAbuse", "complained_at"),
    ],
)
def test_mails_are_found_by_activity(caller, filled, fetch, name, column):
    change("d", **{column: timezone.now()})
    assert fetch(**{name: True}) == "d" and fetch(**{name: False}) == "abce"
    assert fetch(**{name: None}) == "abcde"
    assert [row[name] for row in caller.post(f"spooler/{filled}/mails/fetch").json()] == [
        *(False, False, False),
        *(True, False),
    ]


@pytest.mark.parametrize(
    "body", [{"destinations": "x"}, {"activityOpened": "maybe"}, {"spooledAfter": "soon"}, {"limit": -1}]
)
def test_wrong_parameters_are_refused(caller, filled, body):
    assert refused(caller.post(f"spooler/{filled}/mails/fetch", body)) == (400, "invalid-field")


def test_a_page_costs_few_queries(caller, filled, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        caller.post(f"spooler/{filled}/mails/fetch")


def test_a_stranger_sees_no_mails(stranger, filled):
    for path in ("mails/count", "mails/fetch"):
        assert refused(stranger.post(f"spooler/{filled}/{path}")) == (404, "not-found")
    assert Spooler.objects.filter(token=filled).exists()
