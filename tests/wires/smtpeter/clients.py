"""A client of the SMTPeter wire that trusts no answer: a refusal must be a JSON object and say so byte for byte."""

import json
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from spooling.models import Content, Mail, Submission

BASE = "/v1/"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass
class Caller:
    """A program with an access token, or without one."""

    client: object
    token: str | None = None
    base: str = BASE

    def get(self, path, query=(), **headers):
        return self.call("GET", path, query=query, **headers)

    def delete(self, path, **headers):
        return self.call("DELETE", path, **headers)

    def post(self, path, body=b"", type_=JSON, **headers):
        """`body` as JSON, bytes as they are."""
        return self.call("POST", path, body, type_, **headers)

    def put(self, path, body=b"", type_=JSON, **headers):
        return self.call("PUT", path, body, type_, **headers)

    def form(self, path, *pairs, type_=FORM):
        """Pairs of names and values as a form."""
        return self.call("POST", path, urlencode(pairs).encode(), type_)

    def call(self, verb, path, body=b"", type_="", query=(), **headers):
        pairs = [*([("access_token", self.token)] if self.token is not None else []), *dict(query).items()]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        address = self.base + quote(path, safe="/;@:%") + (f"?{urlencode(pairs)}" if pairs else "")
        answer = self.client.generic(verb, address, content, content_type=type_, headers=headers)
        if answer.status_code >= 400 and verb != "HEAD":
            assert_refusal(answer)
        return answer

    def with_token(self, token):
        return replace(self, token=token)


def assert_refusal(answer):
    assert answer["Content-Type"] == "application/json"
    document = answer.json()
    assert list(document) == ["error"]
    assert document["error"] and isinstance(document["error"], str)


def refused(answer):
    """(status, sentence) of an error."""
    return answer.status_code, answer.json()["error"]


SEED = {
    "envelope": "info@example.com",
    "recipient": "john@doe.com",
    "subject": "This is the subject",
    "html": "This is example content",
    "from": "info@example.com",
    "to": "john@doe.com",
}
A, B = "a@x.example", "b@x.example"


def sent(caller, **changes):
    """The content of a send that is taken."""
    answer = caller.post("send", SEED | changes)
    assert (answer.status_code, answer.content) == (200, b"1"), answer.content
    return Content.objects.latest("id")


def refusal(caller, **changes):
    """Why a send is not taken, of which nothing is kept."""
    status, sentence = refused(caller.post("send", SEED | changes))
    assert status == 400
    assert not Mail.objects.exists() and not Content.objects.exists() and not Submission.objects.exists()
    return sentence
