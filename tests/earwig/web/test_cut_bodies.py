"""Bodies that end too soon: the rest of a cut connection must not be taken for the whole."""

from io import BytesIO
from urllib.parse import urlencode

import pytest
from django.test import Client
from gunicorn.http.errors import InvalidChunkSize, NoMoreData

from earwig.models import Sender

SENDER = urlencode({"email": "ann@example.org", "ttl": "1", "name": "Ann Example"}).encode()
MAIL = b'{"from": "shop@example.org", "to": "ann@example.com", "text": "Hello."}'


class _Broken(BytesIO):
    """The chunks of a client that breaks the protocol or the connection."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def read(self, size=-1):
        raise self.fault


def _post(path, key, body, *, content_type="application/json", **environ):
    environ = {"HTTP_AUTHORIZATION": f"Token {key}", "wsgi.input": BytesIO(body), **environ}
    answer = Client().generic("POST", path, body, content_type=content_type, **environ)
    return answer.status_code, answer.content


@pytest.mark.parametrize("missing", [1, 4, 7])
def test_half_a_form_is_not_taken_for_a_form(key, missing):
    kind = {"content_type": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(SENDER))}
    assert _post("/sender/", key, SENDER[:-missing], **kind) == (400, b"malformed body")
    assert not Sender.objects.exists()
    assert _post("/sender/", key, SENDER, **kind)[0] == 200


@pytest.mark.parametrize("path", ["/api/v1/mails/", "/api/v1/people/", "/api/v1/suppressions/"])
def test_half_a_json_body_is_malformed_and_no_fault_of_ours(key, path):
    status, body = _post(path, key, MAIL, CONTENT_LENGTH=str(len(MAIL) + 1))
    assert status == 400
    assert b"The request is malformed." in body


@pytest.mark.parametrize("fault", [InvalidChunkSize(b"zz"), NoMoreData()])
@pytest.mark.parametrize("path", ["/sender/", "/api/v1/mails/"])
def test_broken_chunks_are_the_callers_fault(key, path, fault):
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    assert _post(path, key, b"", **{**chunked, "wsgi.input": _Broken(fault)})[0] == 400
