"""Every error of the product has its answer on this wire."""

import pytest
from django.test import RequestFactory

from spooling import errors as spooling_errors
from spooling.wires.handoff import wire
from tests import every_error


def test_the_table_is_complete():
    assert spooling_errors.LimitReached in every_error.classes("handoff")
    assert {cls.code for cls in every_error.classes("handoff")} <= set(wire.STATUSES)


@pytest.mark.parametrize("cls", every_error.classes("handoff"))
def test_every_error_answers_as_a_line_of_text(cls):
    request = RequestFactory().get("/")
    answer = wire.respond(every_error.raised(cls), {"request": request})
    assert answer.status_code >= 400
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert len(answer.content.splitlines()) == 1


def test_what_is_no_refusal_rises():
    assert wire.respond(KeyError("a defect"), {}) is None
