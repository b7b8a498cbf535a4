"""What something costs, whatever else the machine does: CPU seconds and bytes."""

import gc
import time
import tracemalloc

from templates_app import errors

MEBIBYTE = 1024 * 1024

#: CPU time below which nothing is measured again; above it, the machine's other work may have been counted too.
_PLAINLY_QUICK = 0.09

_ROUNDS = 6


def seconds(act, *, enough=_PLAINLY_QUICK):
    """The least CPU time of up to six rounds of `act`; none follows one that took at most `enough` seconds.

    What the other tests left behind is not collected meanwhile.
    """
    least = _seconds(act)
    for _ in range(_ROUNDS - 1):
        if least > enough:
            least = min(least, _seconds(act))
    return least


def seconds_and_peak(act):
    """The CPU time of `act`, which may refuse its template, timed without tracing; and the peak of one round more."""
    least = seconds(lambda: refused(act))
    tracemalloc.start()
    try:
        refused(act)
        return least, tracemalloc.get_traced_memory()[1]
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
    collected = gc.isenabled()
    gc.disable()
    try:
        started = time.process_time()
        act()
        return time.process_time() - started
    finally:
        if collected:
            gc.enable()
