"""Clients of the native API that repeat a call until it is answered, each call under its own Idempotency-Key."""

import http.client
import json
import threading
import time
import uuid
from collections import Counter

from django.utils import timezone

from earwig import api_keys
from earwig.models import Account
from earwig.models.api_keys import Scope

#: Pause before a call that failed is repeated.
RETRY_SECONDS = 0.1


class Client(threading.Thread):
    """Posts single mails until told to stop. `answered` holds the ids of the mails whose call got an answer < 300."""

    def __init__(self, account: Account, port: int, *, pause: float = 0.005) -> None:
        super().__init__(daemon=True)
        self.port, self.pause = port, pause
        self.secret = api_keys.issue(account, name="drill", scopes=Scope.values, now=timezone.now()).secret
        self.answered: list[str] = []
        #: Why calls were repeated: status → how often; 599 where there was no answer.
        self.repeated: Counter[int] = Counter()
        #: Seconds of the slowest answer.
        self.slowest = 0.0
        #: Answers that no client should see, whatever dies.
        self.wrong: list[str] = []
        self._stop_asked = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def finish(self, seconds: float = 60) -> None:
        """Have the last call answered, and stop. Raises TimeoutError."""
        self._stop_asked.set()
        self.join(seconds)
        if self.is_alive():
            raise TimeoutError("the API did not answer the last call")

    def run(self) -> None:
        while not self._stop_asked.is_set():
            self._post_until_answered(f"one{len(self.answered)}@few.example")
            time.sleep(self.pause)

    def _post_until_answered(self, address: str) -> None:
        key = uuid.uuid4().hex
        while True:
            status, body = self._post(address, key)
            if status < 300:
                self.answered += [mail["id"].replace("-", "") for mail in json.loads(body)["mails"]]
                return
            if status < 500 and status != 409:
                self.wrong.append(f"{status} {body[:200]!r}")
                return
            self.repeated[status] += 1
            time.sleep(RETRY_SECONDS)

    def _post(self, address: str, key: str) -> tuple[int, bytes]:
        """The answer; 599 when there was none."""
        headers = {
            "Authorization": f"Token {self.secret}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        mail = {"from": "a@sender.example", "to": [address], "subject": "One", "text": "One mail."}
        started = time.monotonic()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            self._connection.request("POST", "/api/v1/mails/", json.dumps(mail), headers)
            answer = self._connection.getresponse()
            body = answer.read()
            self.slowest = max(self.slowest, time.monotonic() - started)
            return answer.status, body
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 599, b""
