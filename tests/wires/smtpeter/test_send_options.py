"""How a call of `send` says its mails are sent (contract §4.1)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spooling.models import Mail, Submission
from tests.wires.smtpeter.clients import refusal, sent


@pytest.mark.parametrize(
    ("unsubscribe", "expected"),
    [
        ({"email": "out@example.com"}, [["List-Unsubscribe", "<mailto:out@example.com>"]]),
        ({"url": "https://x.example/u?a=1"}, [["List-Unsubscribe", "<https://x.example/u?a=1>"]]),
        (
            {"email": "out@example.com", "url": "https://x.example/u", "oneclick": "true"},
            [
                ["List-Unsubscribe", "<mailto:out@example.com>, <https://x.example/u>"],
                ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
            ],
        ),
        ({}, []),
        ([], []),
    ],
)
def test_ways_to_unsubscribe_stand_in_the_header(caller, unsubscribe, expected):
    assert sent(caller, unsubscribe=unsubscribe).headers == expected


@pytest.mark.parametrize(
    "unsubscribe",
    [
        {"email": "out"},
        {"url": "javascript:alert(1)"},
        {"url": "https://x.example/>,<mailto:a@b.example"},
        {"url": "https://x.example/\r\nBcc: a@b.example"},
        {"oneclick": True},
        {"email": "out@example.com", "oneclick": True},
        {"url": "https://x.example/" + "x" * 4000},
        "https://x.example/",
    ],
)
def test_a_way_that_leads_nowhere_is_refused(caller, unsubscribe):
    assert "unsubscribe" in refusal(caller, unsubscribe=unsubscribe)


def test_own_header_fields_begin_with_x(caller):
    content = sent(
        caller, extra={"X-Order": 7, "x-a": "ü", "X-SMTPeter-TrackClicks": "false"}, headers={"x-b": "c"}
    )
    assert content.headers == [["X-Order", "7"], ["x-a", "ü"], ["x-b", "c"]]
    assert content.track_clicks


@pytest.mark.parametrize(
    "extra",
    [
        {"Subject": "x"},
        {"": "x"},
        {"x-a": "b\r\nBcc: c@d.example"},
        {"x-a\r\nBcc": "b"},
        {"x-a b": "c"},
        {"x-a": ["b"]},
        {"x-a": "b" * 4001},
        {f"x-{n}": "a" for n in range(51)},
        "x-a: b",
        ["x-a"],
    ],
)
def test_other_header_fields_are_refused(caller, extra):
    refusal(caller, extra=extra)
    refusal(caller, headers=extra)


@pytest.mark.parametrize(
    ("newer", "older", "column"),
    [("trackclicks", "clicktracking", "track_clicks"), ("trackopens", "openstracking", "track_opens")],
)
def test_tracking_has_newer_and_older_names_of_which_the_newer_counts(caller, newer, older, column):
    for off in (False, "false", "0", "no", "off", "", 0, "FALSE"):
        assert not getattr(sent(caller, **{newer: off}), column)
        assert not getattr(sent(caller, **{older: off}), column)
    for on in (True, "true", "1", "yes", "on", 1, None):
        assert getattr(sent(caller, **{newer: on}), column)
    assert getattr(sent(caller, **{newer: True, older: False}), column)


@pytest.mark.parametrize("name", ["trackclicks", "openstracking", "trackbounces", "preventscam", "inlinecss"])
@pytest.mark.parametrize("value", ["maybe", 7, 1.5, [True], {"a": True}])
def test_what_is_no_boolean_is_named(caller, name, value):
    assert name in refusal(caller, **{name: value})


def test_how_mails_are_handed_over_is_kept(caller):
    for name in ("trackbounces", "bouncetracking"):
        assert sent(caller, **{name: False}).handling == {
            "envelope_sender": "info@example.com",
            "track_bounces": False,
        }
    dsn = {"notify": "failure, SUCCESS", "ret": "full", "envid": "order 7", "orcpt": "J@doe.com"}
    assert sent(caller, envelope=None, dsn=dsn).handling == {
        "notify": "FAILURE,SUCCESS",
        "ret": "FULL",
        "envid": "order 7",
        "orcpt": "J@doe.com",
    }
    assert sent(caller, envelope="", preventscam=True).handling == {"spare_shown_links": True}


@pytest.mark.parametrize("dsn", [{}, [], None, {"ret": "HDRS"}, {"notify": []}, {"notify": "NEVER"}])
def test_wishes_for_reports_may_be_few(caller, dsn):
    sent(caller, dsn=dsn)


@pytest.mark.parametrize(
    "dsn",
    [
        {"notify": "SOMETIMES"},
        {"notify": "NEVER,FAILURE"},
        {"ret": "HALF"},
        {"envid": "x" * 101},
        {"envid": "é"},
        {"envid": "a\r\nb"},
        {"orcpt": "john"},
        "NEVER",
    ],
)
def test_wishes_that_no_server_knows_are_refused(caller, dsn):
    assert "dsn" in refusal(caller, dsn=dsn)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("a", ["a"]),
        (["a", "b", "a"], ["a", "b"]),
        ([7], ["7"]),
        ("", []),
        ([], []),
        ({"0": "a", "5": "b"}, ["a", "b"]),
    ],
)
def test_tags_are_kept_with_the_call(caller, told, kept):
    sent(caller, tags=told)
    assert Submission.objects.get().tags == kept


@pytest.mark.parametrize(
    "tags", ["a b", ["a;b"], ["a\tb"], ["a\u00a0b"], [["a"]], ["x" * 201], [f"t{n}" for n in range(101)]]
)
def test_tags_that_cannot_be_are_refused(caller, tags):
    assert "tags" in refusal(caller, tags=tags)


def test_the_last_moment_is_in_utc(caller):
    moment = (timezone.now() + timedelta(days=2)).replace(microsecond=0)
    sent(caller, maxdelivertime=f"{moment:%Y-%m-%d %H:%M:%S}")
    assert Mail.objects.get().not_after == moment


@pytest.mark.parametrize(
    "moment",
    [
        "tomorrow",
        "2099-01-01",
        "2099-01-01T00:00:00",
        "2099-02-30 00:00:00",
        "2001-01-01 00:00:00",
        "٢٠٩٩-01-01 00:00:00",
        7,
    ],
)
def test_another_moment_is_refused(caller, moment):
    assert "maxdelivertime" in refusal(caller, maxdelivertime=moment)
