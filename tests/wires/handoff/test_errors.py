"""Every error of the product has its answer on this wire."""

import pytest
from django.test import RequestFactory

from earwig.errors import EarwigError
from earwig.web import errors as web_errors
from earwig.web.limits import RateLimited, Window
from spooling import errors as spooling_errors
from spooling.wires.handoff import wire
from templates_app.errors import Flaw, TemplateRefused


def all_errors(cls=EarwigError):
    yield cls
    for each in cls.__subclasses__():
        yield from all_errors(each)


def raised(cls):
    if issubclass(cls, RateLimited):
        return cls(Window(1, 0, 30))
    if issubclass(cls, web_errors.Rejected):
        return cls([web_errors.Problem(None, None, "invalid", "wrong")])
    if issubclass(cls, TemplateRefused):
        return cls([Flaw("text", "required", "wrong")])
    return cls("something")


def test_the_table_is_complete():
    assert spooling_errors.LimitReached in set(all_errors())
    assert {cls.code for cls in all_errors()} <= set(wire.STATUSES)


@pytest.mark.parametrize("cls", sorted(set(all_errors()), key=lambda cls: cls.__qualname__))
def test_every_error_answers_as_a_line_of_text(cls):
    request = RequestFactory().get("/")
    answer = wire.respond(raised(cls), {"request": request})
    assert answer.status_code >= 400
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert len(answer.content.splitlines()) == 1


def test_what_is_no_refusal_rises():
    assert wire.respond(KeyError("a defect"), {}) is None
