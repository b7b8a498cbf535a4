"""The web process is killed while clients post."""

import random
import time
from collections import Counter

from tests.faults import campaigns, clients
from tests.faults.sites import Site
from tests.installation import eventually

CLIENTS = 3
#: Answers between two kills.
EACH_TIME = 30


def kill_web(site: Site, counts: int) -> None:
    """kill -9 of gunicorn: each answer below 300 is a stored mail, and no repeated call made a second one."""
    account = campaigns.open_account("posting")
    site.start("transactional-1", "control-1", "beat", "web")
    posting = [clients.Client(account, site.ports["web"]) for _ in range(CLIENTS)]
    for client in posting:
        client.start()
    for _ in range(counts):
        _wait_for_answers(posting)
        site.kill("web")
        site.start("web")
    _wait_for_answers(posting)
    tally_posts(site, posting, campaigns.stream(account))
    site.finding.require(not site.finding.duplicates, "a mail came twice")


def _wait_for_answers(posting: list[clients.Client]) -> None:
    """Until the web process that was started last has answered, and on to somewhere in a request."""
    before = answered(posting)
    eventually(lambda: answered(posting) >= before + EACH_TIME, seconds=60, pause=0.005)
    time.sleep(random.random())


def answered(posting: list[clients.Client]) -> int:
    return sum(len(client.answered) for client in posting)


def tally_posts(site: Site, posting: list[clients.Client], stream: campaigns.Campaign) -> None:
    """Stop the clients, wait for their mail, count it."""
    for client in posting:
        client.finish()
        stream.ids |= set(client.answered)
        site.finding.require(not client.wrong, f"a call was answered by {client.wrong[:1]}")
    answers = answered(posting)
    site.finding.require(answers == len(stream.ids), f"{answers} answers name {len(stream.ids)} mails")
    repeated = sum((client.repeated for client in posting), Counter())
    site.finding.note(f"calls were repeated after {dict(repeated)}")
    site.finding.require(answers >= EACH_TIME, f"only {answers} calls were answered")
    stream.wait()
    campaigns.tally(site.finding, stream, site.received_log())
