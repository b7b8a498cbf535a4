"""A receiver of webhooks is down, fails, hangs and leads elsewhere, while the worker that calls it is killed."""

import json
import random
import threading
import time
from contextlib import ExitStack

from django.utils import timezone

from spooling import spoolers
from stats import webhooks
from stats.models import Event, Webhook, WebhookDelivery
from tests import http_servers
from tests.faults import campaigns
from tests.faults.sites import Site
from tests.installation import eventually, free_port

#: Mails of one round.
MAILS = 1_000
#: What is around on this machine and was not allowed.
PRIVATE = "127.0.0.2"
TROUBLES = ("down", "error", "hangs", "elsewhere", "breaks off")
#: Seconds within which a trouble is met: a lease of a worker that was killed ends before.
MET_SECONDS = 30.0


class Receiver:
    """A server on loopback that has troubles, and knows which events it took."""

    def __init__(self, elsewhere: str) -> None:
        self.port, self.elsewhere, self.trouble = free_port(), elsewhere, ""
        self.taken: list[int] = []
        self.released = threading.Event()
        self._open = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def up(self) -> None:
        self.trouble = ""
        self.released.set()
        self._open.enter_context(http_servers.serving(self._answer, port=self.port))

    def down(self) -> None:
        self._open.close()

    def begin(self, trouble: str) -> None:
        self.released.clear()
        self.trouble = trouble
        if trouble == "down":
            self.down()

    def end(self) -> None:
        was, self.trouble = self.trouble, ""
        self.released.set()
        if was == "down":
            self.up()

    def _answer(self, request: http_servers.Request) -> tuple[int, dict[str, str], bytes]:
        if self.trouble == "hangs":
            self.released.wait(30)
        if self.trouble == "error":
            return random.choice((400, 404, 500, 503)), {}, b"no"
        if self.trouble == "elsewhere":
            return 302, {"Location": self.elsewhere}, b""
        self.taken += [event["id"] for event in json.loads(request.body)["events"]]
        # Taken, and the caller learns nothing of it.
        return (200, {"X-Cut": "x" * 70_000}, b"") if self.trouble == "breaks off" else (200, {}, b"")


def webhook_receiver(site: Site, counts: int) -> None:
    """Every event is told, in its order, whatever the receiver did; nothing leaves to an address that is not allowed."""
    account = campaigns.open_account("listening")
    campaign = campaigns.Campaign(account, spoolers.open_campaign(account, name="told", now=timezone.now()))
    with http_servers.serving(host=PRIVATE) as private:
        forbidden = f"http://{PRIVATE}:{private.port}/"
        receiver = Receiver(forbidden)
        receiver.up()
        _make(account.pk, receiver.url)
        # The installation's own check of addresses has been passed, as a name does that leads there later.
        Webhook.objects.filter(pk=_make(account.pk, "http://127.0.0.1:9/").pk).update(url=forbidden)
        site.start("bulk-1", "control-1", "beat")
        campaign.ready()
        for number in range(counts):
            for trouble in TROUBLES:
                _round(site, campaign, receiver, trouble, number)
        campaign.wait()
        _require_told(site, account.pk, receiver)
        receiver.down()
    site.finding.require(not private.asked, f"{len(private.asked)} calls went to {PRIVATE}")
    refused = WebhookDelivery.objects.filter(webhook__url=forbidden, status=None)
    site.finding.require(refused.filter(fault__contains="private").exists(), "no refusal stands in the log")
    campaigns.tally(site.finding, campaign, site.received_log())


def _make(account_id: int, url: str) -> Webhook:
    return webhooks.create(account_id, webhooks.Wanted(url=url), now=timezone.now())[0]


def _round(site: Site, campaign: campaigns.Campaign, receiver: Receiver, trouble: str, number: int) -> None:
    """The trouble is met, the worker killed at some moment of it, and the trouble met once more."""
    receiver.begin(trouble)
    campaign.hand_over([f"{trouble.split()[0]}{number}-{n}@many.example" for n in range(MAILS)])
    _meet(receiver)
    time.sleep(random.random())
    site.kill("control-1")
    site.start("control-1")
    _meet(receiver)
    receiver.end()


def _meet(receiver: Receiver) -> None:
    failed = WebhookDelivery.objects.filter(webhook__url=receiver.url).exclude(status=200)
    before = failed.count()
    eventually(lambda: failed.count() > before, seconds=MET_SECONDS, pause=0.05)


def _require_told(site: Site, account_id: int, receiver: Receiver) -> None:
    def events() -> list[int]:
        rows = Event.objects.filter(account_id=account_id).order_by("transaction", "id")
        return list(rows.values_list("id", flat=True))

    try:
        eventually(lambda: set(events()) <= set(receiver.taken), seconds=120, pause=0.5)
    except TimeoutError:
        site.finding.require(False, "some events were never told")
    expected, taken = events(), receiver.taken
    missing = set(expected) - set(taken)
    site.finding.require(not missing, f"{len(missing)} of {len(expected)} events were never told")
    site.finding.require(list(dict.fromkeys(taken)) == expected, "the events came in another order")
    paused = Webhook.objects.exclude(paused_at=None).count()
    site.finding.require(not paused, f"{paused} webhooks were paused")
    site.finding.note(f"{len(expected)} events told, {len(taken) - len(expected)} of them again")
