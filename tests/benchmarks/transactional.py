"""How long a transactional mail takes from the request to the receiving server's reply while a campaign leaves."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from socket import create_connection

from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope
from spooling import ledger
from spooling.models import Router
from tests.benchmarks import campaign, growth, letters, load
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.load import Load
from tests.benchmarks.report import Figure
from tests.installation import Installation, eventually, free_port, listens

PER_SECOND = 50
SECONDS = 20
CLIENTS = 8
#: So many times the usual campaign, or it would be over before.
LONGER = 5


def measure(this: Bench) -> list[Figure]:
    """One account's mails go to a server that logs each reply, another account's campaign to the sink."""
    port, web = _logging_server(this.installation), free_port()
    account = campaign.open_account("letters")
    Router.objects.create(
        account=account, name="letters", host="127.0.0.1", port=port, tls="none", default=True
    )
    key = api_keys.issue(account, name="bench", scopes=Scope.values, now=timezone.now()).secret
    post = Load(port=web, path="/api/v1/mails/", authorization=f"Token {key}", bodies=())
    this.installation.web(web)
    crew = campaign.crew(this.installation, workers=2)
    this.installation.worker("transactional", "transactional")
    made = growth.spool(campaign.open_account("shop"), this.options.mails * LONGER)
    _post_all(post, range(PER_SECOND * SECONDS, PER_SECOND * (SECONDS + 2)))
    campaign.launch(made, crew)
    sent_at = _post_all(post, range(PER_SECOND * SECONDS))
    beside = ledger.of_spooler(made.pk)
    if not beside["waiting"]:
        raise CountsWrong("the campaign was over before the transactional mails were")
    delays = _delays(this.installation, sent_at)
    raw = {
        "median s": delays[len(delays) // 2],
        "longest s": delays[-1],
        "campaign beside it /s": beside["delivered"] / SECONDS,
    }
    return [Figure("transactional", delays[int(len(delays) * 0.99)], raw)]


def _logging_server(installation: Installation) -> int:
    port = free_port()
    log = str(installation.folder / "letters.accepted")
    installation.start(
        "letters", "-m", "tests.smtp_servers", "--port", str(port), "--script", "accept", "--log", log
    )
    eventually(lambda: listens(port), seconds=30)
    return port


def _post_all(post: Load, numbers: range) -> dict[str, float]:
    """Post one mail a number, PER_SECOND whatever the answers take; answers when each was sent, by address."""
    connections = threading.local()
    start = time.monotonic()

    def send(number: int) -> tuple[str, float]:
        if not hasattr(connections, "one"):
            connections.one = create_connection(("127.0.0.1", post.port), timeout=60)
        time.sleep(max(0.0, start + (number - numbers.start) / PER_SECOND - time.monotonic()))
        sent_at = time.time()
        connections.one.sendall(load.request(post, letters.request_body(range(number, number + 1))))
        if load.read_status(connections.one) != 201:
            raise CountsWrong("a transactional mail was not accepted")
        return letters.address(number), sent_at

    with ThreadPoolExecutor(CLIENTS) as clients:
        return dict(clients.map(send, numbers))


def _delays(installation: Installation, sent_at: dict[str, float]) -> list[float]:
    """Seconds from each request to the reply that its mail got, ascending. Raises CountsWrong unless each came once."""
    log = installation.folder / "letters.accepted"

    def received() -> list[dict]:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in lines if line["recipient"] in sent_at]

    eventually(lambda: len(received()) >= len(sent_at), seconds=60)
    found = received()
    if {line["recipient"] for line in found} != sent_at.keys() or len(found) != len(sent_at):
        raise CountsWrong(f"{len(found)} received of {len(sent_at)}")
    return sorted(line["at"] - sent_at[line["recipient"]] for line in found)
