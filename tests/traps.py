"""A running mail trap on a free port, in a thread of the tests."""

import socket
import threading
from contextlib import contextmanager

from spooling import trap
from tests import event_loops
from tests.installation import free_port


@contextmanager
def running():
    """Its port; everything it took is stored once this is left."""
    port = free_port()
    with event_loops.running(trap.Trap().run("127.0.0.1", port)):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            threading.Event().wait(0.02)
        yield port
