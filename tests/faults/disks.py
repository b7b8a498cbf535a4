"""Disks that fill up: a small file system of its own, or a limit on what a process may write where mounting is not
allowed.
"""

import resource
import subprocess
import time
from pathlib import Path
from typing import Protocol

from tests.installation import Process

#: Octets of the small disk.
SIZE = 512 * 1024


class Disk(Protocol):
    """A context manager, full while told so."""

    def keep_full(self, worker: Process, *, seconds: float) -> None:
        """Leave no space for so long, nor when the worker frees some; it stays full until freed."""

    def free(self) -> None:
        """Give all space back."""


class SmallDisk:
    """A tmpfs mounted at `folder`, filled by a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.filler = folder, folder / "filler"

    def __enter__(self) -> "SmallDisk":
        self.folder.mkdir()
        options = ("-o", f"size={SIZE}")
        subprocess.run(["mount", "-t", "tmpfs", *options, "earwig-drill", self.folder], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def keep_full(self, worker: Process, *, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self.filler.open("ab", buffering=0) as file:
            while time.monotonic() < end:
                for octets in (4096, 1):
                    _write_until_full(file, octets)
                time.sleep(0.005)

    def free(self) -> None:
        self.filler.unlink()


class FileLimit:
    """RLIMIT_FSIZE of the worker's children: whatever they write is refused by EFBIG."""

    def __init__(self) -> None:
        self._limited: list[int] = []

    def __enter__(self) -> "FileLimit":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def keep_full(self, worker: Process, *, seconds: float) -> None:
        self._limited = worker.descendants()
        self._limit(0)
        time.sleep(seconds)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, octets: int) -> None:
        for pid in self._limited:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


def _write_until_full(file, octets: int) -> None:
    try:
        while True:
            file.write(b"x" * octets)
    except OSError:
        pass
