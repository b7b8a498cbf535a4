"""A PostgreSQL cluster of the drill's own, so that the machine's shared server is never touched."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.installation import Process, eventually

#: PostgreSQL does not run as root.
UNPRIVILEGED = "postgres"
#: How `pg_ctl stop` tells a postmaster to stop: after a checkpoint, or as if the machine had crashed.
MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class Cluster:
    """In a folder of its own, on its own port of 127.0.0.1. Ends with this process at the latest."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.folder = Path()
        self.url = f"postgres://drill@127.0.0.1:{port}/postgres"
        self._postmaster: Process | None = None

    def create(self) -> None:
        """initdb and start. Raises CalledProcessError, TimeoutError."""
        self.folder = Path(tempfile.mkdtemp(prefix="earwig-cluster-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)
        initdb = ["initdb", "-D", self._data, "-U", "drill", "-A", "trust", "-E", "UTF8", "--no-sync"]
        output = subprocess.DEVNULL
        subprocess.run([*_as_user(), *initdb], check=True, timeout=120, stdout=output, cwd="/")
        self.start()

    def start(self) -> None:
        """Returns when it takes connections, after its recovery."""
        options = ["-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        self._postmaster = Process(
            [*_as_user(), "postgres", "-D", self._data, *options],
            environment=dict(os.environ),
            log=self.folder / "log",
        )
        eventually(self._is_ready, seconds=60)

    def stop(self, mode: str) -> None:
        assert self._postmaster is not None
        self._postmaster.popen.send_signal(MODES[mode])
        self._postmaster.popen.wait(60)

    def restart(self, mode: str) -> None:
        self.stop(mode)
        self.start()

    def close(self) -> None:
        if self._postmaster is not None and self._postmaster.is_alive():
            self.stop("immediate")
        if self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _is_ready(self) -> bool:
        argv = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(argv, timeout=10).returncode == 0


def _as_user() -> list[str]:
    """What runs a command as the unprivileged user, who then still dies with this process."""
    if os.geteuid():
        return []
    user = ["--reuid", UNPRIVILEGED, "--regid", UNPRIVILEGED, "--init-groups"]
    return ["setpriv", *user, "--pdeathsig", "QUIT", "--"]
