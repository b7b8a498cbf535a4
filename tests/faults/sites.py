"""The installation under a drill: workers that can be killed and started again, and SMTP servers that log."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests import installation
from tests.faults import postgresql
from tests.faults.drills import Plan
from tests.faults.report import Finding
from tests.installation import Process, eventually, free_port

#: Connections that one worker's drain holds (EARWIG_DELIVERY_CONNECTIONS).
CONNECTIONS = 10
#: Milliseconds by which the usual SMTP server keeps its replies back, so that bodies are open when a fault strikes.
ROUND_TRIP = 10


class Site:
    """A context manager around an Installation that this process has become part of."""

    def __init__(self, finding: Finding, plan: Plan, *, logs: str | None = None) -> None:
        self.finding, self.plan, self._logs = finding, plan, logs
        self.ports = {name: free_port() for name in ("smtp", "web", "smtpd", "redis", "postgresql")}
        environment = {
            "SMTP_URL": f"smtp+plain://127.0.0.1:{self.ports['smtp']}",
            "EARWIG_DELIVERY_CONNECTIONS": str(CONNECTIONS),
            "EARWIG_DRAIN_SECONDS": "10",
            "INBOUND_HOST": "bounces.example",
            "SUBMISSION_PORTS": str(self.ports["smtpd"]),
            "SUBMISSION_TLS_PORTS": "",
            "INBOUND_PORTS": "",
            **plan.environment,
        }
        if plan.own_redis:
            environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{self.ports['redis']}/0"
        self.cluster = postgresql.Cluster(self.ports["postgresql"]) if plan.own_postgresql else None
        if self.cluster:
            environment["DATABASE_URL"] = self.cluster.url
        self.installation = installation.Installation(
            f"drill_{finding.drill}", embedded=plan.embedded, **environment
        )
        self.running: dict[str, Process] = {}

    def __enter__(self) -> "Site":
        if self.cluster:
            self.cluster.create()
        if self.plan.own_redis:
            self.start_redis()
        self.installation.__enter__()
        self.installation.use()
        self.smtp("smtp", delay=ROUND_TRIP)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.installation.processes:
            process.signal(signal.SIGCONT)
        for process in self.installation.processes:
            process.signal(signal.SIGTERM)
        if self._logs:
            self._keep_logs(Path(self._logs) / self.finding.drill)
        self.installation.__exit__()
        if self.cluster:
            self.cluster.close()

    @property
    def folder(self) -> Path:
        return self.installation.folder

    def _keep_logs(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, folder)

    def smtp(self, name: str, *, script: str = "accept", delay: int = 0) -> Process:
        """A scripted server that logs what it accepts before it says so."""
        port = self.ports.setdefault(name, free_port())
        argv = ("-m", "tests.smtp_servers", "--port", str(port), "--script", script)
        process = self.installation.start(
            name, *argv, "--log", str(self.received_log(name)), "--delay", str(delay)
        )
        eventually(lambda: installation.listens(port), seconds=30)
        return process

    def received_log(self, name: str = "smtp") -> Path:
        return self.folder / f"{name}.accepted"

    def start(self, *names: str, data: Path | None = None) -> None:
        """Processes by name: `beat`, `web`, `smtpd`; `bulk-1` works on the lane `bulk`. Their hosts share `data`."""
        environment = {"EARWIG_DATA": str(data)} if data else {}
        for name in names:
            if name == "beat":
                self.running[name] = self.installation.beat()
            elif name == "web":
                self.running[name] = self.installation.web(self.ports["web"])
            elif name == "smtpd":
                self.running[name] = self.installation.start(name, "manage.py", "smtpd")
            else:
                self.running[name] = self.installation.worker(name, name.partition("-")[0], **environment)

    def kill_children(self, name: str) -> None:
        """kill -9 of a worker's children alone: Celery replaces them."""
        for pid in self.running[name].descendants():
            os.kill(pid, signal.SIGKILL)
        self.finding.faults += 1

    def restart(self, name: str) -> None:
        """SIGTERM and a new start, as an update does."""
        process = self.running.pop(name)
        process.stop()
        self.installation.processes.remove(process)
        self.start(name)
        self.finding.faults += 1

    def start_redis(self) -> None:
        """A broker of the drill's own, empty, that keeps nothing on disk."""
        port = self.ports["redis"]
        argv = [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        log = self.folder / "redis.log"
        self.running["redis"] = Process(argv, environment=self.installation.environment, log=log)
        self.installation.processes.append(self.running["redis"])
        eventually(lambda: installation.listens(port), seconds=10)

    def kill(self, *names: str) -> None:
        """kill -9 of the processes and all their children, all at once."""
        gone = [self.running.pop(name) for name in names]
        for process in gone:
            process.signal(signal.SIGKILL)
        for process in gone:
            process.popen.wait(10)
            self.installation.processes.remove(process)
        self.finding.faults += 1

    def stop(self) -> None:
        """End the processes in order, before what they stand on goes."""
        self.running.clear()
        for process in self.installation.processes:
            process.stop()

    def require_alive(self) -> None:
        for name, process in self.running.items():
            self.finding.require(process.is_alive(), f"{name} died with {process.popen.returncode}")

    def require_quiet_logs(self) -> None:
        """No worker met an exception that nobody expected."""
        for name, count in self.raised().items():
            self.finding.require(not count or self.plan.noisy, f"{count} tasks of {name} raised")

    def require_ledger(self) -> None:
        """`manage.py ledger` recounts every spooler and finds nothing wrong."""
        try:
            self.installation.manage("ledger")
        except subprocess.CalledProcessError as error:
            self.finding.ledger = False
            self.finding.failures.append(f"manage.py ledger: {error.stdout}")

    def raised(self) -> dict[str, int]:
        """How many tasks of each worker raised, by its log."""
        lanes = ("bulk", "transactional", "control")
        workers = [name for name in self.running if name.partition("-")[0] in lanes]
        return {name: self.installation.log(name).count("raised unexpected") for name in workers}
