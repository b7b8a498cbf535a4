"""A PostgreSQL cluster of the drill's own, so that the machine's shared server is never touched."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

#: PostgreSQL does not run as root.
UNPRIVILEGED = "postgres"


class Cluster:
    """In a folder of its own, on its own port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.folder = Path()
        self.url = f"postgres://drill@127.0.0.1:{port}/postgres"

    def create(self) -> None:
        """initdb and start. Raises CalledProcessError."""
        self.folder = Path(tempfile.mkdtemp(prefix="earwig-cluster-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)
        _run("initdb", "-D", self._data, "-U", "drill", "-A", "trust", "-E", "UTF8", "--no-sync")
        _run("pg_ctl", "-D", self._data, "-w", "-l", self._log, "-o", self._options, "start")

    def restart(self, mode: str) -> None:
        """`immediate` is a crash and recovery, `fast` cuts all connections after a checkpoint."""
        _run("pg_ctl", "-D", self._data, "-w", "-l", self._log, "-m", mode, "-o", self._options, "restart")

    def stop(self, mode: str) -> None:
        _run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def start(self) -> None:
        _run("pg_ctl", "-D", self._data, "-w", "-l", self._log, "-o", self._options, "start")

    def close(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    @property
    def _log(self) -> str:
        return str(self.folder / "log")

    @property
    def _options(self) -> str:
        return f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"


def _run(*argv: str) -> None:
    as_user = ["runuser", "-u", UNPRIVILEGED, "--"] if os.geteuid() == 0 else []
    subprocess.run([*as_user, *argv], check=True, timeout=120, stdout=subprocess.DEVNULL, cwd="/")
