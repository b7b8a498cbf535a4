"""Report requests and their files (contract §6.3)."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from earwig import sealing, senders
from spooling import privacy
from spooling.models import JobFile, JobRequest, Mail
from spooling.reports import deliveries as reports
from spooling.reports import files
from spooling.wires.relay.views.reports import MOST_OPEN
from tests import mail_moves, ticks
from tests.wires.relay.clients import refused
from tests.wires.relay.conftest import AT
from tests.wires.relay.test_deliveries import follow

pytestmark = pytest.mark.django_db(transaction=True)

SPAN = {"start_date": "2026-03-04T00:00:00+00:00", "end_date": "2026-03-05T00:00:00+00:00"}
COLUMNS = ["Subject", "Sender", "SenderName", "Email", "Status", "Date", "Opens", "Clicks"]


def ask(caller, **members):
    """The path of a request that was just made."""
    answer = caller.post("/reports/reportrequest", SPAN | members)
    assert answer.status_code == 201
    return answer.json()["_links"][0]["href"]


def made(caller, **members):
    """The document of a request whose report is made."""
    path = ask(caller, **members)
    ticks.until_jobs_end(now=timezone.now())
    return caller.get(path).json()


def fetched(client, file_path):
    """As a browser does that follows a link."""
    parts = urlsplit(file_path)
    answer = client.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 200 and answer["Content-Type"] == "text/csv; charset=utf-8"
    content = b"".join(answer.streaming_content)
    assert int(answer["Content-Length"]) == len(content)
    return list(csv.reader(io.StringIO(content.decode())))


def test_relay_17_a_report_is_asked_for_and_fetched_without_a_key(caller, client, spool):
    sent, other = spool("ana@x.example", "bob@x.example")
    mail_moves.settle(sent.pk, "delivered")
    follow(sent, b"p")
    follow(sent, b"p")
    answer = caller.post("/reports/reportrequest", SPAN)
    assert answer.status_code == 201
    document = answer.json()
    (link,) = document["_links"]
    assert document["createdResourceId"].isdecimal() and document["message"]
    assert link["href"] == f"/reports/reportrequest?reportRequestId={document['createdResourceId']}"
    asked = caller.get(link["href"]).json()
    assert asked["processed"] is False and asked["file_path"] is None
    assert (asked["start_date"], asked["end_date"], asked["filter"]) == (*SPAN.values(), "")
    ticks.until_jobs_end(now=timezone.now())
    done = caller.get(link["href"]).json()
    assert done["processed"] is True and done["file_path"].startswith("http://testserver/reports/")
    lines = fetched(client, done["file_path"])
    assert lines[0] == COLUMNS
    assert lines[1:] == [
        ["Order 1", "shop@test.com", "Shop", "ana@x.example", "Sent", "2026-03-04 12:00:00", "2", "0"],
        ["Order 2", "shop@test.com", "Shop", "bob@x.example", "Queued", "2026-03-04 12:00:00", "0", "0"],
    ]


def test_a_report_tells_of_its_time_its_filter_and_its_account_alone(caller, client, rival, spool):
    spool("early@x.example", at=AT - timedelta(days=1))
    spool("ana@x.example", "bob@x.example")
    spool("late@x.example", at=datetime(2026, 3, 5, tzinfo=UTC))
    spool("foreign@x.example", of=rival)
    document = made(caller, filter="ANA", resource="clicks")
    assert [line[3] for line in fetched(client, document["file_path"])[1:]] == ["ana@x.example"]
    assert (document["filter"], document["resource"]) == ("ANA", "clicks")


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_a_report_is_written_by_slices(caller, client, spool, monkeypatch, rows):
    monkeypatch.setattr(reports, "SLICE", rows)
    spool(*(f"ana{number}@x.example" for number in range(6)))
    lines = fetched(client, made(caller)["file_path"])
    assert [line[3] for line in lines] == ["Email", *(f"ana{number}@x.example" for number in range(6))]


def test_a_report_of_nothing_has_no_file(caller, acme):
    document = made(caller)
    assert (document["processed"], document["file_path"]) == (True, None)


def test_quotes_commas_and_lines_stay_in_their_column(caller, client, spool):
    spool("ana@x.example", subject='Hi, "you", é')
    assert fetched(client, made(caller)["file_path"])[1][0] == 'Hi, "you", é'


def test_the_addresses_of_files_expire_and_are_nobodys_guess(caller, client, keyless, spool):
    spool("ana@x.example")
    path = ask(caller)
    ticks.until_jobs_end(now=timezone.now())
    parts = urlsplit(caller.get(path).json()["file_path"])
    address = f"{parts.path}?{parts.query}"
    assert client.get(address).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert refused(keyless.get(address)) == ("404.1", [])
    job = JobRequest.objects.get()
    for token in (
        "",
        "x",
        "é",
        "%00",
        sealing.seal(f"other {job.pk}"),
        sealing.seal("relay report 1 until 9"),
    ):
        assert refused(keyless.get(f"/reports/file?token={token}")) == ("404.1", [])


def test_requests_are_listed_newest_first_and_are_nobody_elses(caller, stranger, acme):
    paths = [ask(caller), ask(caller)]
    document = caller.get("/reports/reportrequests").json()
    assert [item["_links"][0]["href"] for item in document["items"]] == paths[::-1]
    assert stranger.get("/reports/reportrequests").json()["items"] == []
    assert refused(stranger.get(paths[0])) == ("404.1", [])
    assert refused(caller.get("/reports/reportrequest?reportRequestId=999999999")) == ("404.1", [])
    for number in ("", "x", "-1", "1" * 30, "%D9%A1"):
        answer = caller.get(f"/reports/reportrequest?reportRequestId={number}")
        assert refused(answer) == ("400.1", ["reportRequestId"])


@pytest.mark.parametrize(
    ("members", "number", "keys"),
    [
        ({"start_date": None}, "400.1", ["start_date"]),
        ({"start_date": "2026-03-04T00:00"}, "400.1", ["start_date"]),
        ({"end_date": 7}, "400.1", ["end_date"]),
        ({"start_date": "2026-03-06Z"}, "400.1", ["start_date"]),
        ({"start_date": "2999-03-06Z", "end_date": "2999-03-07Z"}, "400.1", ["start_date"]),
        ({"filter": "a" * 321}, "400.1", ["filter"]),
        ({"resource": {}}, "400.1", ["resource"]),
        ({"accountId": "rival"}, "403.0", []),
        ({"accountId": 999999}, "403.0", []),
    ],
)
def test_a_request_that_cannot_be_leaves_nothing(caller, acme, members, number, keys):
    assert refused(caller.post("/reports/reportrequest", SPAN | members)) == (number, keys)
    assert not JobRequest.objects.exists()


def test_the_account_may_be_named(caller, acme):
    assert ask(caller, accountId=acme.pk) and ask(caller, accountId="acme")


def test_an_account_has_so_many_requests_open(caller, acme):
    for _ in range(MOST_OPEN):
        ask(caller)
    assert refused(caller.post("/reports/reportrequest", SPAN)) == ("429.1", [])


def test_who_is_forgotten_stands_in_no_report_any_more(caller, client, acme, spool):
    ana, bob = spool("ana@x.example", "bob@x.example")
    Mail.objects.update(state="delivered", ended_at=AT)
    path = ask(caller)
    ticks.until_jobs_end(now=timezone.now())
    sender = senders.vouch(acme, email="ana@x.example", name="Ana", ttl_days=30, now=timezone.now())
    assert privacy.forget(sender, now=timezone.now())
    assert caller.get(path).json()["processed"] is False and not JobFile.objects.exists()
    ticks.until_jobs_end(now=timezone.now())
    lines = fetched(client, caller.get(path).json()["file_path"])
    assert [line[3] for line in lines[1:]] == ["", "bob@x.example"]


def test_old_mails_are_erased_from_reports_too(caller, client, spool):
    with time_machine.travel(AT):
        spool("ana@x.example")
        Mail.objects.update(state="delivered", ended_at=AT)
    path = ask(caller)
    later = ask(caller, start_date="2026-03-05Z", end_date="2026-03-06Z")
    ticks.until_jobs_end(now=timezone.now())
    privacy.erase_old_mails(AT + timedelta(days=200))
    assert caller.get(path).json()["processed"] is False
    assert caller.get(later).json()["processed"] is True
    ticks.until_jobs_end(now=timezone.now())
    assert fetched(client, caller.get(path).json()["file_path"])[1][3] == ""


def test_old_requests_are_deleted(caller, spool):
    spool("ana@x.example")
    path = ask(caller)
    ticks.until_jobs_end(now=timezone.now())
    files.tidy(now=timezone.now() + timedelta(days=31))
    assert refused(caller.get(path)) == ("404.1", []) and not JobFile.objects.exists()
