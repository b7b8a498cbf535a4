"""Web processes and the workers of a campaign are killed while its readers follow their links."""

import http.client
import random
import threading
import time
from collections import Counter

from django.utils import timezone

from spooling import spoolers
from spooling.models import Mail
from spooling.outbox import intake
from spooling.tracking.tokens import sign
from stats.models import Event
from tests.faults import campaigns
from tests.faults.sites import Site
from tests.installation import eventually

MAILS, READERS = 2_000, 4
#: Hits between two kills.
EACH_TIME = 100


class Reader(threading.Thread):
    """Follows links until told to stop, each once; `answered` counts what each got an answer to."""

    def __init__(self, port: int, paths: list[str]) -> None:
        super().__init__(daemon=True)
        self.port, self.paths = port, paths
        self.answered: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        for path in self.paths:
            if self.stopping.is_set():
                return
            self._follow(path)
            time.sleep(0.002)

    def _follow(self, path: str) -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", path, headers={"User-Agent": "Mozilla/5.0 (X11)"})
            status = connection.getresponse().status
            connection.close()
        except (OSError, http.client.HTTPException):
            return
        if status in (200, 302):
            self.answered[path] += 1
        elif status != 503:
            self.wrong.append(f"{path} {status}")


def kill_tracking(site: Site, counts: int) -> None:
    """kill -9 of gunicorn and of workers under tracking traffic: every hit that was answered is an event, and each
    mail's first one alone counts.
    """
    account = campaigns.open_account("reading")
    campaign = campaigns.Campaign(account, spoolers.open_campaign(account, name="read", now=timezone.now()))
    _hand_over(campaign)
    site.start("bulk-1", "control-1", "beat", "web")
    campaign.ready()
    ids = Mail.objects.filter(spooler=campaign.spooler).order_by("id").values_list("id", flat=True)
    paths = [f"/t/{kind}/{sign(kind.encode(), mail_id, 0)}" for mail_id in ids for kind in "pm"]
    readers = [Reader(site.ports["web"], 3 * random.sample(paths, len(paths))) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for _ in range(counts):
        _wait_for_answers(readers)
        time.sleep(random.random() / 2)
        site.kill("web", "bulk-1")
        site.start("web", "bulk-1")
    for reader in readers:
        reader.stopping.set()
        reader.join(30)
    campaign.wait()
    _tally(site, readers)
    campaigns.tally(site.finding, campaign, site.received_log())


def _hand_over(campaign: campaigns.Campaign) -> None:
    content = intake.NewContent(
        from_email="news@sender.example", html="<p>{{mirror}}</p>{{pixel}}", template_language="braces"
    )
    mails = tuple(intake.NewMail(email=f"u{number}@many.example") for number in range(MAILS))
    send = intake.NewSend(content=content, mails=mails, lane="bulk", spooler_id=campaign.spooler.pk)
    submission = intake.NewSubmission(account_id=campaign.account.pk, wire="octosend")
    campaign.ids |= {one.public_id.hex for one in intake.accept(submission, [send], now=timezone.now())}


def _wait_for_answers(readers: list[Reader]) -> None:
    before = _answered(readers)
    eventually(lambda: _answered(readers) >= before + EACH_TIME, seconds=60, pause=0.005)


def _answered(readers: list[Reader]) -> int:
    return sum(reader.answered.total() for reader in readers)


def _tally(site: Site, readers: list[Reader]) -> None:
    wrong = [each for reader in readers for each in reader.wrong]
    site.finding.require(not wrong, f"a hit was answered by {wrong[:1]}")
    answered: Counter[tuple[str, int]] = Counter()
    mails = {
        f"/t/{kind}/{sign(kind.encode(), pk, 0)}": (event, pk)
        for pk in Mail.objects.values_list("id", flat=True)
        for kind, event in (("p", "open"), ("m", "mirror"))
    }
    for reader in readers:
        for path, hits in reader.answered.items():
            answered[mails[path]] += hits
    rows = Event.objects.filter(kind__in=["open", "mirror"]).values_list("kind", "mail_id", "counts")
    told, counted = Counter(row[:2] for row in rows), Counter(row[:2] for row in rows if row[2])
    lost = [place for place, hits in answered.items() if told[place] < hits]
    site.finding.require(not lost, f"{len(lost)} links had hits that no event tells of")
    uneven = [place for place in told if counted[place] != 1]
    site.finding.require(not uneven, f"{len(uneven)} links count otherwise than once")
    site.finding.note(f"{answered.total()} hits answered, {told.total()} told of")
