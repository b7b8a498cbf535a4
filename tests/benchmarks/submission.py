"""Mail submitted by SMTP: messages a second over ten connections, from one client process to one server process."""

import statistics
from base64 import b64encode

from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope
from spooling import ledger
from tests.benchmarks import campaign, smtp_load
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.report import Figure
from tests.installation import eventually, free_port, listens

SECONDS, WARM_UP_SECONDS = 5.0, 2.0


def measure(this: Bench) -> list[Figure]:
    """Each message is one mail, and its reply is awaited before the next one of its connection."""
    account = campaign.open_account("letters")
    key = api_keys.issue(account, name="bench", scopes=Scope.values, now=timezone.now()).secret
    port = free_port()
    server = this.installation.start(
        "smtpd", "manage.py", "smtpd", SUBMISSION_PORTS=str(port), SUBMISSION_TLS_PORTS="", INBOUND_PORTS=""
    )
    eventually(lambda: listens(port), seconds=60)
    response = b64encode(f"\0{account.slug}\0{key}".encode()).decode()
    login = f"AUTH PLAIN {response}\r\n"
    rounds = [smtp_load.apply(port, login, WARM_UP_SECONDS)]
    before = server.cpu_seconds()
    rounds += [smtp_load.apply(port, login, SECONDS) for _ in range(this.options.rounds)]
    used = server.cpu_seconds() - before
    accepted = sum(count for count, _ in rounds)
    if ledger.of_account(account.pk)["spooled"] != accepted:
        raise CountsWrong(f"{accepted} accepted, {ledger.of_account(account.pk)}")
    rates = [count / seconds for count, seconds in rounds[1:]]
    return [
        Figure(
            "submission",
            statistics.median(rates),
            {"slowest /s": min(rates), "cpu µs": used * 1e6 / sum(count for count, _ in rounds[1:])},
            rates,
        )
    ]
