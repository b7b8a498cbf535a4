"""What a drain began and what was answered, written before the network and kept locked: after a crash it tells which
mails are in doubt. Holds ids and codes only. One file a drain; gone when all of it is settled.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """A reply that was read: the verdict's one letter and the reply code."""

    mail_id: int
    verdict: str
    code: int


class Journal:
    """The file of a living drain. Raises OSError when it cannot be written: then nothing may be sent."""

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / worker
        self._fd = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def append(self, begun: Iterable[int], answered: Iterable[Answer]) -> None:
        """Write that these bodies are about to go out and these replies were read, in one write.

        A kernel that took the bytes keeps them whatever happens to this process; a machine that crashes may not, which
        is why a claim remembers its boot.
        """
        lines = [f"r {mail_id} {verdict} {code}\n" for mail_id, verdict, code in answered]
        lines += [f"b {mail_id}\n" for mail_id in begun]
        if lines:
            data = "".join(lines).encode()
            if os.write(self._fd, data) != len(data):
                raise OSError(f"short write to {self.path}")

    def discard(self) -> None:
        """Everything in it is settled: remove the file."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Give the lock up and leave the file for rescue."""
        os.close(self._fd)


@dataclass(slots=True)
class Record:
    """What a journal says: bodies begun without a reply, and replies by mail id."""

    begun: set[int] = field(default_factory=set)
    answers: dict[int, Answer] = field(default_factory=dict)


def read(path: Path) -> Record:
    """What the file says. A torn last line, as a full disk leaves it, is passed over: its body never went out."""
    record = Record()
    for line in path.read_text(errors="replace").splitlines(keepends=True):
        if line.endswith("\n"):
            _read_line(line.split(), record)
    record.begun -= record.answers.keys()
    return record


def _read_line(words: Sequence[str], record: Record) -> None:
    match words:
        case ["b", mail_id]:
            # Begun again after an answer: a second try within one drain.
            record.answers.pop(int(mail_id), None)
            record.begun.add(int(mail_id))
        case ["r", mail_id, verdict, code]:
            record.answers[int(mail_id)] = Answer(int(mail_id), verdict, int(code))


def lock_of_the_dead(path: Path) -> int | None:
    """The lock of a journal whose drain is gone, as a file descriptor to close; None while the drain lives.

    Raises FileNotFoundError when there is no such journal.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    if not os.fstat(fd).st_nlink:
        # Another rescuer was done with it between our opening and our lock.
        os.close(fd)
        raise FileNotFoundError(path)
    return fd
