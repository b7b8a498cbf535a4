"""Fixtures of what calls other services."""

import socket
import threading

import pytest


@pytest.fixture
def serve():
    """Call with a function of a connection, and of what wraps it; the address of a server that runs it."""
    listeners = []

    def start(work, wrap=lambda connection: connection):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run():
            try:
                while True:
                    work(wrap(listener.accept()[0]))
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()
