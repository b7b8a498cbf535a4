"""A campaign on an installation that this process is part of: spooled whole, launched, timed to its last settlement."""

import time
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from config.celery import app
from earwig import accounts, sealing
from earwig.models import Account
from spooling import ledger, spoolers
from spooling.models import Spooler, Suppression
from spooling.outbox import intake
from tests.benchmarks import letters
from tests.benchmarks.bench import CountsWrong
from tests.benchmarks.rig import Pace
from tests.installation import Installation, Process, eventually

#: Mails of one call; a campaign is a few of them.
CALL = 20_000
SUPPRESSED = 5_000
TIME_OUT_SECONDS = 900.0
CONTENT = intake.NewContent(
    from_email=letters.SENDER,
    from_name="The shop",
    subject=letters.SUBJECT,
    text=letters.TEXT,
    html=letters.HTML,
)


@dataclass(frozen=True, slots=True)
class Crew:
    """Who sends: the bulk workers of an installation with the others that always run beside them."""

    installation: Installation
    bulk: list[Process]

    def cpu_seconds(self) -> float:
        return sum(worker.cpu_seconds() for worker in self.bulk)


def open_account(slug: str = "shop") -> Account:
    """An account with some thousand suppressed addresses, as any has after a while."""
    now = timezone.now()
    account = accounts.open_account(slug, name=slug, email="", password="", now=now)
    gone = (sealing.address_hash(f"gone-{slug}-{number}@firm.example") for number in range(SUPPRESSED))
    Suppression.objects.bulk_create(
        [
            Suppression(account=account, address_hash=digest, reason="hard_bounce", source="smtp")
            for digest in gone
        ],
        batch_size=1000,
    )
    return account


def crew(installation: Installation, *, workers: int, beside: Crew | None = None) -> Crew:
    """So many bulk workers, beside those of another crew, with the control worker and beat; all answer."""
    bulk = list(beside.bulk) if beside else []
    if beside is None:
        installation.worker("control", "control")
        installation.beat()
    for _ in range(workers):
        bulk.append(installation.worker(f"bulk-{len(bulk)}", "bulk"))
    eventually(lambda: len(app.control.ping(timeout=0.5)) > len(bulk), seconds=60)
    return Crew(installation, bulk)


def spool(account: Account, mails: int, *, domain_id: int | None = None) -> Spooler:
    """A campaign with that many mails, not launched; what spooling leaves to clean up is cleaned up."""
    campaign = spoolers.open_campaign(account, name=f"{mails} mails", now=timezone.now())
    for start in range(0, mails, CALL):
        numbers = range(start, min(start + CALL, mails))
        send = intake.NewSend(
            content=CONTENT,
            mails=tuple(_mail(number) for number in numbers),
            lane="bulk",
            spooler_id=campaign.pk,
            domain_id=domain_id,
        )
        submission = intake.NewSubmission(account_id=account.pk, wire="native", tags=("orders",))
        intake.accept(submission, [send], now=timezone.now())
    settle_storage()
    return campaign


def _mail(number: int) -> intake.NewMail:
    return intake.NewMail(
        email=letters.address(number), name=f"Person {number}", variables=letters.variables(number)
    )


def settle_storage() -> None:
    """Pay what earlier work owes the database, so that the next measurement does not."""
    statements = ["VACUUM ANALYZE", "CHECKPOINT"] if connection.vendor == "postgresql" else ["ANALYZE"]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def launch(campaign: Spooler, crew: Crew) -> None:
    """Make it ready while each worker is in a drain and looks for mail."""
    for _ in crew.bulk:
        app.send_task("spooling.drain", args=("bulk",), queue="bulk", expires=10, ignore_result=True)
    time.sleep(1.5)
    spoolers.ready(campaign, now=timezone.now())


def send(campaign: Spooler, mails: int, crew: Crew) -> Pace:
    """How fast it leaves, from `ready` to the last settlement. Raises CountsWrong."""
    launch(campaign, crew)
    before, start = crew.cpu_seconds(), time.monotonic()
    await_end(campaign, crew.installation)
    seconds, cpu = time.monotonic() - start, crew.cpu_seconds() - before
    check(campaign, mails)
    return Pace(rate=mails / seconds, cpu=cpu / mails * 1e6)


def await_end(campaign: Spooler, installation: Installation) -> None:
    try:
        eventually(lambda: is_over(campaign), seconds=TIME_OUT_SECONDS)
    except TimeoutError as late:
        logs = "\n".join(
            process.log.read_text(errors="replace")[-3000:] for process in installation.processes
        )
        raise CountsWrong(f"{ledger.of_spooler(campaign.pk)}\n{logs}") from late


def is_over(campaign: Spooler) -> bool:
    figures = ledger.of_spooler(campaign.pk)
    return not figures["waiting"] + figures["sending"] + figures["in_doubt"]


def check(campaign: Spooler, mails: int) -> None:
    """All of it is delivered, by the ledger and by the rows. Raises CountsWrong."""
    figures = ledger.of_spooler(campaign.pk)
    right = figures["spooled"] == figures["delivered"] == mails and ledger.adds_up(figures)
    if not right or figures != ledger.recount(campaign.pk):
        raise CountsWrong(f"{figures}, recounted {ledger.recount(campaign.pk)}")
