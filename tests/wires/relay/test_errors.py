"""Every error of the product has its answer on this wire."""

import pytest
from django.test import RequestFactory

from earwig.web import errors as web_errors
from earwig.web.limits import RateLimited, Window
from spooling import errors as spooling_errors
from spooling.wires.relay import errors, relations, urls, wire
from spooling.wires.relay.errors import Number
from templates_app.errors import Flaw, RenderLimit, TemplateRefused
from tests import every_error
from tests.wires.relay.clients import Answer, assert_document, refused

#: What this wire answers (contract §1.5); 503 is ours.
KNOWN = {400, 401, 402, 403, 404, 405, 413, 429, 500, 503}


def raised(cls):
    return cls([errors.Flaw("html", "wrong")]) if issubclass(cls, errors.Invalid) else every_error.raised(cls)


@pytest.fixture
def respond(acme):
    """The answer to an error that a view raises."""

    def answer(error):
        view = wire.WireView()
        view.setup(RequestFactory().get("/accounts/acme"))
        view.request._request = view.request
        view.credential = type("Credential", (), {"account_id": acme.pk})()
        response = wire.respond(error, {"view": view})
        return None if response is None else Answer(response)

    return answer


def test_the_tables_are_complete():
    assert {cls.code for cls in every_error.classes("relay")} <= set(errors.NUMBERS)
    own = {cls.number for cls in every_error.classes("relay") if issubclass(cls, errors.Refused)}
    assert set(errors.NUMBERS.values()) | own <= set(errors.TITLES)
    assert {number.status for number in errors.TITLES} <= KNOWN


def test_the_form_of_every_body_that_is_read_has_a_schema():
    views = {route.callback.view_class for route in urls.urlpatterns}
    assert {view.reads for view in views if view.reads} <= set(relations.SCHEMAS)


@pytest.mark.parametrize("cls", every_error.classes("relay"))
def test_every_error_answers_as_a_document(respond, cls):
    answer = respond(raised(cls))
    assert answer.status_code in KNOWN
    assert_document(answer)


@pytest.mark.parametrize(
    ("error", "number", "keys"),
    [
        (web_errors.NotAuthenticated(), "401.0", []),
        (web_errors.InvalidJson(), "400.1", [""]),
        (web_errors.TooLarge(), "413.0", []),
        (RateLimited(Window(1, 0, 30)), "429.1", []),
        (spooling_errors.LimitReached(), "402.1", []),
        (spooling_errors.FieldsRefused(fields={"subject": "no"}), "400.1", ["subject"]),
        (TemplateRefused([Flaw("text", "required", "no")]), "400.1", ["body"]),
        (RenderLimit("It is endless."), "400.1", [""]),
    ],
)
def test_errors_have_the_numbers_of_the_wire(respond, error, number, keys):
    assert refused(respond(error)) == (number, keys)


def test_what_is_no_refusal_rises(respond):
    assert respond(KeyError("a defect")) is None


def test_a_kind_of_error_has_its_page_by_its_title():
    assert errors.page_of(Number(403, 0)) == "/docs/errors/403.0-forbidden-not-enough-privileges"
    assert errors.page_of(Number(404, 1)) == "/docs/errors/404.1-entity-not-found"
