"""docs/seed.md says what is so: its snippets run, one after the other, against a running server."""

import inspect
import re

import pytest

from spooling.models import JobRequest, Subscription
from tests import docs_pages
from tests.wires.seed.clients import WAV

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = docs_pages.page("seed")
CALLS = docs_pages.calls(PAGE)
#: By path, the word of the page that stands for the id that a call answers.
NAMES = {"schedule": "SCHEDULE", "messageset": "SET", "subscriptions": "SUBSCRIPTION"}


def test_the_lines_of_the_page_work_in_their_order(live_server, key, tmp_path):
    (tmp_path / "picture.png").write_bytes(WAV)
    known = {}
    for call in CALLS:
        for word, pk in known.items():
            call = re.sub(rf"\b{word}\b", pk, call)
        answer = docs_pages.ask(call, folder=tmp_path, URL=live_server.url, KEY=key)
        assert answer.status in (200, 201, 202), (call, answer.body)
        made = re.search(r"/api/v1/([a-z]+)/ ", call)
        if made and made[1] in NAMES:
            known[NAMES[made[1]]] = str(answer.json()["id"])
    assert len(CALLS) == 8 and len(known) == 3
    assert Subscription.objects.get().active is False
    assert set(JobRequest.objects.values_list("kind", flat=True)) == {"send", "resend"}


def test_the_line_to_change_is_the_only_one(live_server, key, stage, monkeypatch):
    # The client's HTTP layer asks for a function that Python dropped in 3.11.
    monkeypatch.setattr(inspect, "getargspec", inspect.getfullargspec, raising=False)
    names = {"KEY": key, "URL": live_server.url}
    exec(docs_pages.blocks(PAGE, "python")[0], names)
    assert [row["short_name"] for row in names["sbm"].get_messagesets()["results"]] == ["following", "first"]
