"""Requests as octets, and what goes wrong with them. Pure."""

import json
import random
from dataclasses import dataclass, field
from urllib.parse import urlencode

#: What parsers stumble over: ends of lines and of strings, halves of characters, numbers without measure, depth.
MORSELS = (
    *(
        b"\x00",
        b"\xff",
        b"\r\n",
        b"\n\n",
        b"\r",
        b'"',
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"%00",
        b"%ff",
        b"%0d%0a",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"{{",
        b"}}",
        b"{{#a}}",
        b"{$a|",
        b"{if",
        b"[[",
        b"&",
        b"=",
        b";",
        b",",
        b"<>",
        b"@",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-0",
        b"1e999",
        b"9" * 40,
        b"-9" * 20,
        b"\xed\xa0\x80",
        "٣é😀".encode(),
        b"'--",
    ),
    *(b"[" * 3000, b'{"a":' * 3000, b"a" * 20_000, b"../..", b"=?utf-8?q?=00?=", b"9999-12-31T23:59:60Z"),
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request; its body is sent as it is."""

    wire: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def octets(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def of_json(wire: str, method: str, path: str, body: object, **headers: str) -> Request:
    given = {
        "Content-Type": "application/json",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    return Request(wire=wire, method=method, path=path, headers=given, body=json.dumps(body).encode())


def of_form(wire: str, path: str, fields: dict[str, str], **headers: str) -> Request:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    given = kind | {name.replace("_", "-"): text for name, text in headers.items()}
    return Request(wire=wire, method="POST", path=path, headers=given, body=urlencode(fields).encode())


def mutant(request: Request, chance: random.Random) -> bytes:
    """The request's octets after one to three accidents: most happen to the body, whose length is told anew."""
    target = chance.choices(("body", "path", "everything"), (8, 3, 1))[0] if request.body else "path"
    if target == "everything":
        return _spoiled(request.octets(), chance)
    if target == "body":
        body = _spoiled(request.body, chance)
        spoiled = Request(
            wire=request.wire, method=request.method, path=request.path, headers=request.headers, body=body
        )
        return spoiled.octets()
    line, rest = request.octets().split(b" HTTP/1.1", 1)
    verb, path = line.split(b" ", 1)
    # A request line has no blanks, and an HTTP server that met one would not ask us.
    path = b"/" + _spoiled(path[1:], chance).translate(None, b" \r\n\t\x0b\x0c")[:3000]
    return verb + b" " + path + b" HTTP/1.1" + rest


def _spoiled(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        data = chance.choice(ACCIDENTS)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data)) if data else 0
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(MORSELS) + data[at:]


def _cut(data: bytes, chance: random.Random) -> bytes:
    at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    return data[:at] + data[end:]


def _end_early(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    return data[:end] + data[at:end] * chance.choice((1, 2, 50)) + data[end:]


def _replace_value(data: bytes, chance: random.Random) -> bytes:
    """Another value where one stands, between the marks of JSON or of a form."""
    marks = [place for place, octet in enumerate(data) if octet in b':,=&"']
    if not marks:
        return _insert(data, chance)
    at = chance.choice(marks) + 1
    following = [place for place in marks if place >= at]
    return data[:at] + chance.choice(MORSELS) + data[following[0] if following else at :]


ACCIDENTS = (_flip, _insert, _cut, _end_early, _repeat, _replace_value, _replace_value)
