"""The web process is killed while clients post."""

import random
import time

from tests.faults import campaigns, clients
from tests.faults.sites import Site

CLIENTS = 3


def kill_web(site: Site, counts: int) -> None:
    """kill -9 of gunicorn: each answer below 300 is a stored mail, and no repeated call made a second one."""
    account = campaigns.open_account("posting")
    site.start("transactional-1", "control-1", "beat", "web")
    posting = [clients.Client(account, site.ports["web"]) for _ in range(CLIENTS)]
    for client in posting:
        client.start()
    for _ in range(counts):
        time.sleep(0.5 + random.random())
        site.kill("web")
        site.start("web")
    time.sleep(1)
    tally_posts(site, posting, campaigns.stream(account))
    site.finding.require(not site.finding.duplicates, "a mail came twice")


def tally_posts(site: Site, posting: list[clients.Client], stream: campaigns.Campaign) -> None:
    """Stop the clients, wait for their mail, count it."""
    for client in posting:
        client.finish()
        stream.ids |= set(client.answered)
        site.finding.require(not client.wrong, f"a call was answered by {client.wrong[:1]}")
    answered = sum(len(client.answered) for client in posting)
    site.finding.require(answered == len(stream.ids), f"{answered} answers name {len(stream.ids)} mails")
    site.finding.note(f"{sum(client.repeated for client in posting)} calls were repeated")
    stream.wait()
    campaigns.tally(site.finding, stream, site.received_log())
