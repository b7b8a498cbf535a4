"""What clients see on the wire itself: gunicorn's bytes, and the calls of the three SDKs as they write them (contract
§1, §22).
"""

import json
import socket
import subprocess

import pytest

from tests.installation import Installation, free_port
from tests.wires.octosend.conftest import DEMO, NEWS

pytestmark = pytest.mark.processes

#: As PHP's SDK writes its head; as Python's and Go's do: each spells the key's header in its own way.
PHP, PYTHON, GO = "X-RMTA-API-Key", "X-Rmta-Api-Key", "X-Rmta-Api-Key"


class Server:
    """Takes requests as bytes."""

    def __init__(self, port):
        self.port = port
        self.key = ""

    def exchange(self, *pieces):
        """All that the server answers until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            for piece in pieces:
                connection.sendall(piece)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return Answer(answer)

    def head(self, verb, path, *fields, version="1.1"):
        lines = (f"{verb} {path} HTTP/{version}", f"Host: 127.0.0.1:{self.port}", *fields)
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def php(self, verb, path, body=None):
        """HTTP/1.0 with PHP's own stream wrapper; no length where there is no body."""
        fields = [f"{PHP}: {self.key}", "Content-Type: application/json", "Connection: close"]
        content = b"" if body is None else body.encode()
        if body is not None:
            fields.append(f"Content-Length: {len(content)}")
        return self.exchange(self.head(verb, path, *fields, version="1.0") + content)

    def python(self, path, parameters=None):
        """urllib2: GET without parameters, POST with any, also with `{}`."""
        fields = [f"{PYTHON}: {self.key}", "Content-Type: application/json", "Connection: close"]
        if parameters is None:
            return self.exchange(self.head("GET", path, *fields))
        content = json.dumps(parameters).encode()
        return self.exchange(self.head("POST", path, f"Content-Length: {len(content)}", *fields) + content)

    def go(self, verb, path, body=""):
        """net/http."""
        fields = ["User-Agent: Go-http-client/1.1", f"{GO}: {self.key}", "Accept-Encoding: gzip"]
        if verb == "POST":
            fields.append(f"Content-Length: {len(body)}")
        return self.exchange(self.head(verb, path, *fields, "Connection: close") + body.encode())


class Answer:
    """One answer, its head untouched."""

    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.status_line, *self.fields = head.decode("latin-1").split("\r\n")
        assert int(self.field("Content-Length")) == len(self.body), raw

    def field(self, name):
        """Looked up by exact case, as PHP's SDK does."""
        found = [line.partition(": ")[2] for line in self.fields if line.startswith(f"{name}: ")]
        return found[0] if len(found) == 1 else None

    @property
    def status(self):
        return int(self.status_line.split()[1])

    @property
    def reason(self):
        return self.status_line.split(" ", 2)[2]

    def json(self):
        """As every SDK reads it: only if the type is exactly this."""
        assert self.field("Content-Type") == "application/json"
        assert self.field("Location") is None
        assert self.field("Transfer-Encoding") is self.field("Content-Encoding") is None
        return json.loads(self.body)


@pytest.fixture(scope="module")
def server():
    with Installation("octosend", embedded=True, PASSWORD="s3cret-of-ada") as installation:
        installation.manage(
            "open_account",
            "shop",
            "--name",
            "Shop SAS",
            "--user",
            "ada@shop.example",
            "--password-env",
            "PASSWORD",
        )
        for name in (DEMO, NEWS):
            installation.manage("add_domain", "shop", name)
        port = free_port()
        installation.web(port)
        server = Server(port)
        server.key = installation.manage(
            "issue_key", "shop", "--scope", "read", "--scope", "manage", "--scope", "send"
        ).strip()
        yield server


def test_names_and_values_of_fields_are_exact(server):
    answer = server.php("GET", "/api/3.0/domains/count")
    assert answer.status_line.endswith(" 200 OK")
    assert answer.json() == 2
    assert "Content-Type: application/json" in answer.fields


@pytest.mark.parametrize(
    ("verb", "path", "status", "reason"),
    [
        ("GET", "/api/3.0/nope", 404, "Not Found"),
        ("GET", "/octosend/3.0/nope", 404, "Not Found"),
        ("GET", f"/api/3.0/domain/{DEMO}x", 404, "Not Found"),
        ("GET", "/api/3.0/spoolers/create", 405, "Method Not Allowed"),
        ("DELETE", "/api/3.0/domains/count", 405, "Method Not Allowed"),
    ],
)
def test_errors_are_as_exact(server, verb, path, status, reason):
    answer = server.php(verb, path)
    assert (answer.status, answer.reason) == (status, reason)
    assert answer.json().keys() == {"error", "code", "details"}


def test_a_broken_body_is_told_in_json(server):
    answer = server.php("POST", "/api/3.0/spoolers/create", "{broken")
    assert (answer.status, answer.reason, answer.json()["code"]) == (400, "Bad Request", "invalid-json")


def test_a_missing_key_is_forbidden(server):
    answer = server.exchange(server.head("GET", "/api/3.0/domains/count", "Connection: close"))
    assert (answer.status, answer.reason, answer.json()["code"]) == (403, "Forbidden", "forbidden")


def test_a_post_needs_neither_body_nor_length(server):
    """`ready`, `cancel`, counts and others come so from PHP (§22.3)."""
    for version in ("1.0", "1.1"):
        head = server.head(
            "POST",
            "/api/3.0/domains/count",
            f"{PHP}: {server.key}",
            "Content-Type: application/json",
            "Connection: close",
            version=version,
        )
        assert server.exchange(head).json() == 2


def test_two_line_breaks_beyond_the_body_are_nothing(server):
    """PHP sends them after some bodies (§22.30)."""
    body = b'{"nameContains": "NEWS"}'
    fields = (f"{PHP}: {server.key}", "Content-Type: application/json", f"Content-Length: {len(body)}")
    path = "/api/3.0/domains/count"
    for version in ("1.0", "1.1"):
        head = server.head("POST", path, *fields, "Connection: close", version=version)
        assert server.exchange(head + body + b"\r\n\r\n").json() == 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/3.0//domains/count",
        "//api/3.0/domains/count",
        "/api//3.0///domains/count",
        "/api/3.0/domains/count?",
    ],
)
def test_paths_are_never_redirected(server, path):
    assert server.php("GET", path).json() == 2
    assert server.php("POST", path, "[]").json() == 2


def test_a_chunked_body_is_read(server):
    head = server.head(
        "POST",
        "/api/3.0/domains/count",
        f"{GO}: {server.key}",
        "Transfer-Encoding: chunked",
        "Connection: close",
    )
    assert server.exchange(head, b'f\r\n{"nameContains"\r\n', b'8\r\n:"NEWS"}\r\n0\r\n\r\n').json() == 1
    broken = server.exchange(head, b"zz\r\n")
    assert (broken.status, broken.json()["code"]) == (400, "invalid-json")


def test_a_length_beyond_the_limit_is_told_in_json(server):
    fields = (f"{PHP}: {server.key}", f"Content-Length: {2**40}", "Connection: close")
    answer = server.exchange(server.head("POST", "/api/3.0/domains/count", *fields))
    assert (answer.status, answer.json()["code"]) == (413, "too-large")


def test_the_calls_of_the_php_sdk(server):
    login = '{"username":"ada@shop.example","password":"s3cret-of-ada"}'
    # Tag 1.0.3 doubles the slash on every call.
    answers = [
        server.php("POST", path, login).json() for path in ("/api/3.0/authenticate", "/api/3.0//authenticate")
    ]
    assert answers[0] == answers[1]
    assert answers[0].keys() == {"api-key", "entity", "username"}
    assert answers[0]["entity"] == "Shop SAS"
    session = Server(server.port)
    session.key = answers[0]["api-key"]
    made = session.php(
        "POST", "/api/3.0/spoolers/create", json.dumps({"domain": DEMO, "type": "transactional"})
    ).json()
    spooler = f"/api/3.0/spooler/{made['token']}"
    assert session.php("POST", f"{spooler}/name", '{"name":"\\u00c9t\\u00e9"}').json()["name"] == "Été"
    assert session.php("POST", f"{spooler}/start", '{"start":5806512000}').json()["start"] == 5806512000
    assert session.php("POST", f"{spooler}/tags", '{"tags":{"0":"a","2":"b"}}').json()["tags"] == ["a", "b"]
    assert session.php("POST", f"{spooler}/headers", '{"headers":[]}').json()["state"] == "new"
    assert session.php("GET", f"{spooler}/headers").json() == {}
    assert session.php("POST", "/api/3.0/spoolers/fetch", '{"types":["type"]}').json() == []
    for call, state in [
        ("ready", "pending"),
        ("pause", "pending"),
        ("resume", "pending"),
        ("cancel", "cancelled"),
    ]:
        assert session.php("POST", f"{spooler}/{call}").json()["state"] == state
    template = f"/api/3.0/templates/domain/{DEMO}"
    assert session.php("POST", f"{template}/count").json() == 0
    assert session.php("POST", "/api/3.0//tools/html-to-text", '{"html":"<p>H\\u00e9<\\/p>"}').json() == "Hé"


def test_the_calls_of_the_python_sdk(server):
    assert server.python(f"/api/3.0/domain/{NEWS}").json() == {"name": NEWS}
    assert server.python("/api/3.0/domains/count").json() == 2
    assert server.python("/api/3.0/domains/count", {}).json() == 2
    page = {"limit": 50, "offset": 0, "reverse": False, "nameContains": None}
    assert server.python("/api/3.0/domains/fetch", page).json() == [{"name": DEMO}, {"name": NEWS}]
    made = server.python("/api/3.0/spoolers/create", {"domain": DEMO, "type": "marketing"}).json()
    spooler = f"/api/3.0/spooler/{made['token']}"
    assert server.python(spooler).json() == made
    assert server.python(f"{spooler}/start", {"start": 1700000000.25}).json()["start"] == 1700000000
    addresses = f"/api/3.0/domain/{DEMO}/draft-addresses"
    assert server.python(addresses, {"addresses": ["a@x.example"]}).json() == ["a@x.example"]
    assert server.python(addresses).json() == ["a@x.example"]
    assert server.python(addresses, {"addresses": []}).json() == []
    assert server.python(f"{spooler}/cancel", {}).json()["state"] == "cancelled"


def test_the_calls_of_the_go_client(server):
    login = '{"username":"ada@shop.example","password":"s3cret-of-ada"}'
    assert server.go("POST", "/api/3.0/authenticate", login).json()["username"] == "ada@shop.example"
    assert server.go("GET", f"/api/3.0/domain/{DEMO}").json() == {"name": DEMO}
    made = server.go(
        "POST", "/api/3.0/spoolers/create", json.dumps({"domain": DEMO, "type": "marketing"})
    ).json()
    assert server.go("GET", f"/api/3.0/spooler/{made['token']}").json() == made


def test_a_shells_client_needs_no_type(server):
    """The documents show `curl -d`, which sends a form's type."""
    said = subprocess.run(
        ["curl", "-sS", "-d", '{"nameContains":"news"}', "-H", f"X-RMTA-API-Key: {server.key}"]
        + [f"http://127.0.0.1:{server.port}/api/3.0/domains/count"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert said.stdout == b"1"
