"""What hostile templates cost: CPU seconds and bytes."""

import time
import tracemalloc

from templates_app import errors

MEBIBYTE = 1024 * 1024


#: CPU time below which nothing is measured again; above it, the machine's other work may have been counted too.
_PLAINLY_QUICK = 0.05


def seconds_and_peak(act):
    """The least CPU time of up to six rounds, timed without tracing, and the peak of one more."""
    seconds = _seconds(act)
    for _ in range(5):
        if seconds > _PLAINLY_QUICK:
            seconds = min(seconds, _seconds(act))
    tracemalloc.start()
    try:
        refused(act)
        return seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(act):
    """The error that `act` raises about its template, or None."""
    try:
        act()
    except errors.TemplateError as error:
        return error
    return None


def _seconds(act):
    started = time.process_time()
    refused(act)
    return time.process_time() - started
