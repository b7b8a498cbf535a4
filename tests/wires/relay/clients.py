"""A client of the Relay wire that trusts no answer: each is JSON and names its form, each error is the document."""

import json
import re
from dataclasses import dataclass, replace

from django.conf import settings

from spooling.wires.relay import errors, relations

NOTHING = object()
BASE = "http://testserver"
#: What every error document has.
ERROR_KEYS = {"title", "status", "errorCode", "detail", "type", "_links"}
_TYPE = re.compile(
    r"application/json; charset=utf-8; profile=http://testserver(?:/relay)?/schemas/(?P<schema>[a-z-]+)\.json"
)
#: Where links lead: behind the base, or to files that everybody can fetch.
_OURS = ("/", "http://testserver/", f"{settings.TRACKING_URL}/media/")
_PAGES = {errors.page_of(number) for number in errors.TITLES}


class Answer:
    """An answer that no client of Django's got."""

    def __init__(self, response):
        self.status_code, self._response = response.status_code, response

    def json(self):
        return json.loads(self._response.content)

    def __getitem__(self, name):
        return self._response[name]

    def has_header(self, name):
        return self._response.has_header(name)


@dataclass
class Caller:
    """A program with a key, or without one; `account` is how it names its account."""

    client: object
    key: str | None = None
    account: str = "acme"
    base: str = ""
    scheme: str = "Bearer"

    def get(self, path, **headers):
        return self.call("GET", path, **headers)

    def post(self, path, body=NOTHING, **headers):
        return self.call("POST", path, body, **headers)

    def put(self, path, body=NOTHING, **headers):
        return self.call("PUT", path, body, **headers)

    def delete(self, path, body=NOTHING, **headers):
        return self.call("DELETE", path, body, **headers)

    def call(self, verb, path, body=NOTHING, *, content_type="application/json", **headers):
        """`path` begins with `/`, or is one of the account's. `body` as JSON, bytes as they are."""
        if not path.startswith("/"):
            path = f"/accounts/{self.account}/{path}".rstrip("/")
        if self.key is not None:
            headers.setdefault("Authorization", f"{self.scheme} {self.key}")
        content = b"" if body is NOTHING else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.client.generic(
            verb, self.base + path, content, content_type=content_type, headers=headers
        )
        assert answer["Access-Control-Allow-Origin"] == "*"
        if verb not in ("HEAD", "OPTIONS"):
            assert answer["Content-Length"] == str(len(answer.content))
            assert_document(answer)
        return answer

    def with_key(self, key):
        return replace(self, key=key)


def links_in(value):
    """All links of a document, wherever they stand."""
    if isinstance(value, dict):
        yield from (link for link in value.get("_links", ()) if isinstance(link, dict))
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from links_in(each)


def assert_document(answer):
    """It has one of the forms, and all that it prints has its page."""
    match = _TYPE.fullmatch(answer["Content-Type"])
    assert match and match["schema"] in relations.SCHEMAS, answer["Content-Type"]
    document = answer.json()
    for link in links_in(document):
        assert link["href"].startswith(_OURS) and "api_key" not in link["href"]
        names = link["rel"].split(" ")
        assert names == sorted(names)
        ours = {name.removeprefix("/docs/rels/") for name in names} - relations.STANDARD
        assert ours <= set(relations.RELATIONS)
    if answer.status_code < 400:
        assert "errorCode" not in document
        return
    assert ERROR_KEYS <= set(document)
    assert document["status"] == answer.status_code
    assert document["type"].startswith(f"/docs/errors/{document['status']}.{document['errorCode']}-")
    assert document["type"] in _PAGES and match["schema"] == "problem"
    assert answer.has_header("WWW-Authenticate") == (answer.status_code == 401)


def refused(answer):
    """`status.code` of an error, and the keys of what is wrong."""
    document = answer.json()
    number = f"{document['status']}.{document['errorCode']}"
    return number, [flaw["key"] for flaw in document.get("errors", ())]
