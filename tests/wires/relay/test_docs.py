"""docs/relay.md says what is so: its lines run, one after the other, against a running server."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from earwig import domains
from spooling.models import Mail

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (Path(settings.BASE_DIR) / "docs" / "relay.md").read_text()
CALLS = [
    call
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for call in re.split(r"\n(?=curl)", block.strip())
]


def answer_of(call, **environment):
    done = subprocess.run(
        ["sh", "-c", call + " -w '\n%{http_code}'"],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    assert status in ("200", "201"), (call, body)
    return json.loads(body)


@pytest.mark.parametrize("mount", ["", "/relay"])
def test_the_lines_of_the_page_work_in_their_order(live_server, account, key, mount):
    domains.add(account, name="shop.example", now=timezone.now())
    template = "TEMPLATE"
    for call in CALLS:
        call = re.sub(r"\bTEMPLATE\b", template, call)
        answer = answer_of(call, URL=live_server.url + mount, KEY=key, ACCOUNT=account.slug)
        if answer.get("message") == "Template successfully created":
            template = answer["createdResourceId"]
    assert len(CALLS) == 19
    assert (
        list(Mail.objects.order_by("id").values_list("email", flat=True))
        == [
            "ann@people.example",
            "bob@people.example",
        ]
        * 2
    )
