"""A running SMTP server of the product on free ports, in a thread of the tests, and clients of it."""

import os
import shutil
import smtplib
import socket
import subprocess
import threading
from contextlib import contextmanager

import pytest

from spooling.smtpd import listeners
from tests import event_loops
from tests.installation import free_port

MESSAGE = "From: Ann <ann@sender.example>\r\nTo: bob@x.example\r\nSubject: Hi\r\n\r\nHello\r\n"


@contextmanager
def running(plan, context=None):
    """The plan, while the server listens as it says; what it took is stored once this is left."""
    up = threading.Event()
    with event_loops.running(listeners.serve(plan, context, ready=up.set)):
        assert up.wait(30)
        yield plan


def plan(**more):
    """A submission port and one for mail from outside, both free."""
    return listeners.Plan(host="127.0.0.1", submission=(free_port(),), inbound=(free_port(),), **more)


@contextmanager
def client(port, user="", password=""):
    """A connection that said EHLO, and who it is where a password is given."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as connection:
        connection.ehlo("client.example")
        if password:
            connection.login(user, password)
        yield connection


@contextmanager
def raw(port):
    """A socket and its lines, past the greeting."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        lines = connection.makefile("rb")
        assert lines.readline().startswith(b"220 ")
        yield connection, lines


def swaks(port, *arguments):
    """What swaks says of a session; the test is skipped where it is not installed, but fails in CI."""
    if shutil.which("swaks") is None:
        reason = "needs swaks"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    argv = ["swaks", "--server", "127.0.0.1", "--port", str(port), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)
