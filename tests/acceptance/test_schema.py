"""The OpenAPI document: valid, complete, and true of the URL table."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from openapi_spec_validator import validate

ROUTES = {
    "/api/health/": {"get"},
    "/api/metrics/": {"get", "post"},
    "/api/token-auth/": {"post"},
    "/api/v1/user/token/": {"post"},
    "/api/v1/mails/": {"get", "post"},
    "/api/v1/mails/{id}/": {"get"},
    "/api/v1/mails/{id}/events/": {"get"},
    "/api/v1/mails/{id}/cancel/": {"post"},
    "/api/v1/spoolers/": {"get"},
    "/api/v1/spoolers/{token}/": {"get"},
    "/api/v1/spoolers/{token}/ledger/": {"get"},
    "/api/v1/spoolers/{token}/retry/": {"post"},
    "/api/v1/jobs/{id}/": {"get"},
    "/api/v1/suppressions/": {"get", "post"},
    "/api/v1/suppressions/{id}/": {"get", "delete"},
    "/api/v1/people/": {"get", "post"},
    "/api/v1/people/{id}/": {"get", "patch", "delete"},
    "/api/v1/templates/": {"get", "post"},
    "/api/v1/templates/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/templates/{id}/versions/": {"get"},
    "/api/v1/templates/{id}/versions/{number}/": {"get"},
    "/api/v1/templates/{id}/versions/{number}/restore/": {"post"},
    "/api/v1/templates/{id}/preview/": {"post"},
    "/api/v1/templates/{id}/test/": {"post"},
}
#: For those who have no key yet.
LOGIN = "/api/token-auth/"


@pytest.fixture(scope="module")
def document():
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=out)
    return json.loads(out.getvalue())


def test_the_document_is_valid(document):
    validate(document)


def test_every_native_route_is_described(document):
    found = {path: set(operations) - {"parameters"} for path, operations in document["paths"].items()}
    assert found == ROUTES


def test_every_operation_says_how_it_fails_and_who_may_call_it(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"400", "401", "403", "429"} <= set(operation["responses"])
            assert operation.get("security", []) == ([] if path == LOGIN else [{"key": []}])
            assert operation["summary"]


def test_sending_is_described_with_examples_and_its_idempotency_key(document):
    sending = document["paths"]["/api/v1/mails/"]["post"]
    body = sending["requestBody"]["content"]["application/json"]
    assert "recipients" in body["schema"]["oneOf"][0]["properties"]
    assert "Personal mails" in json.dumps(body["examples"])
    assert "Stored" in json.dumps(sending["responses"]["201"])
    assert "Idempotency-Key" in [parameter["name"] for parameter in sending["parameters"]]
    assert {"409", "413", "415"} <= set(sending["responses"])


def test_the_document_and_its_pages_are_served(client):
    for path in ("/api/schema", "/api/schema/", "/api/docs", "/api/docs/"):
        assert client.get(path).status_code == 200
