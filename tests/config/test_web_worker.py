"""gunicorn as it is configured, in front of an application that says which thread it ran in."""

import os
import signal
import socket
import sys
from contextlib import closing

import pytest

from tests.installation import Process, eventually, free_port, listens

APPLICATION = """
import threading

def application(environ, start_response):
    thread = str(threading.get_ident()).encode()
    start_response("200 OK", [("Content-Length", str(len(thread)))])
    return [thread]
"""


@pytest.fixture
def web(tmp_path):
    (tmp_path / "tiny.py").write_text(APPLICATION)
    started = []

    def start(threads, application="tiny"):
        port = free_port()
        argv = [
            sys.executable,
            "-m",
            "gunicorn",
            application,
            "--bind",
            f"127.0.0.1:{port}",
            "--threads",
            str(threads),
        ]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        started.append(Process(argv, environment=environment, log=tmp_path / "log"))
        eventually(lambda: listens(port), seconds=30)
        return port, started[-1]

    yield start
    for process in started:
        process.stop()


def connect(port):
    return closing(socket.create_connection(("127.0.0.1", port), timeout=20))


def ask(client, times=1):
    """The bodies of as many answers to requests that were sent in one packet."""
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * times)
    received = b""
    while received.count(b"\r\n\r\n") < times or received.endswith(b"\r\n\r\n"):
        received += client.recv(65536)
    return [answer.partition(b"\r\n\r\n")[2] for answer in received.split(b"HTTP/1.1 200 OK\r\n")[1:]]


def test_requests_that_follow_closely_and_in_one_packet_are_all_answered(web):
    port, _ = web(threads=8)
    with connect(port) as client:
        assert all(ask(client)[0].isdigit() for _ in range(50))
        assert len(ask(client, times=3)) == 3


def test_a_connection_that_stays_open_keeps_no_thread(web):
    port, _ = web(threads=1)
    with connect(port) as idle, connect(port) as other:
        assert ask(idle) == ask(other) == ask(idle)


def test_an_open_connection_does_not_keep_the_process(web):
    port, process = web(threads=2)
    with connect(port) as client:
        assert ask(client)
        process.popen.send_signal(signal.SIGTERM)
        assert process.popen.wait(20) == 0


KEY = b"0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /api/v1/\xff?access_token=" + KEY + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /" + KEY * 200 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + KEY * 300 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n\r\n", b"400"),
        (
            b"POST /sender/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + KEY + b"\r\n\r\n",
            b"501",
        ),
    ],
)
def test_what_is_no_request_is_refused_for_programs_and_never_repeated(web, tmp_path, octets, status):
    port, _ = web(2, "config.wsgi")
    with connect(port) as client:
        client.sendall(octets)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == status
    assert b"Content-Type: application/json" in head and b"html" not in answer
    assert body and KEY[:20] not in answer
    assert KEY[:20].decode() not in (tmp_path / "log").read_text()


BROKEN = """
import config.wsgi

def application(environ, start_response):
    raise RuntimeError("broken")
"""


def test_what_breaks_its_application_is_answered_for_programs_and_logged_without_the_address(web, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN)
    port, _ = web(2, "broken")
    with connect(port) as client:
        client.sendall(b"GET /v1/events/email/ann@people.example?access_token=" + KEY + b" HTTP/1.1\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    log = (tmp_path / "log").read_text()
    assert answer.startswith(b"HTTP/1.1 500 ") and b"application/json" in answer
    assert "/v1/events/email/[address]" in log and "ann" not in log and KEY.decode() not in log
