"""What the workers stand on fails: the broker, the database, the disk of the journal."""

import os
import random
import signal
import time

import redis

from tests.faults import campaigns, clients, disks
from tests.faults.drills.web import tally_posts
from tests.faults.sites import CONNECTIONS, Site

MAILS = 5000


def broker_emptied(site: Site, counts: int) -> None:
    """All of Redis is flushed again and again, then it is down while mail is accepted, and comes back empty."""
    account = campaigns.open_account("emptied")
    site.start("bulk-1", "transactional-1", "control-1", "beat", "web")
    broker = redis.Redis(port=site.ports["redis"])
    campaign = campaigns.bulk(account, MAILS)
    campaign.ready()
    client = clients.Client(account, site.ports["web"], pause=0.05)
    client.start()
    for _ in range(10):
        time.sleep(0.5)
        broker.flushall()
        site.finding.faults += 1
    late = campaigns.bulk(account, 500)
    late.ready()
    for each in (campaign, late):
        each.wait(60)
    _hang(site, client)
    site.kill("redis")
    down = campaigns.bulk(account, 500)
    down.ready()
    time.sleep(2)
    site.start_redis()
    down.wait(90)
    for each in (campaign, late, down):
        campaigns.tally(site.finding, each, site.received_log())
    tally_posts(site, [client], campaigns.stream(account))
    site.finding.require(not site.finding.in_doubt, f"{site.finding.in_doubt} mails in doubt")
    site.finding.require(not site.finding.duplicates, f"{site.finding.duplicates} duplicates")


def _hang(site: Site, client: clients.Client) -> None:
    """The broker takes connections and answers nothing: those who post mail do not wait for it."""
    site.running["redis"].signal(signal.SIGSTOP)
    client.slowest, before = 0.0, len(client.answered)
    time.sleep(5)
    site.running["redis"].signal(signal.SIGCONT)
    time.sleep(0.5)
    site.finding.faults += 1
    site.finding.note(f"beside a hung broker the slowest answer took {client.slowest:.1f} s")
    site.finding.require(client.slowest < 1, f"a call took {client.slowest:.1f} s because the broker hung")
    site.finding.require(len(client.answered) > before, "no call was answered while the broker hung")


def postgres_restarted(site: Site, counts: int) -> None:
    """The database crashes, restarts in order, and is away for a while, with mail under way and being posted."""
    account = campaigns.open_account("restarted")
    site.start("bulk-1", "bulk-2", "transactional-1", "control-1", "beat", "web")
    client = clients.Client(account, site.ports["web"], pause=0.05)
    campaign = campaigns.bulk(account, 3 * MAILS)
    campaign.ready()
    client.start()
    for number, mode in enumerate(("immediate", "fast", "immediate")):
        _wait_for_a_moment(site, number)
        if number < 2:
            site.cluster.restart(mode)
        else:
            site.cluster.stop(mode)
            time.sleep(5)
            site.cluster.start()
        site.finding.faults += 1
    campaigns.reconnect()
    campaign.wait()
    before = site.raised()
    time.sleep(3)
    site.finding.require(site.raised() == before, f"tasks still raise: {before} became {site.raised()}")
    campaigns.tally(site.finding, campaign, site.received_log())
    tally_posts(site, [client], campaigns.stream(account))
    site.finding.require(not site.finding.in_doubt, f"{site.finding.in_doubt} mails in doubt")
    site.finding.require(not site.finding.duplicates, f"{site.finding.duplicates} duplicates")


def _wait_for_a_moment(site: Site, number: int) -> None:
    lines = int(MAILS * (number + random.uniform(0.2, 0.8)))
    campaigns.wait_for_lines(site.received_log(), lines)


def journal_full(site: Site, counts: int) -> None:
    """The disk of the journals is full: sending stops, and goes on when there is space."""
    with disks.SmallDisk(site.folder / "journal") if os.geteuid() == 0 else disks.FileLimit() as disk:
        account = campaigns.open_account("full", in_doubt_bulk="resend")
        site.start("bulk-1", "control-1", "beat")
        _fill_and_free(site, disk, campaigns.bulk(account, MAILS))
        site.require_alive()
        site.require_quiet_logs()
        site.stop()


def _fill_and_free(site: Site, disk: disks.Disk, campaign: campaigns.Campaign) -> None:
    log = site.received_log()
    campaign.ready()
    campaigns.wait_for_lines(log, MAILS // 4)
    site.finding.faults += 1
    # The bodies that are out may still be taken.
    disk.keep_full(site.running["bulk-1"], seconds=2)
    before = campaigns.count_lines(log)
    disk.keep_full(site.running["bulk-1"], seconds=12)
    more = campaigns.count_lines(log) - before
    site.finding.require(not more, f"{more} mails left without a journal")
    site.finding.require(before < MAILS, "the campaign was over before the disk was full")
    site.finding.note(f"stopped after {before} mails")
    disk.free()
    campaign.wait()
    campaigns.tally(site.finding, campaign, log)
    site.finding.require(site.finding.in_doubt <= CONNECTIONS, f"{site.finding.in_doubt} mails in doubt")
