"""Reporting files over the wire: a name leads to an address, the address to a gzip file, without a key."""

import gzip
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from earwig import domains, sealing
from spooling.models import JobRequest
from spooling.outbox import intake
from spooling.reports import files
from spooling.wires.octosend.views import reporting
from tests import ticks
from tests.wires.octosend.conftest import DEMO, NEWS, OTHER

pytestmark = pytest.mark.django_db(transaction=True)

BASES = ("/api/3.0", "/api/v3.0", "/octosend/api/3.0", "/octosend/3.0")
NOW = timezone.now()
TODAY = NOW.astimezone(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Nobody makes files while a test asks for one."""
    monkeypatch.setattr(reporting, "WAIT_SECONDS", 0)


@pytest.fixture
def key(shop, make_key):
    return make_key(shop)


@pytest.fixture
def mail(shop):
    """Call with an address and a domain's name: one mail was stored yesterday at noon."""

    def call(email, name=DEMO):
        domain = shop.domains.get(name=name)
        content = intake.NewContent(from_email=f"news@{name}", subject="Hi", text="Hello\n")
        send = intake.NewSend(content=content, mails=(intake.NewMail(email=email),), domain_id=domain.pk)
        at = datetime.combine(YESTERDAY, datetime.min.time(), UTC) + timedelta(hours=12)
        submission = intake.NewSubmission(account_id=shop.pk, wire="octosend")
        return intake.accept(submission, [send], now=at)[0]

    return call


def name_of(domain=DEMO, family="spooling", day=YESTERDAY):
    return f"{domain}_{family}_{day}.json.gz"


def ask(key, name=None, base="/api/3.0", **headers):
    path = f"{base}/reporting/domains/{name or name_of()}"
    return Client().get(f"{path}?", headers={"X-RMTA-API-Key": key, **headers} if key else headers)


def fetch(location, verb="get"):
    return getattr(Client(), verb)(urlsplit(location).path)


def make_files():
    """As the control tick does, as soon as a day is told."""
    ticks.until_jobs_end(
        now=max(timezone.now(), datetime.combine(TODAY, datetime.min.time(), UTC) + files.GRACE)
    )


def lines(answer):
    return [json.loads(line) for line in gzip.decompress(answer.getvalue()).decode().splitlines()]


def refused(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert (answer.json()["code"], answer.json()["details"]) == (code, {})
    assert isinstance(answer.json()["error"], str)
    return True


@pytest.mark.parametrize("base", BASES)
def test_a_report_is_answered_by_the_address_of_a_file(key, mail, base):
    mail("ann@x.example")
    answer = ask(key, base=base)

    assert answer.status_code == 302
    location = answer["Location"]
    assert re.fullmatch(rf"http://testserver{base}/reporting/files/[\w=-]+/{re.escape(name_of())}", location)
    make_files()
    file = fetch(location)
    assert file.status_code == 200
    assert [(line["type"], line["email"], line["domain"]) for line in lines(file)] == [
        ("spooled", "ann@x.example", DEMO)
    ]


def test_the_file_is_one_that_no_client_decodes(key, mail):
    mail("ann@x.example")
    location = ask(key)["Location"]
    make_files()
    file = fetch(location)
    data = file.getvalue()

    assert file["Content-Type"] == "application/gzip" and "Content-Encoding" not in file
    assert file["Content-Disposition"] == f"attachment; filename={name_of()}"
    assert (file["X-Content-Type-Options"], int(file["Content-Length"])) == ("nosniff", len(data))
    head = fetch(location, "head")
    assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", str(len(data)))
    assert fetch(location).getvalue() == data


def test_each_line_is_an_event_object(key, mail):
    accepted = mail("ann@x.example")
    location = ask(key)["Location"]
    make_files()

    line = lines(fetch(location))[0]
    timestamp = line.pop("timestamp")
    assert datetime.fromtimestamp(timestamp, UTC).date() == YESTERDAY
    assert line == {
        "type": "spooled",
        "family": "spooling",
        "domain": DEMO,
        "spooler": None,
        "mail": accepted.hex,
        "email": "ann@x.example",
        "destination": "x.example",
        "tags": [],
    }


@pytest.mark.parametrize("family", ["spooling", "routing", "activity", "cleanup"])
def test_a_past_day_without_events_is_an_empty_file(key, family):
    location = ask(key, name_of(NEWS, family))["Location"]
    make_files()
    file = fetch(location)

    assert file.getvalue() and lines(file) == []


@pytest.mark.parametrize(
    "name",
    [
        name_of(family="opens"),
        name_of(family="Activity"),
        name_of(day=TODAY),
        name_of(day=TODAY + timedelta(days=400)),
        name_of(day="2026-02-30"),
        name_of(day="1969-12-31"),
        name_of(day="0001-01-01"),
        name_of(OTHER),
        name_of("nope.example"),
        f"{DEMO}_activity_{YESTERDAY}.json",
        f"{DEMO}_activity.json.gz",
        f"activity_{YESTERDAY}.json.gz",
        name_of("a%00b"),
        name_of("%0A"),
        "x",
    ],
)
def test_a_report_that_cannot_be_is_not_found(key, rival, name):
    assert refused(ask(key, name), 404, "not-found")
    assert not JobRequest.objects.exists()


def test_anothers_domain_is_as_unknown_as_none(key, rival, make_key):
    foreign, unknown = (ask(key, name_of(domain)) for domain in (OTHER, "nope.example"))
    assert foreign.content == unknown.content
    assert ask(make_key(rival), name_of(OTHER)).status_code == 302


def test_two_accounts_with_one_domain_read_their_own_mail(key, rival, make_key, mail):
    domains.add(rival, name=DEMO, now=NOW)
    mail("ann@x.example")
    theirs, ours = ask(make_key(rival))["Location"], ask(key)["Location"]
    make_files()

    assert lines(fetch(theirs)) == [] and len(lines(fetch(ours))) == 1


def test_a_report_needs_a_key_and_its_file_none(key, shop):
    assert refused(ask(None), 403, "forbidden")
    assert refused(ask("bogus"), 403, "forbidden")
    location = ask(key)["Location"]
    make_files()
    assert Client().get(urlsplit(location).path, headers={"X-RMTA-API-Key": "bogus"}).status_code == 200


def test_a_domain_may_be_written_in_capitals_and_with_an_underscore(key, shop):
    assert ask(key, name_of(DEMO.upper()))["Location"].endswith(f"/{name_of()}")
    assert reporting._asked(name_of("my_shop.example")).domain == "my_shop.example"


def test_the_address_is_on_the_host_that_the_client_used(key, settings):
    settings.ALLOWED_HOSTS = ["mail.example", "testserver"]
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "mail.example", "X-Forwarded-Prefix": "/old"}

    assert ask(key, **proxied)["Location"].startswith("https://mail.example/old/api/3.0/reporting/files/")
    settings.TRUSTED_PROXIES = []
    assert ask(key, **proxied)["Location"].startswith("http://testserver/api/3.0/reporting/files/")


def test_the_address_ends_after_an_hour(key, shop, monkeypatch):
    location = ask(key)["Location"]
    make_files()

    for seconds, status in ((3590, 200), (3610, 404)):
        late = timezone.now() + timedelta(seconds=seconds)
        monkeypatch.setattr(reporting.timezone, "now", lambda late=late: late)
        assert fetch(location).status_code == status
        monkeypatch.undo()
    monkeypatch.setattr(reporting, "VALID", timedelta(seconds=-1))
    assert refused(fetch(ask(key)["Location"]), 404, "not-found")


@pytest.mark.parametrize(
    "change",
    [
        lambda sealed, name: (sealed[:-3] + "AAA", name),
        lambda sealed, name: (sealed, name.replace("spooling", "activity")),
        lambda sealed, name: (sealed, name.replace(DEMO, NEWS)),
        lambda sealed, name: ("x", name),
        lambda sealed, name: (sealing.seal("1 2"), name),
        lambda sealed, name: (sealing.seal("a b c d"), name),
    ],
)
def test_an_address_that_was_not_given_out_leads_nowhere(key, change):
    base, sealed, name = ask(key)["Location"].rsplit("/", 2)
    make_files()

    assert refused(fetch("/".join([base, *change(sealed, name)])), 404, "not-found")


def test_a_file_that_is_not_made_yet_is_to_be_asked_for_again(key, mail):
    mail("ann@x.example")
    location = ask(key)["Location"]
    answer = fetch(location)

    assert refused(answer, 503, "not-ready") and answer["Retry-After"] == "5"
    make_files()
    assert fetch(location).status_code == 200


def test_a_call_waits_for_a_file_that_is_being_made(key, mail, monkeypatch):
    monkeypatch.setattr(reporting, "WAIT_SECONDS", 20)
    monkeypatch.setattr(reporting, "LOOK_SECONDS", 0.05)
    mail("ann@x.example")
    location = ask(key)["Location"]

    def make():
        try:
            make_files()
        finally:
            connection.close()

    maker = threading.Timer(0.3, make)
    maker.start()
    try:
        assert len(lines(fetch(location))) == 1
    finally:
        maker.join()


def test_few_calls_of_a_process_wait(key, monkeypatch):
    monkeypatch.setattr(reporting, "_waiting", threading.BoundedSemaphore(1))
    monkeypatch.setattr(reporting, "WAIT_SECONDS", 20)
    location = ask(key)["Location"]
    reporting._waiting.acquire()

    assert fetch(location).status_code == 503


def test_a_file_that_was_deleted_meanwhile_is_made_again(key, mail, shop):
    mail("ann@x.example")
    location = ask(key)["Location"]
    make_files()
    files.forget_account(shop.pk)

    assert fetch(location).status_code == 503
    make_files()
    assert len(lines(fetch(location))) == 1


def test_asking_twice_makes_the_file_once(key):
    locations = {ask(key, name_of(family=family))["Location"] for family in ("spooling", "activity")}

    assert len(locations) == 2 and JobRequest.objects.count() == 1


@pytest.mark.parametrize("path", ["domains/{name}", "files/x/{name}"])
def test_other_verbs_are_refused(key, path):
    answer = Client().post(
        f"/api/3.0/reporting/{path.format(name=name_of())}", headers={"X-RMTA-API-Key": key}
    )
    assert refused(answer, 405, "method-not-allowed")
