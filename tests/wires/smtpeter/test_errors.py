"""Every error of the product has its answer on this wire."""

import json

import pytest
from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from django.test import RequestFactory
from rest_framework.exceptions import MethodNotAllowed

from earwig import errors as earwig_errors
from earwig.web import errors as web_errors
from earwig.web.limits import RateLimited, Window
from spooling import errors as spooling_errors
from spooling.wires.smtpeter import errors, wire
from templates_app.errors import RenderLimit
from tests import every_error


def raised(cls):
    if issubclass(cls, errors.InvalidField):
        return cls("recipient", "wrong")
    return cls() if issubclass(cls, errors.UnknownType) else every_error.raised(cls)


def respond(error):
    answer = wire.respond(error, {"request": RequestFactory().get("/")})
    if answer is not None:
        answer.json = lambda: json.loads(answer.content)
    return answer


def test_the_table_is_complete():
    assert spooling_errors.LimitReached in every_error.classes("smtpeter")
    assert {cls.code for cls in every_error.classes("smtpeter")} <= set(wire.STATUSES)
    assert set(wire.SENTENCES) <= set(wire.STATUSES)


@pytest.mark.parametrize("cls", every_error.classes("smtpeter"))
def test_every_error_answers_as_an_object_with_a_text(cls):
    answer = respond(raised(cls))
    assert 400 <= answer.status_code <= 503
    assert answer["Content-Type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"] and isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (web_errors.NotAuthenticated(), 401, "Invalid access token"),
        (earwig_errors.UnknownKey(), 401, "Invalid access token"),
        (earwig_errors.SenderDomainNotAllowed(), 400, "The key may not send from this domain."),
        (earwig_errors.ScopeMissing(), 403, "The key may not do this."),
        (web_errors.TooLarge(), 413, "The body is larger than this installation takes."),
        (web_errors.InvalidJson(), 400, "The body is not valid JSON."),
        (errors.UnknownType(), 415, str(errors.UnknownType.__doc__)),
        (errors.NoSuchMessage(), 404, "No such message"),
        (errors.NotSecure(), 400, "Only HTTPS connections are accepted."),
        (RenderLimit("It is endless."), 400, str(RenderLimit("It is endless."))),
        (Http404(), 404, "There is nothing here."),
        (SuspiciousOperation("secret"), 400, "The request is malformed."),
        (MethodNotAllowed("PUT"), 405, "This method does not know the verb."),
    ],
)
def test_errors_have_the_words_of_the_wire(error, status, sentence):
    answer = respond(error)
    assert (answer.status_code, answer.json()["error"]) == (status, sentence)


def test_a_limit_says_when_to_come_back():
    answer = respond(RateLimited(Window(1, 0, 30)))
    assert (answer.status_code, answer["Retry-After"]) == (429, "30")


def test_a_wrong_token_is_told_how_to_bring_one():
    assert respond(earwig_errors.UnknownKey())["WWW-Authenticate"] == 'Bearer realm="earwig"'


def test_what_is_no_refusal_rises():
    assert respond(KeyError("a defect")) is None
