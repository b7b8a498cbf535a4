"""docs/webhooks.md says what is so: its lines run against a running server, its function knows our calls."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from stats import webhook_leases, webhooks
from stats.models import Webhook

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (Path(settings.BASE_DIR) / "docs" / "webhooks.md").read_text()
MAKE, TRY, REPLAY = (block.strip() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S))
(FUNCTION,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def run(call, **environment):
    done = subprocess.run(
        ["sh", "-c", call + " -w '\n%{http_code}'"],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_the_lines_of_the_page_work(live_server, key, receiver):
    status, made = run(MAKE, URL=live_server.url, KEY=key)
    assert status == 201 and made["secret"] and made["kinds"] == ["delivered", "failed", "click"]
    known = {"URL": live_server.url, "KEY": key, "ID": made["id"]}
    Webhook.objects.update(url=receiver.url)
    status, tried = run(TRY, **known)
    assert status == 200 and set(tried) == set(
        re.findall(r'"(\w+)"', re.search(r"answers `(\{.*\})`", PAGE)[1])
    )
    status, accepted = run(REPLAY.replace("2026-05-01", "2020-05-01"), **known)
    assert (status, accepted["state"]) == (202, "waiting")


def test_the_function_of_the_page_knows_our_calls(hook, spool, tell, receiver):
    names = {}
    exec(FUNCTION, names)
    is_ours = names["is_ours"]
    webhook = hook()
    old, new = webhook.secret, webhooks.rotate(webhook, now=timezone.now())
    spool("a@x.example")
    tell()
    asked = receiver.asked[0]
    assert is_ours(old, asked.headers, asked.body) and is_ours(new, asked.headers, asked.body)
    assert not is_ours("whs_0", asked.headers, asked.body)
    assert not is_ours(new, asked.headers, asked.body + b" ")
    stale = asked.headers | {"Earwig-Timestamp": "1"}
    assert not is_ours(new, stale, asked.body)


def test_the_page_tells_the_numbers_as_they_are(hook):
    assert f"An account has {webhooks.MOST} webhooks" in PAGE
    assert f"signs too for {webhooks.OVERLAP.total_seconds() / 3600:.0f} hours" in PAGE
    assert f"calls of the last {webhooks.RETENTION.days} days" in PAGE
    assert webhook_leases.patience(hook()).days == 3
    assert f"`EARWIG_WEBHOOK_LONGEST_DELAY_SECONDS` ({settings.WEBHOOK_LONGEST_DELAY_SECONDS:.0f})" in PAGE
    assert f"`EARWIG_WEBHOOK_GIVE_UP_HOURS` ({settings.WEBHOOK_GIVE_UP_HOURS:.0f})" in PAGE
