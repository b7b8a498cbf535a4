"""docs/webhooks.md says what is so: its lines run against a running server, its function knows our calls."""

import re

import pytest
from django.conf import settings
from django.utils import timezone

from stats import webhook_leases, webhooks
from stats.models import Webhook
from tests import docs_pages

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = docs_pages.page("webhooks")
MAKE, TRY, REPLAY = docs_pages.calls(PAGE)
(FUNCTION,) = docs_pages.blocks(PAGE, "python")


def test_the_lines_of_the_page_work(live_server, key, receiver):
    answer = docs_pages.ask(MAKE, URL=live_server.url, KEY=key)
    made = answer.json()
    assert answer.status == 201 and made["secret"] and made["kinds"] == ["delivered", "failed", "click"]
    known = {"URL": live_server.url, "KEY": key, "ID": made["id"]}
    Webhook.objects.update(url=receiver.url)
    tried = docs_pages.ask(TRY, **known)
    told = re.findall(r'"(\w+)"', re.search(r"answers `(\{.*\})`", PAGE)[1])
    assert tried.status == 200 and set(tried.json()) == set(told)
    accepted = docs_pages.ask(REPLAY.replace("2026-05-01", "2020-05-01"), **known)
    assert (accepted.status, accepted.json()["state"]) == (202, "waiting")


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
