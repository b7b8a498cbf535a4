"""A client of the native API, and one of a stranger."""

import json

import pytest
from django.test import Client

WELCOME = {
    "name": "welcome",
    "from": "Shop <shop@example.org>",
    "subject": "Hello {{name}}",
    "html": "<p>Hello {{name}}, {{#items}}<b>{{title}}</b>{{/items}}</p>",
    "text": "Hello {{name}}",
}


class Api:
    def __init__(self, key):
        self.key = key

    def __call__(self, verb, path, body=None, **headers):
        extra = {} if verb in ("get", "head") else {"content_type": "application/json"}
        data = [] if verb in ("get", "head") else [json.dumps({} if body is None else body)]
        headers = {"Authorization": f"Token {self.key}", **headers}
        return getattr(Client(), verb)(f"/api/v1/{path}", *data, headers=headers, **extra)

    def add(self, **fields):
        answer = self("post", "templates/", {**WELCOME, **fields})
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]

    def problems(self, verb, path, body, status=400):
        answer = self(verb, path, body)
        assert answer.status_code == status, answer.content
        return {(problem["field"], problem["code"]) for problem in answer.json()["errors"]}


@pytest.fixture
def api(key):
    return Api(key)


@pytest.fixture
def stranger(other_key):
    return Api(other_key)
