"""The OpenAPI document: valid, complete, and true of the URL table."""

import json
import re
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
    "/api/v1/mails/{id}/why/": {"get"},
    "/api/v1/spoolers/": {"get", "post"},
    "/api/v1/spoolers/{token}/": {"get", "patch"},
    "/api/v1/spoolers/{token}/message/": {"get", "put"},
    "/api/v1/spoolers/{token}/recipients/": {"post"},
    "/api/v1/spoolers/{token}/recipients/import/": {"post"},
    "/api/v1/spoolers/{token}/preflight/": {"post"},
    "/api/v1/spoolers/{token}/ready/": {"post"},
    "/api/v1/spoolers/{token}/pause/": {"post"},
    "/api/v1/spoolers/{token}/resume/": {"post"},
    "/api/v1/spoolers/{token}/cancel/": {"post"},
    "/api/v1/spoolers/{token}/finish/": {"post"},
    "/api/v1/spoolers/{token}/why/": {"get"},
    "/api/v1/spoolers/{token}/ledger/": {"get"},
    "/api/v1/spoolers/{token}/retry/": {"post"},
    "/api/v1/spoolers/{token}/score/": {"get"},
    "/api/v1/scoring/": {"post"},
    "/api/v1/jobs/{id}/": {"get"},
    "/api/v1/jobs/{id}/errors/": {"get"},
    "/api/v1/domains/": {"get", "post"},
    "/api/v1/domains/{name}/": {"get", "patch", "delete"},
    "/api/v1/domains/{name}/check/": {"post"},
    "/api/v1/domains/{name}/keys/": {"get", "post"},
    "/api/v1/domains/{name}/keys/rotate/": {"post"},
    "/api/v1/domains/{name}/records/": {"get"},
    "/api/v1/domains/{name}/warm-up/": {"get", "put", "delete"},
    "/api/v1/providers/": {"get"},
    "/api/v1/events/": {"get"},
    "/api/v1/statistics/": {"get"},
    "/api/v1/timeline/": {"get"},
    "/api/v1/suppressions/": {"get", "post"},
    "/api/v1/suppressions/export/": {"get"},
    "/api/v1/suppressions/import/": {"post"},
    "/api/v1/suppressions/{id}/": {"get", "delete"},
    "/api/v1/webhooks/": {"get", "post"},
    "/api/v1/webhooks/{token}/": {"get", "patch", "delete"},
    "/api/v1/webhooks/{token}/rotate/": {"post"},
    "/api/v1/webhooks/{token}/pause/": {"post"},
    "/api/v1/webhooks/{token}/resume/": {"post"},
    "/api/v1/webhooks/{token}/replay/": {"post"},
    "/api/v1/webhooks/{token}/deliveries/": {"get"},
    "/api/v1/webhooks/{token}/test/": {"post"},
    "/api/v1/people/": {"get", "post"},
    "/api/v1/people/{id}/": {"get", "patch", "delete"},
    "/api/v1/templates/": {"get", "post"},
    "/api/v1/templates/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/templates/{id}/versions/": {"get"},
    "/api/v1/templates/{id}/versions/{number}/": {"get"},
    "/api/v1/templates/{id}/versions/{number}/restore/": {"post"},
    "/api/v1/templates/{id}/preview/": {"post"},
    "/api/v1/templates/{id}/test/": {"post"},
    "/api/v1/schedule/": {"get", "post"},
    "/api/v1/schedule/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/schedule/{id}/send/": {"post"},
    "/api/v1/messageset/": {"get", "post"},
    "/api/v1/messageset/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/messageset/{id}/messages/": {"get"},
    "/api/v1/messageset_languages/": {"get"},
    "/api/v1/message/": {"get", "post"},
    "/api/v1/message/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/message/{id}/content/": {"get"},
    "/api/v1/binarycontent/": {"get", "post"},
    "/api/v1/binarycontent/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/subscriptions/": {"get", "post"},
    "/api/v1/subscriptions/request/": {"post"},
    "/api/v1/subscriptions/{id}/": {"get", "put", "patch", "delete"},
    "/api/v1/subscriptions/{id}/send/": {"post"},
    "/api/v1/subscriptions/{id}/resend/": {"post"},
    "/api/v1/failed-tasks/": {"get", "post"},
    "/api/v1/failed-tasks/{id}/": {"get"},
    "/api/v1/runsendestimate/": {"post"},
    "/api/v1/behind-subscriptions/": {"get"},
    "/api/v1/behind-subscriptions/{id}/": {"get"},
    "/api/v1/behind-subscriptions/find_behind_subscriptions/": {"post"},
    "/api/v1/sync_audio_files/": {"post"},
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


def test_an_upload_is_described_as_a_form_with_a_file(document):
    uploading = document["paths"]["/api/v1/binarycontent/"]["post"]
    schema = uploading["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["properties"]["content"]["format"] == "binary" and schema["required"] == ["content"]
    refused = uploading["responses"]["400"]["content"]["application/json"]["schema"]["oneOf"]
    assert [kind["type"] for kind in refused] == ["object", "array"]
    assert {"401", "403", "409", "413", "415", "429"} <= set(uploading["responses"])


def test_the_document_and_its_pages_are_served(client):
    for path in ("/api/schema", "/api/schema/", "/api/docs", "/api/docs/"):
        assert client.get(path).status_code == 200
    for verb in (client.options, client.post):
        assert verb("/api/docs/").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", ROUTES)
def test_a_question_for_its_verbs_is_no_error_of_ours(client, key, path):
    # `x` is no id of anything; a name may be.
    answer = client.options(re.sub(r"\{\w+\}", "x", path), headers={"Authorization": f"Token {key}"})
    assert answer.status_code < 500
