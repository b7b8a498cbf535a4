"""docs/relay.md says what is so: its lines run, one after the other, against a running server."""

import re

import pytest
from django.utils import timezone

from earwig import domains
from spooling.models import Mail
from tests import docs_pages

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = docs_pages.page("relay")
CALLS = docs_pages.calls(PAGE)


@pytest.mark.parametrize("mount", ["", "/relay"])
def test_the_lines_of_the_page_work_in_their_order(live_server, account, key, mount):
    domains.add(account, name="shop.example", now=timezone.now())
    template = "TEMPLATE"
    for call in CALLS:
        call = re.sub(r"\bTEMPLATE\b", template, call)
        answer = docs_pages.ask(call, URL=live_server.url + mount, KEY=key, ACCOUNT=account.slug)
        assert answer.status in (200, 201), (call, answer.body)
        if answer.json().get("message") == "Template successfully created":
            template = answer.json()["createdResourceId"]
    assert len(CALLS) == 19
    assert (
        list(Mail.objects.order_by("id").values_list("email", flat=True))
        == [
            "ann@people.example",
            "bob@people.example",
        ]
        * 2
    )
