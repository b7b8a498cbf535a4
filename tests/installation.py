"""A real installation for drills and benchmarks: its own database, broker, data folder and processes. All of it is
gone when it closes.
"""

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import redis
from psycopg2 import sql

ROOT = Path(__file__).resolve().parent.parent
#: linux/prctl.h
PR_SET_PDEATHSIG = 1
#: Databases of the Redis server that an installation may take; the lower ones are everybody's.
REDIS_DATABASES = range(15, 5, -1)
TAKEN = "earwig-installation"
#: Keeps the marker of a run that was killed from blocking its database for good.
TAKEN_SECONDS = 7200
SECRETS = {
    "SECRET_KEY": "of an installation under test",
    "EARWIG_KEYS": "b2YgdGhlIHRlc3RzLCBhbmQgb25seSBvZiB0aGVtLi4=",
    "EARWIG_SENDER_SALT": "the-very-saltiest",
}
OURS = (
    "EARWIG_",
    "HANDOFF_",
    "CELERY_",
    "DATABASE_",
    "CACHE_",
    "PUBLIC_",
    "TRACKING_",
    "SMTP_",
    "SMTPD_",
    "SUBMISSION_",
    "INBOUND_",
)

_DROP = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
_libc = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def eventually(condition, *, seconds: float, pause: float = 0.05):
    """The first true answer of `condition`. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(pause)
    raise TimeoutError(f"not within {seconds:g} s: {condition}")


class Process:
    """A process and its children, in a process group of their own; ends with this one at the latest."""

    def __init__(self, argv, *, environment, log: Path) -> None:
        self.argv, self.log = argv, log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                argv,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.pid = self.popen.pid

    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def signal(self, number: int) -> None:
        """To the whole group: `kill -9`, SIGSTOP and SIGCONT reach a worker's children too."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.popen.wait(10)

    def stop(self, seconds: float = 15.0) -> None:
        """Ask for a clean end, and kill what is left of the group after `seconds`."""
        if self.is_alive():
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def cpu_seconds(self) -> float:
        """What it and its living descendants used so far."""
        ticks = 0
        for pid in (self.pid, *self.descendants()):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def descendants(self) -> list[int]:
        """Pids of its children and theirs."""
        found, pending = [], [self.pid]
        while pending:
            for task in Path(f"/proc/{pending.pop()}/task").glob("*/children"):
                children = [int(pid) for pid in task.read_text().split()]
                found += children
                pending += children
        return found


class Installation:
    """A context manager. `environment` is what its processes see; `use` makes this process one of them."""

    def __init__(self, name: str, *, embedded: bool = False, **environment: str) -> None:
        self.name, self.embedded = name, embedded
        self.folder = Path(tempfile.mkdtemp(prefix=f"earwig-{name}-"))
        self.processes: list[Process] = []
        self._given = environment
        self.database_url = ""
        self.broker_url = ""

    def __enter__(self) -> "Installation":
        atexit.register(self.close)
        if not self.embedded:
            self.database_url = _create_database(f"earwig_{self.name}_{os.getpid()}")
            self.broker_url = _take_redis_database()
        self.manage("migrate", "--verbosity", "0")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        atexit.unregister(self.close)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
        if self.database_url:
            _drop_database(self.database_url)
            self.database_url = ""
        if self.broker_url:
            redis.Redis.from_url(self.broker_url).flushdb()
            self.broker_url = ""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        kept |= {
            "EARWIG_DATA": str(self.folder),
            "REQUIRE_HTTPS": "off",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        if not self.embedded:
            kept |= {**SECRETS, "DATABASE_URL": self.database_url, "CELERY_BROKER_URL": self.broker_url}
        # Three workers would each warn at length about running as root, as containers do.
        return kept | {"PYTHONWARNINGS": "ignore::UserWarning:celery.platforms"} | self._given

    def use(self) -> None:
        """Make this Python process part of the installation: models and verbs work from here on. Once a process."""
        import django

        for name in [name for name in os.environ if name.startswith(OURS)]:
            del os.environ[name]
        os.environ.update(self.environment)
        django.setup()

    def manage(self, *argv: str) -> str:
        """Run a management command; answers what it printed. Raises CalledProcessError."""
        return subprocess.run(
            [sys.executable, "manage.py", *argv],
            cwd=ROOT,
            env=self.environment,
            check=True,
            timeout=300,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    def start(self, name: str, *argv: str, **environment: str) -> Process:
        """A Python process: `argv` starts with `-m` and a module, or with a script. Its output is in `name`.log."""
        log = self.folder / f"{name}.log"
        process = Process([sys.executable, *argv], environment=self.environment | environment, log=log)
        self.processes.append(process)
        return process

    def worker(self, name: str, lane: str, **environment: str) -> Process:
        """A Celery worker with one child, as the product's own process list starts it."""
        lean = ("--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat")
        host = ("--hostname", f"{name}@%h", "--loglevel", "WARNING")
        return self.start(
            name,
            "-m",
            "celery",
            "--quiet",
            "--app",
            "config",
            "worker",
            "--queues",
            lane,
            *host,
            *lean,
            **environment,
        )

    def beat(self) -> Process:
        schedule = str(self.folder / "beat")
        argv = (
            "--quiet",
            "--app",
            "config",
            "beat",
            "--loglevel",
            "WARNING",
            "--schedule",
            schedule,
            "--pidfile",
            "",
        )
        return self.start("beat", "-m", "celery", *argv)

    def web(self, port: int, *, application: str = "config.wsgi", **environment: str) -> Process:
        """gunicorn on 127.0.0.1; returns when it takes connections."""
        argv = ("-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", "--log-level", "warning")
        process = self.start("web", *argv, **environment)
        eventually(lambda: listens(port), seconds=60)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def _server() -> str:
    return (
        os.environ.get("TEST_DATABASE_URL")
        or f"postgres://{os.environ.get('USER', 'root')}@127.0.0.1/postgres"
    )


def _create_database(name: str) -> str:
    parts = urlsplit(_server())
    with _maintenance() as cursor:
        cursor.execute(_DROP.format(sql.Identifier(name)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(parts._replace(path=f"/{name}"))


def _drop_database(url: str) -> None:
    with _maintenance() as cursor:
        cursor.execute(_DROP.format(sql.Identifier(urlsplit(url).path[1:])))


def _maintenance():
    """A cursor outside every transaction, for what concerns whole databases."""
    url = urlsplit(_server())._replace(scheme="postgresql", path="/postgres")
    connection = psycopg2.connect(urlunsplit(url))
    connection.autocommit = True
    return connection.cursor()


def _take_redis_database() -> str:
    """The URL of a Redis database that nobody uses. Raises RuntimeError when all are taken."""
    base = urlsplit(os.environ.get("TEST_BROKER_URL") or "redis://127.0.0.1:6379/0")
    for number in REDIS_DATABASES:
        url = urlunsplit(base._replace(path=f"/{number}"))
        client = redis.Redis.from_url(url)
        if client.dbsize() == 0 and client.set(TAKEN, os.getpid(), nx=True, ex=TAKEN_SECONDS):
            return url
    raise RuntimeError(f"no free Redis database in {REDIS_DATABASES}")


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
