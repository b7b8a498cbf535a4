"""The SMTP server is killed while programs submit."""

import random
import re
import smtplib
import threading
import time
import uuid
from collections import Counter

from django.utils import timezone

from earwig import api_keys
from earwig.models import Account
from earwig.models.api_keys import Scope
from tests.faults import campaigns
from tests.faults.drills import web
from tests.faults.sites import Site
from tests.installation import eventually, listens

CLIENTS = 3
#: Replies between two kills.
EACH_TIME = 30
#: Pause before a message that failed is submitted again.
RETRY_SECONDS = 0.1


class Submitter(threading.Thread):
    """Submits single messages until told to stop, each until it is taken and under its own Idempotency-Key.

    What it tells is as with `tests.faults.clients.Client`: 599 where a connection broke.
    """

    def __init__(self, account: Account, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.slug = port, account.slug
        self.secret = api_keys.issue(account, name="drill", scopes=Scope.values, now=timezone.now()).secret
        self.answered: list[str] = []
        self.repeated: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._stop_asked = threading.Event()
        self._connection: smtplib.SMTP | None = None

    def finish(self, seconds: float = 60) -> None:
        """Have the last message taken, and stop. Raises TimeoutError."""
        self._stop_asked.set()
        self.join(seconds)
        if self.is_alive():
            raise TimeoutError("the SMTP server did not take the last message")

    def run(self) -> None:
        while not self._stop_asked.is_set():
            self._submit_until_taken(f"one{len(self.answered)}@few.example")

    def _submit_until_taken(self, address: str) -> None:
        key = uuid.uuid4().hex
        while True:
            code, reply = self._submit(address, key)
            if code == 250:
                self.answered += re.findall("[0-9a-f]{32}", reply)
                return
            if code < 500 or code == 599:
                self.repeated[code] += 1
                time.sleep(RETRY_SECONDS)
            else:
                self.wrong.append(f"{code} {reply[:200]}")
                return

    def _submit(self, address: str, key: str) -> tuple[int, str]:
        message = f"From: a@sender.example\r\nSubject: One\r\nIdempotency-Key: {key}\r\n\r\nOne mail for {address}.\r\n"
        try:
            if self._connection is None:
                self._connection = smtplib.SMTP("127.0.0.1", self.port, timeout=10)
                self._connection.login(self.slug, self.secret)
            self._connection.mail("a@sender.example")
            self._connection.rcpt(address)
            code, reply = self._connection.data(message)
            return code, reply.decode()
        except (OSError, smtplib.SMTPException):
            self._connection = None
            return 599, ""


def kill_smtpd(site: Site, counts: int) -> None:
    """kill -9 of smtpd: each message that was answered by 250 is delivered, and none that was repeated came twice."""
    account = campaigns.open_account("submitting")
    site.start("transactional-1", "control-1", "beat", "smtpd")
    eventually(lambda: listens(site.ports["smtpd"]), seconds=60)
    submitting = [Submitter(account, site.ports["smtpd"]) for _ in range(CLIENTS)]
    for client in submitting:
        client.start()
    for _ in range(counts):
        _wait_for_replies(submitting)
        site.kill("smtpd")
        site.start("smtpd")
    _wait_for_replies(submitting)
    web.tally_posts(site, submitting, campaigns.stream(account))
    site.finding.require(not site.finding.duplicates, "a mail came twice")


def _wait_for_replies(submitting: list[Submitter]) -> None:
    """Until the server that was started last has replied, and on to somewhere in a message."""
    before = web.answered(submitting)
    eventually(lambda: web.answered(submitting) >= before + EACH_TIME, seconds=60, pause=0.005)
    time.sleep(random.random())
