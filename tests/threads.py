"""Calls at the same moment, each with a database connection of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def together(times, call):
    """What `call(0)`, `call(1)`, … return from so many threads, which all begin at once. Raises what one raises."""
    gate = threading.Barrier(times)

    def work(number):
        try:
            gate.wait(10)
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times), timeout=60))
