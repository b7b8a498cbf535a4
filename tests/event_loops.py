"""An event loop in a thread of the tests, for servers that run beside them."""

import asyncio
import threading
from contextlib import contextmanager


@contextmanager
def running(work):
    """While the coroutine runs; it is cancelled, and has ended once this is left."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    thread = threading.Thread(target=_run, args=(loop, task))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(30)
    assert not thread.is_alive()


def _run(loop, task):
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()
