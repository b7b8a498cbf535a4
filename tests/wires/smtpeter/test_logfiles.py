"""Logs of a day in their four forms (contract §6.3)."""

import csv
import io
import xml.etree.ElementTree as tree
from datetime import UTC, timedelta

import pytest
from django.utils import timezone

from spooling.models import DmarcReport
from spooling.models.inbound import IncomingKind, IncomingMail
from spooling.wires.smtpeter import logs
from stats import rollups
from stats.models import Event
from tests import event_horizon, mail_moves
from tests.wires.smtpeter.clients import refused
from tests.wires.smtpeter.test_events import bounced, id_of, sent, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(caller):
    """A day with two deliveries and a bounce; its date."""
    for recipient in ("ann@x.example", "bob@x.example"):
        mail = sent(caller, recipient=recipient, subject='A "quoted", subject')
        mail_moves.settle(mail.pk, "delivered")
    bounced(mail)
    return timezone.now().astimezone(UTC).date()


def report(account, **changes):
    now = timezone.now()
    return DmarcReport.objects.create(
        **{
            "account": account,
            "domain": "example.com",
            "organisation": "Big Provider",
            "report_id": "r1",
            "email": "dmarc@big.example",
            "begins_at": now - timedelta(days=1),
            "ends_at": now,
            "messages": 7,
            "failed_spf": 1,
            "failed_dkim": 2,
            "xml": "<feedback/>",
            **changes,
        }
    )


def test_days_and_names_are_listed(caller, stranger, day, acme):
    assert caller.get("logfiles").json() == [str(day)]
    names = [f"{name}.{day}.log" for name in ("attempts", "deliveries", "failures", "bounces")]
    assert caller.get(f"logfiles/{day}").json() == names
    report(acme)
    assert caller.get(f"logfiles/{day}").json() == [*names, f"dmarc.{day}.log"]
    assert stranger.get("logfiles").json() == []
    assert refused(stranger.get(f"logfiles/{day}"))[0] == 404
    assert refused(stranger.get(f"logfiles/attempts.{day}.log"))[0] == 404


@pytest.mark.django_db(transaction=True)
def test_days_that_are_rolled_up_are_listed_too(caller, day):
    event_horizon.wait()
    while rollups.roll():
        pass
    assert caller.get("logfiles").json() == [str(day)]


def test_a_log_is_csv_with_and_without_names(caller, day):
    plain = caller.get(f"logfiles/deliveries.{day}.log")
    assert plain["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(plain.content.decode(), newline="")))
    named = list(
        csv.reader(io.StringIO(caller.get(f"logfiles/deliveries.{day}.log/header").content.decode()))
    )
    assert named == [list(logs.ALL["deliveries"].columns), *rows]
    assert [row[3] for row in rows] == ["ann@x.example", "bob@x.example"]


@pytest.mark.parametrize("log", ["attempts", "deliveries", "failures", "bounces"])
def test_every_form_says_the_same(caller, day, log):
    objects = caller.get(f"logfiles/{log}.{day}.log/json").json()
    assert all(list(each) == list(logs.ALL[log].columns) for each in objects)
    named = csv.DictReader(
        io.StringIO(caller.get(f"logfiles/{log}.{day}.log/header").content.decode(), newline="")
    )
    texts = [{name: str(value) for name, value in each.items()} for each in objects]
    assert list(named) == texts
    xml = caller.get(f"logfiles/{log}.{day}.log/xml")
    assert xml["Content-Type"] == "application/xml; charset=utf-8"
    records = tree.fromstring(xml.content)
    assert records.tag == "records"
    assert [{field.tag: field.text or "" for field in record} for record in records] == texts


def test_a_field_may_hold_anything(caller, day):
    mail = sent(caller)
    nasty = b"From: a@x\r\n\r\n<&>\"',;\n\x01]]>\xff"
    IncomingMail.objects.create(mail_id=mail.pk, kind=IncomingKind.COMPLAINT, digest="2" * 64, raw=nasty)
    event = Event.objects.filter(mail_id=mail.pk).get()
    IncomingMail.objects.create(mail_id=mail.pk, kind=IncomingKind.REPLY, digest="3" * 64, raw=nasty)
    Event.objects.create(**told(event), kind="response", at=timezone.now())
    Event.objects.create(**told(event), kind="complaint", at=timezone.now())
    assert [each["id"] for each in caller.get(f"logfiles/abuses.{day}.log/json").json()] == [id_of(mail)]
    (row,) = caller.get(f"logfiles/responses.{day}.log/json").json()
    assert row["mime"] == nasty.decode("utf-8", "replace")
    (cells,) = csv.reader(
        io.StringIO(caller.get(f"logfiles/responses.{day}.log").content.decode(), newline="")
    )
    assert cells[4] == row["mime"]
    record = tree.fromstring(caller.get(f"logfiles/responses.{day}.log/xml").content)[0]
    assert record.find("mime").text == row["mime"].replace("\x01", "\ufffd")


def test_reports_on_dmarc_are_a_log(caller, acme, rival, day):
    row = report(acme)
    report(rival)
    (found,) = caller.get(f"logfiles/dmarc.{day}.log/json").json()
    assert list(found) == list(logs.DMARC.columns)
    assert (found["organizationName"], found["messages"], found["failedDkim"]) == ("Big Provider", "7", "2")
    assert found["begin"] == row.begins_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def test_the_columns_are_the_document_s():
    assert {name: " ".join(log.columns) for name, log in logs.ALL.items()} == {
        "attempts": "id time envelope recipient properties tags templateid",
        "deliveries": "id time envelope recipient from to attempt tags templateid",
        "failures": (
            "id time envelope recipient attempt from to type code status description state tags templateid"
        ),
        "bounces": "id time envelope recipient mime tags templateid",
        "responses": "id time envelope recipient mime tags templateid",
        "clicks": (
            "id time headers ip url destination tags recipient city countryname countrycode regioncode templateid"
        ),
        "opens": "id time headers ip protocol tags recipient city countryname countrycode regioncode templateid",
        "abuses": "id time envelope recipient tags templateid",
        "dmarc": (
            "time organizationName email reportId begin end domain sendingDomain messages failedSpf failedDkim"
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("2022-02-30", "0000-00-00", "2022-02-08", "9999-12-31", "-", "2022", "failures", "a%00.log"),
        *("nothing.2022-02-08.log", "failures.2022-02-08.log", "failures.2022-99-99.log", "é", "x" * 3000),
    ],
)
def test_what_is_no_log_is_not_found(caller, day, name):
    for form in ("", "/header", "/json", "/xml", "/yaml"):
        assert refused(caller.get(f"logfiles/{name}{form}"))[0] == 404
