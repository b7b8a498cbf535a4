"""Workers that are killed, stopped, or lost with their machine."""

import random
import shutil
import signal
import time
from collections.abc import Callable

from config.celery import app
from spooling.models import Claim, Mail
from tests.faults import campaigns
from tests.faults.sites import CONNECTIONS, Site
from tests.installation import eventually

MAILS = 5000


def _accounts():
    return [
        campaigns.open_account(f"policy-{policy}", in_doubt_bulk=policy, in_doubt_transactional=policy)
        for policy in ("hold", "resend")
    ]


def _wait_for_a_moment(site: Site, before: int, mails: int = MAILS) -> None:
    """Somewhere in the campaign, and somewhere in a turn of the loop."""
    campaigns.wait_for_lines(site.received_log(), before + random.randrange(mails // 50, mails * 9 // 10))
    time.sleep(random.random() / 50)


def kill_worker(site: Site, counts: int) -> None:
    """kill -9 of one of two bulk workers, in the middle of a campaign; half the accounts resend, half hold."""
    _kill_workers(site, counts, "bulk-1", "bulk-2")


def kill_worker_embedded(site: Site, counts: int) -> None:
    """The same with SQLite, a broker of files, and one worker."""
    _kill_workers(site, counts, "bulk-1")


def kill_child(site: Site, counts: int) -> None:
    """kill -9 of a worker's child, as the kernel does when memory is short; its parent starts another."""
    _kill_workers(site, counts, "bulk-1", kill=site.kill_children)


def restart_worker(site: Site, counts: int) -> None:
    """SIGTERM and a new start, as an update does: nothing is in doubt."""
    _kill_workers(site, counts, "bulk-1", "bulk-2", kill=site.restart)
    site.finding.require(not site.finding.in_doubt, f"{site.finding.in_doubt} mails in doubt")


def _kill_workers(site: Site, counts: int, *workers: str, kill: Callable[[str], None] | None = None) -> None:
    accounts = _accounts()
    site.start(*workers, "control-1", "beat")
    for number in range(counts):
        before = campaigns.count_lines(site.received_log())
        campaign = campaigns.bulk(accounts[number % 2], MAILS)
        victim = random.choice(workers)
        campaign.ready()
        _wait_for_a_moment(site, before)
        if kill:
            kill(victim)
        else:
            site.kill(victim)
            site.start(victim)
        campaign.wait()
        doubts = site.finding.in_doubt
        duplicates = campaigns.tally(site.finding, campaign, site.received_log())
        doubts = site.finding.in_doubt - doubts
        site.finding.require(doubts <= CONNECTIONS, f"{doubts} mails in doubt on {CONNECTIONS} connections")
        site.finding.require(duplicates <= doubts, f"{duplicates} duplicates, {doubts} in doubt")


def kill_beat(site: Site, counts: int) -> None:
    """kill -9 of beat, whose schedule file must survive it. Nothing is in doubt."""
    account, _ = _accounts()
    site.start("bulk-1", "control-1", "beat")
    for _ in range(counts):
        before = campaigns.count_lines(site.received_log())
        campaign = campaigns.bulk(account, 2000)
        campaign.ready()
        _wait_for_a_moment(site, before, 2000)
        site.kill("beat")
        time.sleep(random.random() * 2)
        site.start("beat")
        campaign.wait()
        campaigns.tally(site.finding, campaign, site.received_log())
    site.finding.require(not site.finding.in_doubt, f"{site.finding.in_doubt} mails in doubt")


def kill_everything(site: Site, counts: int) -> None:
    """kill -9 of all processes at once, with a campaign and transactional mail under way."""
    everything = ("bulk-1", "bulk-2", "transactional-1", "control-1", "beat", "web")
    accounts = _accounts()
    site.start(*everything)
    for number in range(counts):
        before = campaigns.count_lines(site.received_log())
        campaign = campaigns.bulk(accounts[number % 2], MAILS)
        single = campaigns.stream(accounts[number % 2])
        campaign.ready()
        single.hand_over([f"one{n}@few.example" for n in range(500)])
        _wait_for_a_moment(site, before)
        site.kill(*everything)
        site.start(*everything)
        campaign.wait()
        single.wait()
        doubts = site.finding.in_doubt
        for each in (campaign, single):
            campaigns.tally(site.finding, each, site.received_log())
        doubts = site.finding.in_doubt - doubts
        site.finding.require(doubts <= 3 * CONNECTIONS, f"{doubts} in doubt on {3 * CONNECTIONS} connections")
        accounts[number % 2] = campaigns.open_account(f"next-{number}", in_doubt_bulk="resend")


def stop_worker(site: Site, counts: int) -> None:
    """SIGSTOP of a worker past its lease, then SIGCONT: it sends nothing more of its batch."""
    accounts = _accounts()
    site.start("bulk-1", "bulk-2", "control-1", "beat")
    for number in range(counts):
        before = campaigns.count_lines(site.received_log())
        campaign = campaigns.bulk(accounts[number % 2], MAILS)
        campaign.ready()
        _wait_for_a_moment(site, before, MAILS // 2)
        victim = site.running[random.choice(("bulk-1", "bulk-2"))]
        victim.signal(signal.SIGSTOP)
        site.finding.faults += 1
        campaign.wait()
        victim.signal(signal.SIGCONT)
        time.sleep(3)
        doubts = site.finding.in_doubt
        campaigns.tally(site.finding, campaign, site.received_log())
        doubts = site.finding.in_doubt - doubts
        site.finding.require(doubts <= CONNECTIONS, f"{doubts} mails in doubt on {CONNECTIONS} connections")


def lost_host(site: Site, counts: int) -> None:
    """Two machines, told apart by their data folders; one is lost with its journals."""
    _, account = _accounts()
    other = site.folder / "other"
    site.start("bulk-1", "control-1", "beat")
    site.start("bulk-2", data=other)
    campaign = campaigns.bulk(account, MAILS)
    eventually(lambda: (other / "host").exists(), seconds=30)
    campaign.ready()
    _wait_for_a_moment(site, 0)
    site.kill("bulk-2")
    unsettled = _unsettled_of((other / "host").read_text())
    shutil.rmtree(other)
    site.finding.note(f"{unsettled} mails were claimed by the lost host")
    site.finding.require(unsettled, "the lost host had nothing in hand")

    def settled() -> bool:
        app.send_task("spooling.housekeeping", queue="control", ignore_result=True)
        return not campaign.unsettled()

    eventually(settled, seconds=90, pause=1)
    campaigns.tally(site.finding, campaign, site.received_log())
    site.finding.require(
        site.finding.in_doubt <= unsettled, f"{site.finding.in_doubt} in doubt of {unsettled}"
    )


def _unsettled_of(host: str) -> int:
    claims = Claim.objects.filter(host=host)
    return Mail.objects.filter(claim__in=claims.values("id"), state="sending").count()
