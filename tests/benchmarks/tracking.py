"""Hits on tracked links: how many a second alone, and how long one takes beside a campaign."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from socket import create_connection

from django.utils import timezone

from earwig.models import Account
from spooling import ledger
from spooling.models import ContentLink, Mail
from spooling.outbox import intake
from spooling.tracking.links import LETTERS
from spooling.tracking.tokens import sign
from stats.models import Event
from templates_app.rendering import LinkKind
from tests.benchmarks import campaign, growth, load
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.report import Figure
from tests.installation import free_port

MAILS = 20_000
SECONDS = 5.0
#: As many as the machine has cores.
WEB_PROCESSES = "2"
PER_SECOND, BESIDE_SECONDS, CLIENTS = 50, 15, 8
#: So many times the usual campaign, or it would be over before.
LONGER = 5


def measure(this: Bench) -> list[Figure]:
    """Each mail is hit several times, as one is in life: the first hit counts."""
    web = free_port()
    this.installation.web(web, WEB_CONCURRENCY=WEB_PROCESSES)
    clicks, pictures = _links(_tracked_mails(campaign.open_account("letters")))
    figures, hits = [], 0
    for name, paths, status in (("tracking_clicks", clicks, 302), ("tracking_pictures", pictures, 200)):
        hits += load.fetch(web, paths, seconds=1.0).statuses[status]
        outcomes = [load.fetch(web, paths, seconds=SECONDS) for _ in range(this.options.rounds)]
        rates = sorted(outcome.statuses[status] / outcome.seconds for outcome in outcomes)
        hits += sum(outcome.statuses[status] for outcome in outcomes)
        figures.append(Figure(name, rates[len(rates) // 2], {"slowest /s": rates[0]}))
    delays, beside = _beside(this, web, clicks)
    hits += len(delays)
    _check(hits)
    raw = {
        "median ms": delays[len(delays) // 2] * 1000,
        "longest ms": delays[-1] * 1000,
        "campaign /s": beside,
    }
    return [*figures, Figure("tracking_beside", delays[int(len(delays) * 0.99)] * 1000, raw)]


def _tracked_mails(account: Account) -> list[int]:
    content = intake.NewContent(from_email="shop@sender.example", html="x", template_language="braces")
    mails = tuple(intake.NewMail(email=f"p{number}@few.example") for number in range(MAILS))
    submission = intake.NewSubmission(account_id=account.pk, wire="octosend")
    later = timezone.now().replace(year=timezone.now().year + 1)
    send = intake.NewSend(content=content, mails=mails, due_at=later)
    stored = intake.accept(submission, [send], now=timezone.now())
    content_id = Mail.objects.get(pk=stored[0].id).content_id
    ContentLink.objects.create(content_id=content_id, number=1, kind="click", target="https://shop.example/")
    return [mail.id for mail in stored]


def _links(mail_ids: list[int]) -> tuple[list[str], list[str]]:
    click, pixel = LETTERS[LinkKind.CLICK], LETTERS[LinkKind.PIXEL]
    clicks = [f"/t/c/{sign(click, mail_id, 1)}" for mail_id in mail_ids]
    return clicks, [f"/t/p/{sign(pixel, mail_id, 0)}" for mail_id in mail_ids]


def _beside(this: Bench, port: int, paths: list[str]) -> tuple[list[float], float]:
    """Seconds of each click, ascending, and what the campaign did meanwhile each second."""
    crew = campaign.crew(this.installation, workers=2)
    made = growth.spool(campaign.open_account("shop"), this.options.mails * LONGER)
    campaign.launch(made, crew)
    delays = _paced(port, paths)
    figures = ledger.of_spooler(made.pk)
    if not figures["waiting"]:
        raise CountsWrong("the campaign was over before the clicks were")
    return sorted(delays), figures["delivered"] / BESIDE_SECONDS


def _paced(port: int, paths: list[str]) -> list[float]:
    connections = threading.local()
    start = time.monotonic()

    def click(number: int) -> float:
        if not hasattr(connections, "one"):
            connections.one = create_connection(("127.0.0.1", port), timeout=60)
        time.sleep(max(0.0, start + number / PER_SECOND - time.monotonic()))
        sent_at = time.monotonic()
        connections.one.sendall(load.get(paths[number]))
        if load.read_status(connections.one) != 302:
            raise CountsWrong("a click was not answered")
        return time.monotonic() - sent_at

    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(click, range(PER_SECOND * BESIDE_SECONDS)))


def _check(hits: int) -> None:
    told = Event.objects.filter(kind__in=["click", "open"]).count()
    if told != hits:
        raise CountsWrong(f"{hits} hits were answered, and {told} are told of")
