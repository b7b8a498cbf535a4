"""Runs the processes of an installation as children that never outlive this one: restarted when they
die, killed when they do not stop.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: linux/prctl.h
PR_SET_PDEATHSIG = 1
#: Seconds that children have for a clean end before they are killed.
STOP_SECONDS = 7.0
#: Seconds before a dead child is started again; doubled while it keeps dying young.
RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 8.0
#: A child that lived this long died of something new.
GROWN_UP_SECONDS = 30.0

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One command line of this Python: `argv` starts with `-m` and a module, or with a script's path."""

    name: str
    argv: Sequence[str]


@dataclass(slots=True)
class _Child:
    process: Process
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause: float = RESTART_SECONDS


@dataclass(slots=True)
class Supervisor:
    """Keeps `processes` running until `stop` is called, from a signal handler or another thread."""

    processes: Sequence[Process]
    environment: Mapping[str, str]
    folder: Path
    say: Callable[[str], None]
    _children: list[_Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Blocks. Returns when every child, and every child of theirs, is gone: at most 10 s after `stop`."""
        self._children = [_Child(process) for process in self.processes]
        try:
            while not self._stopping.is_set():
                for child in self._children:
                    self._tend(child, time.monotonic())
                self._stopping.wait(0.2)
        finally:
            self._end()

    def stop(self) -> None:
        self._stopping.set()

    def _tend(self, child: _Child, now: float) -> None:
        if child.popen is None:
            if now >= child.due_at:
                self._start(child, now)
        elif child.popen.poll() is not None:
            self._bury(child, now)

    def _start(self, child: _Child, now: float) -> None:
        child.started_at = now
        child.popen = subprocess.Popen(
            [sys.executable, *child.process.argv],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            # A group of its own: Ctrl-C reaches only this process, which then stops the children in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    def _bury(self, child: _Child, now: float) -> None:
        assert child.popen is not None
        young = now - child.started_at < GROWN_UP_SECONDS
        child.pause = min(child.pause * 2, LONGEST_RESTART_SECONDS) if young else RESTART_SECONDS
        child.due_at = now + child.pause
        self.say(f"{child.process.name} ended with {child.popen.returncode}; again in {child.pause:g} s")
        _signal_group(child.popen.pid, signal.SIGKILL)
        child.popen = None

    def _end(self) -> None:
        running = [child.popen for child in self._children if child.popen is not None]
        for popen in running:
            popen.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for popen in running:
            try:
                popen.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"process {popen.pid} did not stop in {STOP_SECONDS:g} s; killed")
            _signal_group(popen.pid, signal.SIGKILL)
            popen.wait()


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass
