"""A million recipients over the Octosend wire by batches of 5,000, and what it then takes to launch, pause, resume and
cancel them.
"""

import http.client
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models.api_keys import Scope
from spooling import ledger
from spooling.models import Spooler
from tests.benchmarks import campaign, letters
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.report import Figure
from tests.installation import Process, free_port

MAILS = 1_000_000
BATCH = 5_000
CLIENTS = 2
DOMAIN = "sender.example"
#: The longest of so many times that each call of the life cycle is made.
TIMES = 5


def measure(this: Bench) -> list[Figure]:
    """Mails a second until all are stored, the memory of the web processes, milliseconds of the life cycle."""
    mails = max(int(MAILS * this.options.mails / 100_000) // BATCH, 10) * BATCH
    account = campaign.open_account()
    domains.add(account, name=DOMAIN, now=timezone.now())
    key = api_keys.issue(account, name="bench", scopes=Scope.values, now=timezone.now()).secret
    port = free_port()
    web = this.installation.web(port, WEB_CONCURRENCY=str(CLIENTS))
    caller = Caller(port, key)
    token = caller.call("spoolers/create", {"domain": DOMAIN, "type": "marketing"})["token"]
    caller.call(f"spooler/{token}/start", {"start": int((datetime.now(UTC) + timedelta(days=1)).timestamp())})
    _say(caller, token)
    batches = iter(range(0, mails, BATCH))
    _spool(port, key, token, itertools.islice(batches, mails // BATCH // 10))
    before, start = _peak(web), time.monotonic()
    first = ledger.of_spooler(Spooler.objects.get(token=token).pk)["spooled"]
    _spool(port, key, token, batches)
    rate, after = (mails - first) / (time.monotonic() - start), _peak(web)
    figures = ledger.of_spooler(Spooler.objects.get(token=token).pk)
    if figures["spooled"] != mails or not ledger.adds_up(figures):
        raise CountsWrong(f"{mails} were accepted, {figures}")
    slowest = _live(Caller(port, key), token)
    raw = {"after a tenth MiB": before, "at the end MiB": after}
    return [
        Figure("spooling", rate, {"mails": mails}),
        Figure("spooling_memory", after / before, raw),
        Figure("life_cycle", max(slowest.values()), slowest),
    ]


class Caller:
    """One connection of a client of the wire. Raises CountsWrong for any answer but 200."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"X-RMTA-API-Key": key, "Content-Type": "application/json"}

    def call(self, path: str, body: Any = None) -> Any:
        payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._connection.request("POST", f"/api/3.0/{path}", payload, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise CountsWrong(f"{path}: {answer.status} {text[:500]!r}")
        return json.loads(text)


def _say(caller: Caller, token: str) -> None:
    """What the benchmarks' letters say, in the language of this wire."""
    parts = [
        caller.call(f"spooler/{token}/resources/part", {"type": kind, "content": content})
        for kind, content in (
            ("text/html", "<p>Hello {{name}}, your order {{order}}.</p>"),
            ("text/plain", "{{order}}"),
        )
    ]
    message = {"sender": "The shop", "subject": "Order {{order}}", "parts": parts}
    caller.call(f"spooler/{token}/message", message)


def _spool(port: int, key: str, token: str, batches: Iterator[int]) -> None:
    """All batches over CLIENTS connections, each with one request under way."""
    taken = threading.Lock()
    faults: list[Exception] = []

    def post() -> None:
        caller = Caller(port, key)
        try:
            while not faults:
                with taken:
                    start = next(batches, None)
                if start is None:
                    return
                caller.call(f"spooler/{token}/spool", _batch(start))
        except (CountsWrong, OSError) as fault:
            faults.append(fault)

    threads = [threading.Thread(target=post) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise CountsWrong(str(faults[0]))


def _batch(start: int) -> bytes:
    entries = [
        {"email": letters.address(number), "variables": {"name": f"Person {number}", "order": str(number)}}
        for number in range(start, start + BATCH)
    ]
    return orjson.dumps({"mails": entries})


def _live(caller: Caller, token: str) -> dict[str, float]:
    """The longest of some calls of each, in milliseconds: pausing and resuming before the start changes no mail."""
    slowest = {"ready ms": _timed(caller, token, "ready")}
    for _ in range(TIMES):
        for move in ("pause", "resume"):
            slowest[f"{move} ms"] = max(slowest.get(f"{move} ms", 0.0), _timed(caller, token, move))
    return slowest | {"cancel ms": _timed(caller, token, "cancel")}


def _timed(caller: Caller, token: str, move: str) -> float:
    start = time.perf_counter()
    caller.call(f"spooler/{token}/{move}")
    return (time.perf_counter() - start) * 1e3


def _peak(web: Process) -> float:
    """VmHWM of the largest web process, in MiB."""
    return max(
        int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024
        for pid in web.descendants()
    )
