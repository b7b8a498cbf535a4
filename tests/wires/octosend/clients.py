"""A client of the Octosend wire that trusts no answer: each must be JSON and say so byte for byte."""

import json
from dataclasses import dataclass, replace

NOTHING = object()
BASE = "/api/3.0/"
#: What a document about a spooler has.
SPOOLER_KEYS = {"archived", "creation", "domain", "name", "start", "state", "tags", "token", "type"}


@dataclass
class Caller:
    """A program with a key, or without one."""

    client: object
    key: str | None = None
    base: str = BASE

    def post(self, path, body=NOTHING, **headers):
        """`body` as JSON, bytes as they are; without it none is sent."""
        if body is NOTHING:
            body = b""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._call("POST", path, content, headers)

    def get(self, path, **headers):
        return self._call("GET", path, b"", headers)

    def call(self, verb, path, body=b""):
        return self._call(verb, path, body, {})

    def new(self, type="marketing", domain="demo.shop.example"):
        """The token of a new spooler."""
        return self.post("spoolers/create", {"domain": domain, "type": type}).json()["token"]

    def spooler(self, token):
        return self.get(f"spooler/{token}").json()

    def with_key(self, key):
        return replace(self, key=key)

    def _call(self, verb, path, content, headers):
        if self.key is not None:
            headers.setdefault("X-RMTA-API-Key", self.key)
        # The SDKs name the type on every call, with or without a body.
        answer = self.client.generic(
            verb, self.base + path, content, content_type="application/json", headers=headers
        )
        assert answer["Content-Type"] == "application/json"
        assert "Location" not in answer
        if answer.status_code != 200:
            assert_document(answer)
        return answer


def assert_document(answer):
    document = answer.json()
    assert list(document) == ["error", "code", "details"]
    assert document["error"] and isinstance(document["error"], str)
    assert isinstance(document["code"], str) and "_" not in document["code"]
    assert isinstance(document["details"], dict)


def refused(answer):
    """(status, slug) of an error."""
    return answer.status_code, answer.json()["code"]
