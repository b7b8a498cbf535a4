"""What this machine can do at most: Postfix's smtp-source sends to its smtp-sink, and `cryptography` signs."""

import os
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tests.installation import ROOT, Process, eventually, free_port, listens

#: Where the Makefile unpacks Postfix when it is not installed.
UNPACKED = ROOT / "var" / "postfix"
SESSIONS = 10
OCTETS = 2048
SIGNING_SECONDS = 1.0


class MissingTools(Exception):
    """smtp-sink and smtp-source are not on the PATH; `make bench` fetches them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Mails a second, and what one costs the client in µs of CPU."""

    rate: float
    cpu: float


class Sink:
    """smtp-sink on a free port; a context manager. `counting` costs it some speed."""

    def __init__(self, *, counting: bool = False) -> None:
        self.port = free_port()
        #: Messages that `limit` sent.
        self.sourced = 0
        self._folder = tempfile.TemporaryDirectory(prefix="earwig-sink-")
        self._log = Path(self._folder.name) / "log"
        count = ["-c"] if counting else []
        argv = [_tool("smtp-sink"), *_as_root(), *count, f"127.0.0.1:{self.port}", "1000"]
        self.process = Process(argv, environment=_environment(), log=self._log)
        eventually(lambda: listens(self.port), seconds=10)

    def __enter__(self) -> "Sink":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def received(self) -> int:
        """Messages so far, by its own count."""
        last = self._log.read_text().rpartition("mesg=")[2]
        return int(last.split()[0]) if last.strip() else 0

    def limit(self, mails: int) -> Pace:
        """How fast smtp-source sends `mails` to it."""
        argv = [_tool("smtp-source"), "-s", str(SESSIONS), "-d", "-m", str(mails), "-l", str(OCTETS)]
        before, start = _children_cpu(), time.monotonic()
        subprocess.run(
            [*argv, f"127.0.0.1:{self.port}"],
            env=_environment(),
            check=True,
            timeout=300,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.monotonic() - start
        self.sourced += mails
        return Pace(rate=mails / seconds, cpu=(_children_cpu() - before) / mails * 1e6)


def signing_rate() -> float:
    """RSA-2048 signatures of a digest that one core makes in a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    digest, done, start = os.urandom(32), 0, time.monotonic()
    while time.monotonic() - start < SIGNING_SECONDS:
        key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        done += 1
    return done / (time.monotonic() - start)


def _tool(name: str) -> str:
    found = shutil.which(name, path=_environment()["PATH"])
    if found is None:
        raise MissingTools(MissingTools.__doc__)
    return found


def _environment() -> dict[str, str]:
    libraries = [str(UNPACKED / "usr/lib/postfix"), os.environ.get("LD_LIBRARY_PATH", "")]
    path = f"{os.environ['PATH']}:{UNPACKED / 'usr/sbin'}:/usr/sbin"
    return {**os.environ, "PATH": path, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}


def _as_root() -> list[str]:
    return ["-u", "root"] if os.geteuid() == 0 else []


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
