"""Whoever follows every link of every answer finds everything, and only what he may read."""

import re

from django.utils import timezone

from spooling import files
from spooling.models import Mail
from spooling.wires.relay import relations
from tests.wires.relay.clients import BASE, links_in
from tests.wires.relay.test_messages import LETTER
from tests.wires.relay.test_templates import made

_PROFILE = re.compile(r"profile=http://testserver(/schemas/[a-z-]+\.json)$")


def walk(caller, *starts):
    """What every address answers that can be read from there on, and every relation that was printed."""
    waiting, answers, relations = list(starts), {}, set()
    while waiting:
        href = waiting.pop()
        if href in answers:
            continue
        answer = answers[href] = caller.get(href)
        waiting.append(_PROFILE.search(answer["Content-Type"])[1])
        for link in links_in(answer.json()):
            names = link["rel"].split()
            relations.update(names)
            waiting += [name for name in names if name.startswith("/")]
            if "/docs/rels/get-" in link["rel"] and "{" not in link["href"] and "/media/" not in link["href"]:
                waiting.append(link["href"].removeprefix(BASE))
    return answers, relations


def test_every_link_leads_to_something(caller, acme):
    id = made(caller)
    caller.post("messages", LETTER)
    caller.post(f"templates/{id}/message", {"recipients": LETTER["recipients"]})
    files.keep(acme.pk, name="a.gif", type_="image/gif", data=b"GIF89a", now=timezone.now())
    caller.post("/reports/reportrequest", {"start_date": "2026-01-01Z", "end_date": "2026-01-02Z"})
    answers, printed = walk(caller, "/", "/accounts/acme")
    assert {href for href, answer in answers.items() if answer.status_code != 200} == set()
    assert f"/accounts/acme/templates/{id}/body" in answers
    delivery = Mail.objects.order_by("id").first()
    assert f"/accounts/acme/deliveries/{delivery.public_id}" in answers
    ours = {name.removeprefix("/docs/rels/") for name in printed} - relations.STANDARD
    assert ours == set(relations.RELATIONS)


def test_every_error_leads_to_its_page(caller, keyless):
    refusals = [
        keyless.get(""),
        keyless.with_key("x").get(""),
        caller.get("/accounts/1x"),
        caller.get("nothing"),
    ]
    refusals += [caller.get("templates/x"), caller.post("", {}), caller.post("messages", {})]
    for answer in refusals:
        assert keyless.get(answer.json()["type"]).json()["title"] == answer.json()["title"]
