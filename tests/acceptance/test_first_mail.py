"""The way of a newcomer: one command, the printed line, a mail in the trap; and nothing left running afterwards."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from tests import environment
from tests.installation import eventually, free_port

pytestmark = pytest.mark.processes

ROOT = Path(settings.BASE_DIR)


class Installation:
    """An embedded installation of its own, started by `manage.py up`."""

    def __init__(self, data):
        self.data = data
        self.port = free_port()
        self.log = data / "up.log"
        foreign = (*environment.OURS, "REQUIRE_HTTPS", "DJANGO_", "SECRET_KEY", "TEST_", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        ports = ("EARWIG_TRAP_PORT", "SUBMISSION_PORTS", "INBOUND_PORTS")
        self.environment = kept | {"EARWIG_DATA": str(data)} | {name: str(free_port()) for name in ports}

    def start(self):
        with self.log.open("w") as log:
            self.up = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return eventually(lambda: re.search(r"^  (curl .*)$", self.log.read_text(), re.M), seconds=60)[1]

    def trapped(self):
        with sqlite3.connect(f"file:{self.data}/earwig.sqlite3?mode=ro", uri=True, timeout=10) as database:
            return database.execute(
                "select envelope_recipient, subject from spooling_trappedmail order by id"
            ).fetchall()

    def processes(self):
        """Process ids that run on this installation's data."""
        mark = f"EARWIG_DATA={self.data}\0".encode()
        return [
            int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and has(entry, mark)
        ]

    def end(self):
        for process in self.processes():
            os.kill(process, signal.SIGKILL)
        self.up.wait(10)


def has(entry, mark):
    try:
        return mark in (entry / "environ").read_bytes()
    except OSError:
        return False


@pytest.fixture
def installation(tmp_path):
    one = Installation(tmp_path)
    yield one
    one.end()


def test_the_printed_line_puts_a_mail_into_the_trap(installation):
    began = time.monotonic()
    curl = installation.start()
    answer = subprocess.run(curl, shell=True, capture_output=True, text=True, timeout=30, check=True)
    [mail] = json.loads(answer.stdout)["mails"]
    assert mail["to"] == "you@example.net"
    eventually(installation.trapped, seconds=30)
    assert installation.trapped() == [("you@example.net", "The first mail")]
    assert time.monotonic() - began < 90

    demo = json.loads((installation.data / "demo.json").read_text())
    assert (installation.data / "demo.json").stat().st_mode & 0o777 == 0o600
    seen = urllib.request.Request(
        f"{demo['url']}/api/v1/mails/{mail['id']}/", headers={"Authorization": f"Token {demo['key']}"}
    )
    eventually(
        lambda: json.load(urllib.request.urlopen(seen, timeout=10))["state"] == "delivered", seconds=10
    )

    # The key travelled in a header; what stands in the query must not be logged either.
    urllib.request.urlopen(f"{demo['url']}/healthz?token=top-secret%0aforged", timeout=10).close()
    eventually(lambda: '"GET /healthz"' in installation.log.read_text(), seconds=30)
    for hostile in (b"GET /'\xff?key=top-secret HTTP/1.1", b"GET / HTTP/1.1\r\nAuthorization top-secret"):
        refused(demo["url"], hostile)
    eventually(lambda: installation.log.read_text().count("Invalid request from") == 2, seconds=30)
    assert "top-secret" not in installation.log.read_text()

    os.kill(installation.up.pid, signal.SIGTERM)
    asked = time.monotonic()
    assert installation.up.wait(60) == 0
    assert time.monotonic() - asked < 10
    assert installation.processes() == []

    assert installation.start() == curl
    assert installation.trapped() == [("you@example.net", "The first mail")]


def refused(url, request):
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as client:
        client.sendall(request + b"\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_the_demo_sends_over_each_wire_and_the_ledger_adds_up(installation):
    installation.start()
    shown = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr
    assert "spooled 13, delivered 13," in shown.stdout
    assert "adds up" in shown.stdout
    assert sorted(installation.trapped()) == [
        ("ada@example.net", "Hello Ada"),
        ("ada@example.net", "Hello by SMTP"),
        ("ann@example.net", "Spring for Ann"),
        ("bob@example.net", "Spring for Bob"),
        ("grace@example.net", "Hello Grace"),
        ("grace@example.net", "Hello by SMTP"),
        ("joe@example.net", "Hello JOE by SMTPeter's API"),
        ("kim@example.net", "Hello KIM by SMTPeter's API"),
        ("lea@example.net", "Hello by Doppler Relay's API"),
        ("mia@example.net", "Hello by Doppler Relay's API"),
        ("representative@example.net", "You have 1 message(s)"),
        ("representative@example.net", "Your first week"),
        ("zoë@example.net", "Hello Zoë"),
    ]


def test_what_dies_is_started_again_and_nothing_outlives_up(installation):
    installation.start()
    web = eventually(lambda: pid_of(installation, "gunicorn"), seconds=30)
    os.kill(web, signal.SIGKILL)
    again = eventually(
        lambda: pid_of(installation, "gunicorn") not in (0, web) and pid_of(installation, "gunicorn"),
        seconds=20,
    )
    assert again != web
    os.kill(installation.up.pid, signal.SIGKILL)
    installation.up.wait(10)
    eventually(lambda: installation.processes() == [], seconds=40)


def pid_of(installation, word):
    """The oldest child of `up` whose command line has `word`; 0: none."""
    for process in sorted(installation.processes()):
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes().decode()
            parent = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if word in command and parent == installation.up.pid:
            return process
    return 0


def test_a_taken_port_is_named(installation):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        answer = subprocess.run(
            [sys.executable, "manage.py", "up", "--port", str(installation.port)],
            cwd=ROOT,
            env=installation.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    installation.up = subprocess.Popen(["true"])
    assert answer.returncode == 1
    assert f"127.0.0.1:{installation.port} is not free" in answer.stderr
    assert "--port" in answer.stderr
