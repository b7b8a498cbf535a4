"""Clients of Seed's API, and what they put there."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

ROOT = "/api/v1"
#: 44 bytes of a silent WAV file.
WAV = (
    b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    + b"\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00data"
    + b"\0" * 4
)


@dataclass
class Hub:
    """A program that speaks JSON with a token. Paths begin behind `/api/v1`."""

    key: str | None

    def call(self, verb, path, body=None, **headers):
        """`body`: what to send as JSON, or bytes to send as they are."""
        if self.key is not None:
            headers = {"Authorization": f"Token {self.key}", **headers}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        content_type = headers.pop("Content-Type", "application/json")
        url = path if path.startswith("/api/") else ROOT + path
        return Client().generic(verb, url, data, content_type=content_type, headers=headers)

    def get(self, path, **headers):
        return self.call("GET", path, b"", **headers)

    def post(self, path, body=None, **headers):
        return self.call("POST", path, {} if body is None else body, **headers)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)

    def delete(self, path):
        return self.call("DELETE", path, b"")

    def form(self, path, data):
        """A form, with files where there are some."""
        return Client().post(ROOT + path, data, headers={"Authorization": f"Token {self.key}"})

    def follow(self, url):
        """A URL of an answer."""
        parts = urlsplit(url)
        return self.get(parts.path + ("?" + parts.query if parts.query else ""))

    def results(self, path):
        answer = self.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json()["results"]

    def made(self, path, body=None):
        """What a POST made."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.content
        return answer.json()

    def schedule(self, **fields):
        return self.made("/schedule/", fields)["id"]

    def message_set(self, short_name, schedule, **fields):
        return self.made("/messageset/", {"short_name": short_name, "default_schedule": schedule, **fields})[
            "id"
        ]

    def message(self, messageset, number, lang="eng_ZA", **fields):
        body = {"messageset": messageset, "sequence_number": number, "lang": lang}
        return self.made("/message/", body | ({"text_content": f"text {number}"} | fields))["id"]

    def subscription(self, messageset, schedule, identity="8646b7bc", **fields):
        body = {"identity": identity, "messageset": messageset, "schedule": schedule, "lang": "eng_ZA"}
        return self.made("/subscriptions/", body | fields)


def upload(hub, name="welcome.wav", data=WAV, type_="audio/wav"):
    """Put a file there."""
    return hub.form("/binarycontent/", {"content": SimpleUploadedFile(name, data, type_)})


def refusal(answer, status=400):
    """The document of an answer that refuses."""
    assert answer.status_code == status, answer.content
    return answer.json()
