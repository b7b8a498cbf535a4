"""Readers of events by cursor see them once no older transaction runs, of whatever database of the server."""

import threading
import time
from contextlib import contextmanager

from django.db import connection, transaction

from stats import cursors
from stats.models import Event


def wait(seconds=60):
    """Until every event that is committed can be read."""
    last = Event.objects.order_by("-transaction", "-id").first()
    deadline = time.monotonic() + seconds
    while last and cursors.horizon() < cursors.behind(last):
        assert time.monotonic() < deadline, "an old transaction stays open"
        time.sleep(0.02)


@contextmanager
def held_open(write):
    """A transaction on a connection of its own that has done `write`; it commits at the end of the block."""
    wrote, may_commit = threading.Event(), threading.Event()

    def work():
        try:
            with transaction.atomic():
                write()
                wrote.set()
                may_commit.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert wrote.wait(30)
        yield
    finally:
        may_commit.set()
        thread.join()
