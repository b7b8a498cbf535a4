"""The table of statuses is complete, and every native answer to an error is its document."""

import importlib
import json
import pkgutil

import pytest

import earwig
import spooling
import stats
import templates_app
from earwig.errors import EarwigError
from earwig.web import errors


def _modules(package):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in found.name and ".management" not in found.name:
            importlib.import_module(found.name)


def _descendants(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _descendants(child)


def _all_errors():
    for package in (earwig, spooling, stats, templates_app):
        _modules(package)
    return {EarwigError, *_descendants(EarwigError)}


def test_every_error_of_the_product_has_a_status():
    missing = {error.code for error in _all_errors() if error.code not in errors.STATUSES}
    assert missing == set()


def test_every_error_says_something_to_people():
    assert [error for error in _all_errors() if not error.__doc__] == []


def test_a_refused_key_is_told_the_scheme():
    answer = errors.respond(errors.NotAuthenticated())
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Token")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/nothing/", "/api//v1//nothing"])
def test_unknown_paths_answer_in_json(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert json.loads(answer.content)["errors"][0]["code"] == "not_found"


def test_an_internal_error_is_answered_in_json(client, monkeypatch, key):
    def fail(*args, **kwargs):
        raise RuntimeError("drill")

    monkeypatch.setattr("spooling.api.sending.mail_parser.parse", fail)
    client.raise_request_exception = False
    answer = client.post(
        "/api/v1/mails/", "{}", content_type="application/json", headers={"Authorization": f"Token {key}"}
    )
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["code"] == "internal"
