"""What a claim costs while a million mails leave under an old snapshot, and beside ten million that have left.

The drain's own steps without SMTP: places that are due, claim, floor, settlements of a hundred.
"""

import contextlib
import statistics
import time
from collections.abc import Iterable, Iterator

import psycopg2
from django.utils import timezone

from spooling import hosts, ledger, spoolers
from spooling.delivery.drain import SETTLE_COUNT
from spooling.models import Spooler
from spooling.outbox import claims, settlements
from spooling.outbox.backlogs import Backlogs
from spooling.outbox.values import Batch, Order, Result, Worker
from tests.benchmarks import campaign, growth
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.report import Figure

BATCH = 500
DRAINED = 1_000_000
SETTLED = 10_000_000
#: A drain to compare those beside settled mails with.
SHORT = 100_000


def measure(this: Bench) -> list[Figure]:
    """First against last claims, then the same drain without and with settled mails beside it."""
    scale = this.options.mails / 100_000
    account = campaign.open_account()
    alone = _quiet(_drain(growth.spool(account, _round(SHORT * scale))))
    large = growth.spool(account, _round(DRAINED * scale))
    with _old_snapshot(this.installation.database_url):
        costs = list(_drain(large))
    share = max(len(costs) // 100, 5)
    first, last = _quiet(costs[:share]), _quiet(costs[-share:])
    # The first claims behind a checkpoint also write whole index pages to the WAL, up to five times the cost of later
    # ones. A drain that slows down would hide behind them, so the last are held against the cheaper of two figures.
    early = min(first, _quiet(costs[: len(costs) // 5]))
    growth.settled(account, _round(SETTLED * scale))
    beside = _quiet(_drain(growth.spool(account, _round(SHORT * scale))))
    return [
        Figure("last_claims", last / early, {"first µs": first, "first fifth µs": early, "last µs": last}),
        Figure("beside_settled", beside / alone, {"alone µs a mail": alone, "beside µs a mail": beside}),
    ]


def _quiet(costs: Iterable[float]) -> float:
    """The first quartile: whoever else uses the machine only ever adds."""
    return statistics.quantiles(costs, n=4)[0]


def _round(mails: float) -> int:
    return max(int(mails) // growth.PATTERN, 1) * growth.PATTERN


@contextlib.contextmanager
def _old_snapshot(url: str) -> Iterator[None]:
    """A transaction that has read and stays open, as a backup or a forgotten session does."""
    connection = psycopg2.connect(url)
    connection.set_session(isolation_level="REPEATABLE READ")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM spooling_mail")
        yield
    connection.close()


def _drain(made: Spooler) -> Iterator[float]:
    """Drain it; yields each claim's cost in µs a mail. Raises CountsWrong."""
    spoolers.ready(made, now=timezone.now())
    backlogs, worker = Backlogs("bulk"), hosts.new_worker()
    mails = left = ledger.of_spooler(made.pk)["waiting"]
    while left:
        start = time.perf_counter()
        batch = _claim(backlogs, worker)
        yield (time.perf_counter() - start) / len(batch.mails) * 1e6
        _settle(batch)
        left -= len(batch.mails)
    campaign.check(made, mails)


def _claim(backlogs: Backlogs, worker: Worker) -> Batch:
    """As the supply does it: the first place that has mail."""
    now = timezone.now()
    for place in backlogs.due(now=now):
        order = Order(
            lane="bulk",
            provider=place.provider,
            worker=worker,
            size=BATCH,
            lease_seconds=60.0,
            spooler_id=place.spooler_id,
            floor=place.floor,
        )
        batch = claims.claim(order, now=now)
        backlogs.note(place, batch)
        if batch is not None:
            return batch
    raise CountsWrong("nothing is due, though mail waits")


def _settle(batch: Batch) -> None:
    for start in range(0, len(batch.mails), SETTLE_COUNT):
        results = [
            Result(mail.id, batch.claim_id, "delivered", "delivered", 250, "2.0.0 ok", 1)
            for mail in batch.mails[start : start + SETTLE_COUNT]
        ]
        settlements.settle(results, router_id=None, router_name="", now=timezone.now())
    claims.close([batch.claim_id])
