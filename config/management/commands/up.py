"""`manage.py up`: all processes of an installation on one machine."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from config import demo_account, processes

LANES = ("transactional", "bulk", "control")
#: Seconds until the web process must answer.
START_SECONDS = 60.0
#: Three workers would each warn at length about running as root, as containers do.
QUIETED = "ignore::UserWarning:celery.platforms"


class Command(BaseCommand):
    help = "Runs web, workers, beat, SMTP server and mail trap until Ctrl-C. Embedded, it also makes a demo account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-trap", action="store_true", help="Do not start the mail trap.")

    def handle(self, *, host: str, port: int, no_trap: bool, **options: Any) -> None:
        require_free(host, port, "--port")
        if not no_trap:
            require_free(settings.TRAP_HOST, settings.TRAP_PORT, "EARWIG_TRAP_PORT")
        smtpd = self.wants_smtpd()
        call_command("migrate", verbosity=0)
        self.check(databases=["default"])
        supervisor = processes.Supervisor(
            processes=process_list(host, port, trap=not no_trap, smtpd=smtpd),
            environment=self.environment(host, port),
            folder=settings.BASE_DIR,
            say=self.say,
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.stop())
        threading.Thread(target=self.greet, args=(host, port), daemon=True).start()
        supervisor.run()
        self.say("stopped")

    def wants_smtpd(self) -> bool:
        """Whether the SMTP server can run: nobody who did not ask for its ports is stopped by them.

        Raises CommandError for ports that were asked for and are not free.
        """
        asked = any(name in os.environ for name in ("SUBMISSION_PORTS", "INBOUND_PORTS", "SMTPD_LMTP"))
        try:
            for name, port in mail_ports():
                require_free(settings.SMTPD_HOST, port, name)
        except CommandError as fault:
            if asked:
                raise
            self.say(f"no SMTP server: {fault}")
            return False
        return bool(mail_ports() or settings.SMTPD_LMTP)

    def say(self, text: str) -> None:
        self.stdout.write(f"up: {text}")
        self.stdout.flush()

    def environment(self, host: str, port: int) -> dict[str, str]:
        """What the children see beside this process's own environment, which wins."""
        wanted = {"PUBLIC_URL": url_of(host, port), "PYTHONWARNINGS": QUIETED}
        if is_loopback(host) and "REQUIRE_HTTPS" not in os.environ:
            self.say("on loopback: REQUIRE_HTTPS is off, plain HTTP is taken")
            wanted["REQUIRE_HTTPS"] = "off"
        if is_loopback(host) and settings.EMBEDDED and "EARWIG_ALLOW_PRIVATE_TARGETS" not in os.environ:
            self.say("on loopback: webhooks may lead to this machine")
            wanted["EARWIG_ALLOW_PRIVATE_TARGETS"] = "127.0.0.0/8,::1"
        return {name: value for name, value in wanted.items() if name not in os.environ}

    def greet(self, host: str, port: int) -> None:
        if not answers(host, port, START_SECONDS):
            self.say(f"the web process does not answer on {host}:{port} after {START_SECONDS:g} s")
        elif settings.EMBEDDED:
            self.stdout.write(demo_account.of_installation(url_of(host, port)).greeting())
            self.stdout.flush()
        else:
            self.say(f"ready on {url_of(host, port)}")


def process_list(host: str, port: int, *, trap: bool, smtpd: bool) -> list[processes.Process]:
    """Everything but the database and the broker. One web process, so that limits kept in memory hold."""
    celery = "-m celery --quiet --app config"
    lean = "--concurrency 1 --without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
    lines = {"web": f"-m gunicorn config.wsgi --bind {bracketed(host)}:{port} --log-level warning"}
    if trap:
        lines["trap"] = "manage.py trap"
    if smtpd:
        lines["smtpd"] = "manage.py smtpd"
    for lane in LANES:
        lines[lane] = f"{celery} worker --queues {lane} --hostname {lane}@%h {lean}"
    lines["beat"] = f"{celery} beat --loglevel WARNING"
    return [processes.Process(name=name, argv=line.split()) for name, line in lines.items()]


def mail_ports() -> list[tuple[str, int]]:
    """The ports of the SMTP server, each with its setting."""
    named = {"SUBMISSION_PORTS": settings.SUBMISSION_PORTS, "INBOUND_PORTS": settings.INBOUND_PORTS}
    if settings.SMTPD_TLS_CERT:
        named["SUBMISSION_TLS_PORTS"] = settings.SUBMISSION_TLS_PORTS
    return [(name, port) for name, ports in named.items() for port in ports]


def require_free(host: str, port: int, name: str) -> None:
    """Raises CommandError naming the port's setting when something listens there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            raise CommandError(
                f"{host}:{port} is not free ({fault.strerror}); choose another by {name}"
            ) from fault


def answers(host: str, port: int, seconds: float) -> bool:
    """Whether something accepts connections there within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection((reachable(host), port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def url_of(host: str, port: int) -> str:
    return f"http://{bracketed(reachable(host))}:{port}"


def reachable(host: str) -> str:
    """The address a client on this machine uses for what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
