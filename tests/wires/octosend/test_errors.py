"""Every error of the product has its answer on this wire."""

import json

import pytest
from django.test import RequestFactory

from earwig.web import errors as web_errors
from spooling import errors as spooling_errors
from spooling.wires.octosend import errors, wire
from templates_app.errors import RenderLimit
from tests import every_error
from tests.wires.octosend.clients import assert_document

#: What this wire answers (contract §2); 429 and 503 are ours.
KNOWN = {400, 403, 404, 405, 413, 429, 500, 503}


def respond(error):
    answer = wire.respond(error, {"request": RequestFactory().get("/")})
    if answer is not None:
        answer.json = lambda: json.loads(answer.content)
    return answer


def test_the_table_is_complete():
    assert spooling_errors.LimitReached in every_error.classes("octosend")
    assert {cls.code for cls in every_error.classes("octosend")} <= set(wire.STATUSES)
    assert set(wire.STATUSES.values()) <= KNOWN
    assert set(wire.SLUGS) <= set(wire.STATUSES)


@pytest.mark.parametrize("cls", every_error.classes("octosend"))
def test_every_error_answers_as_a_document(cls):
    answer = respond(every_error.raised(cls))
    assert answer.status_code in KNOWN
    assert answer["Content-Type"] == "application/json"
    assert not answer.has_header("WWW-Authenticate")
    assert_document(answer)


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (web_errors.NotAuthenticated(), 403, "forbidden"),
        (web_errors.TooLarge(), 413, "too-large"),
        (web_errors.InvalidJson(), 400, "invalid-json"),
        (spooling_errors.SpoolerLocked(), 400, "spooler-locked"),
        (spooling_errors.SpoolerStateConflict(), 400, "illegal-transition"),
        (spooling_errors.LimitReached(), 429, "limit-reached"),
        (RenderLimit("It is endless."), 400, "invalid-field"),
        (errors.NotFound(), 404, "not-found"),
    ],
)
def test_errors_have_the_words_of_the_wire(error, status, slug):
    answer = respond(error)
    assert (answer.status_code, answer.json()["code"]) == (status, slug)


def test_fields_are_named_in_the_details():
    error = spooling_errors.FieldsRefused(fields={"mails[3].email": "Not an address."})
    assert respond(error).json()["details"] == {"fields": {"mails[3].email": "Not an address."}}


def test_what_is_no_refusal_rises():
    assert respond(KeyError("a defect")) is None
