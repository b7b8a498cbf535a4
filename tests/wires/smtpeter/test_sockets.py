"""What clients see on the wire itself: gunicorn's bytes, for the document's HTTP/1.0, PHP's curl and a TLS proxy
(contract §1, §7, §9).
"""

import json
import socket
from urllib.parse import quote, urlencode

import pytest

from tests.installation import Installation, free_port

pytestmark = pytest.mark.processes

SEED = {
    "envelope": "info@example.com",
    "recipient": "john@doe.com",
    "subject": "This is the subject",
    "html": "This is example content",
    "from": "info@example.com",
    "to": "john@doe.com",
}
JSON = json.dumps(SEED, indent=4).encode()
FORM = urlencode(SEED, quote_via=quote).encode()
VERIFY = """
from django.utils import timezone
from earwig.models import Domain
Domain.objects.update(verified_at=timezone.now())
"""


class Server:
    """Takes requests as bytes."""

    def __init__(self, port, token):
        self.port, self.token = port, token

    def exchange(self, data):
        """All that the server answers until it closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(data)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return Answer(answer)

    def post(self, body, *fields, method="send", version="1.0"):
        lines = (
            f"POST /v1/{method}?access_token={self.token} HTTP/{version}",
            f"Host: 127.0.0.1:{self.port}",
            f"Content-Length: {len(body)}",
            *fields,
        )
        return self.exchange(("\r\n".join(lines) + "\r\n\r\n").encode() + body)


class Answer:
    """One answer, its head untouched."""

    def __init__(self, raw):
        raw = raw.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.status_line, *self.fields = head.decode("latin-1").split("\r\n")
        assert self.field("Transfer-Encoding") is None and self.field("Location") is None
        assert int(self.field("Content-Length")) == len(self.body), raw

    def field(self, name):
        found = [
            line.partition(": ")[2] for line in self.fields if line.lower().startswith(f"{name.lower()}: ")
        ]
        return found[0] if len(found) == 1 else None

    @property
    def status(self):
        return int(self.status_line.split()[1])


@pytest.fixture(scope="module")
def installation():
    with Installation("smtpeter", embedded=True) as running:
        running.manage("open_account", "acme")
        running.manage("add_domain", "acme", "example.com")
        running.manage("shell", "-c", VERIFY)
        yield running


@pytest.fixture(scope="module")
def token(installation):
    return installation.manage("issue_key", "acme").strip()


@pytest.fixture(scope="module")
def server(installation, token):
    port = free_port()
    installation.web(port)
    return Server(port, token)


@pytest.fixture(scope="module")
def secure(installation, token):
    """Takes what came by HTTPS to a proxy, and nothing else."""
    port = free_port()
    installation.web(port, REQUIRE_HTTPS="on", TRUSTED_PROXIES="127.0.0.1")
    return Server(port, token)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/x-www-form-urlencoded", FORM),
    ],
)
def test_smtpeter_1_the_document_s_exchange_byte_for_byte(server, version, type_, body):
    answer = server.post(body, f"Content-Type: {type_}", "Connection: close", version=version)
    assert answer.status_line.endswith(" 200 OK")
    assert (answer.field("Content-Type"), answer.field("Content-Length"), answer.body) == (
        "application/json",
        "1",
        b"1",
    )


def test_a_body_without_a_type_is_json_by_its_brace(server):
    assert server.post(JSON).body == b"1"


def test_php_s_curl_sends_arrays_as_multipart_forms(server):
    lines = []
    for name, value in (*SEED.items(), ("to[0]", "a@x.example"), ("to[1]", "b@x.example")):
        if name != "to":
            lines += ["--x", f"Content-Disposition: form-data; name={json.dumps(name)}", "", value]
    body = "\r\n".join([*lines, "--x--", ""]).encode()
    answer = server.post(
        body,
        "Content-Type: multipart/form-data; boundary=x",
        "Expect: 100-continue",
        "Connection: close",
        version="1.1",
    )
    assert answer.body == b"1"


def test_a_chunked_body_is_read(server):
    head = (
        f"POST /v1/send/?access_token={server.token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    ).encode()
    assert server.exchange(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(JSON), JSON)).body == b"1"


@pytest.mark.parametrize(
    ("body", "fields", "status"),
    [
        (b"{broken", ("Content-Type: application/json",), 400),
        (b"{}", ("Content-Type: application/json; charset=rot13",), 400),
        (b"a=1", ("Content-Type: text/xml",), 415),
        (b"{}", ("Content-Type: application/json", "Accept: text/html"), 400),
    ],
)
def test_refusals_are_objects(server, body, fields, status):
    answer = server.post(body, *fields)
    assert (answer.status, answer.field("Content-Type")) == (status, "application/json")
    assert list(json.loads(answer.body)) == ["error"]


def test_the_verb_of_another_method_is_told(server):
    answer = server.exchange(f"GET /v1/send?access_token={server.token} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    assert (answer.status, answer.field("Allow")) == (405, "POST")


def test_smtpeter_3_plain_http_is_400_behind_a_proxy_and_without_one(secure):
    plain = "Content-Type: application/json"
    assert secure.post(JSON, plain, "X-Forwarded-Proto: https").body == b"1"
    for field in ("X-Forwarded-Proto: http", "X-Mine: 1"):
        answer = secure.post(JSON, plain, field)
        assert (answer.status, json.loads(answer.body)) == (
            400,
            {"error": "Only HTTPS connections are accepted."},
        )


def test_no_token_reaches_the_access_log(server, installation, token):
    server.post(JSON, "Content-Type: application/json")
    logged = installation.log("web")
    assert "/v1/send" in logged and token not in logged
