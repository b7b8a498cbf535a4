"""Requests that no client means to send: each is answered, in bounded time, and never by an error of ours."""

import json
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.faults import campaigns, exchanges, mutations
from tests.faults.mutations import Request
from tests.faults.sites import Site

#: A request that takes longer hangs.
LONGEST_SECONDS = 20.0
AT_ONCE = 4
#: Of each operation of the native API.
EXAMPLES = 20
SCHEMA_SECONDS = 420
#: 501 and 505 are the HTTP server's, to a verb or a version that it does not know.
NOT_OURS = (501, 505)


def hostile_bodies(site: Site, counts: int) -> None:
    """Spoiled octets of every wire's golden requests: no 500, no hang, no page for people."""
    account = campaigns.open_account("hostile")
    site.start("transactional-1", "control-1", "beat", "web")
    golden = exchanges.of(account)
    for request in golden:
        status, answer = _send(site.ports["web"], request.octets())
        site.finding.require(200 <= status < 300, f"{request.wire} {request.path} gives {answer[-300:]!r}")
    spoiled = [(request, mutations.mutant(request, random)) for request in golden for _ in range(counts)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda one: _send(site.ports["web"], one[1]), spoiled))
    _tally(site, spoiled, answers)


def hostile_schema(site: Site, counts: int) -> None:
    """Schemathesis makes up requests of the OpenAPI document, fitting and not: no error of ours, none that hangs."""
    account = campaigns.open_account("hostile")
    site.start("transactional-1", "control-1", "beat", "web")
    argv = [sys.executable, "-m", "schemathesis.cli", "run"]
    argv += [f"http://127.0.0.1:{site.ports['web']}/api/schema/", "--checks", "not_a_server_error"]
    argv += ["--header", f"Authorization: Token {exchanges.key_of(account)}"]
    argv += ["--max-examples", str(EXAMPLES * counts), "--max-response-time", str(LONGEST_SECONDS)]
    argv += ["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--no-shrink"]
    # One worker: two threads of it disturb each other's caches.
    argv += ["--continue-on-failure", "--warnings", "off", "--workers", "1"]
    log = site.folder / "schemathesis.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            argv, cwd=site.folder, stdout=output, stderr=subprocess.STDOUT, timeout=SCHEMA_SECONDS
        )
    said = log.read_text(errors="replace")
    site.finding.require(ended.returncode == 0, f"schemathesis found: {said[-3000:]}")
    site.finding.note(next((line.strip() for line in said.splitlines() if "generated" in line), "no summary"))


def _send(port: int, octets: bytes) -> tuple[int, bytes]:
    """Status and answer. 0: none came, as the server took it for no request; -1: it hung."""
    received = b""
    ends = time.monotonic() + LONGEST_SECONDS
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_SECONDS) as connection:
            connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                received += piece
                connection.settimeout(max(ends - time.monotonic(), 0.001))
    except TimeoutError:
        return -1, received
    except OSError:
        pass
    return _status(received), received


def _status(received: bytes) -> int:
    line = received.partition(b"\r\n")[0].split(b" ")
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


def _tally(site: Site, spoiled: list[tuple[Request, bytes]], answers: list[tuple[int, bytes]]) -> None:
    statuses: Counter[int] = Counter()
    for (request, octets), (status, answer) in zip(spoiled, answers, strict=True):
        statuses[status] += 1
        ours = status == -1 or status >= 500 and status not in NOT_OURS
        site.finding.require(not ours, f"{request.wire} {request.path} gives {status}: {octets[:600]!r}")
        head = answer.partition(b"\r\n\r\n")[0].lower()
        page = b"text/html" in head and status >= 400
        site.finding.require(not page, f"{request.wire} gives a page: {octets[:300]!r} {answer[:300]!r}")
    site.finding.note(f"{len(answers)} requests: {json.dumps(dict(sorted(statuses.items())))}")
