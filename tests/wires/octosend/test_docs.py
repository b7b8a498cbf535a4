"""docs/octosend.md says what is so: its lines run, one after the other, against a running server."""

import json
import re
from datetime import UTC, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from earwig.models import Domain, Membership
from spooling import event_lines
from spooling.models import Mail, Spooler
from spooling.outbox import intake
from spooling.reports import files
from tests import docs_pages, ticks

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = docs_pages.page("octosend")
CALLS = docs_pages.calls(PAGE)


@pytest.fixture
def shop(account):
    user = get_user_model().objects.create_user("ada", password="s3cret")
    Membership.objects.create(user=user, account=account)
    return account


def test_the_lines_of_the_page_work_in_their_order(live_server, shop):
    known = {"KEY": ""}
    for call in CALLS[:-1]:
        for word in ("SPOOLER", "PART"):
            call = re.sub(rf"\b{word}\b", known.get(word, word), call)
        answered = docs_pages.ask(call, URL=live_server.url, KEY=known["KEY"])
        assert answered.status == 200, (call, answered.body)
        answer = answered.json()
        if "authenticate" in call:
            known["KEY"] = answer["api-key"]
        elif "spoolers/create" in call:
            known["SPOOLER"] = answer["token"]
        elif "resources/part" in call:
            known["PART"] = answer
        elif "preview" in call:
            assert answer["mails"][0]["missing"] == ["firstname"]

    assert len(CALLS) == 11 and Mail.objects.count() == 2
    assert Spooler.objects.get(token=known["SPOOLER"]).state == "ready"


def test_the_line_of_a_reporting_file_prints_its_events(live_server, shop, key):
    domain = Domain.objects.create(account=shop, name="shop.example", default=True)
    yesterday = timezone.now().astimezone(UTC) - timedelta(days=1)
    content = intake.NewContent(from_email="shop@shop.example", subject="Hi", text="Hello\n")
    send = intake.NewSend(
        content=content, mails=(intake.NewMail(email="ann@people.example"),), domain_id=domain.pk
    )
    intake.accept(intake.NewSubmission(account_id=shop.pk, wire="octosend"), [send], now=yesterday)
    files.ask(shop.pk, domain.pk, yesterday.date(), now=timezone.now())
    ticks.until_jobs_end(now=timezone.now() + files.GRACE)

    (line,) = docs_pages.run(CALLS[-1], URL=live_server.url, KEY=key).splitlines()

    said = json.loads(line)
    assert (said["type"], said["email"], said["spooler"]) == ("spooled", "ann@people.example", None)
    always = re.search(r"All have (.*)\.", PAGE)[1]
    assert set(re.findall(r"`(\w+)`", always)) - {"null"} == set(said)


def test_the_page_names_every_type_by_its_family():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE, re.M)
    named = {(family, type_) for family, types in rows for type_ in re.findall(r"`(\w+)`", types)}

    assert named == set(event_lines.WORDS.values())
