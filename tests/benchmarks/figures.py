"""What figures cost while a million mails leave, and whether they are right: held against a count of the rows, with
transactions that commit late.
"""

import statistics as averages
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from spooling import ledger
from spooling.models import Mail, Spooler
from spooling.models.mails import MailState
from stats import events, statistics, timelines
from stats.models import Event, EventKind
from stats.statistics import Grouping
from tests.benchmarks import campaign, growth
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.report import Figure

MAILS = 1_000_000
#: How long those transactions stay open that commit late, and how often figures are asked for.
OPEN_SECONDS, PAUSE_SECONDS = 2.0, 0.2
#: Mails whose event of spooling one transaction tells.
TOLD_TOGETHER = 20_000

# Seven in ten mails go to twenty domains, the rest to five thousand.
_ADDRESSES = """
UPDATE spooling_mail
SET email = 'p' || id || '@d' || id % (CASE WHEN id % 10 < 7 THEN 20 ELSE 5000 END) || '.example'
WHERE spooler_id = {spooler}
"""
_SPOOLED = f"""
WITH happening AS (
    SELECT account_id, domain_id, spooler_id, id AS mail_id, split_part(email, '@', 2) AS destination, provider,
        '' AS router, lane, 'spooled' AS kind, created_at AS at, 1 AS counts, '' AS ends, '{{}}'::jsonb AS detail
    FROM spooling_mail WHERE spooler_id = %s AND id BETWEEN %s AND %s
) {events.insert_from("happening")}
"""
_GROUPED = {
    Grouping.ALL: "statistics",
    Grouping.ROUTER: "statistics_router",
    Grouping.PROVIDER: "statistics_provider",
    Grouping.DESTINATION: "statistics_destination",
    Grouping.ROUTER_PROVIDER: "statistics_router_provider",
    Grouping.ROUTER_DESTINATION: "statistics_router_destination",
}


def measure(this: Bench) -> list[Figure]:
    """The first quartile of each question's time, in ms."""
    mails = max(int(MAILS * this.options.mails / 100_000) // growth.PATTERN, 1) * growth.PATTERN
    made = _spool(mails)
    crew = campaign.crew(this.installation, workers=1)
    times: dict[str, list[float]] = defaultdict(list)
    campaign.launch(made, crew)
    with _late_commits(made):
        while not campaign.is_over(made):
            for name, ask in _questions(made).items():
                times[name].append(_milliseconds(ask))
            _check(made)
            time.sleep(PAUSE_SECONDS)
    campaign.check(made, mails)
    _check(made)
    return [
        Figure(
            name, averages.quantiles(all_times, n=4)[0], {"worst ms": max(all_times), "asked": len(all_times)}
        )
        for name, all_times in times.items()
    ]


def _spool(mails: int) -> Spooler:
    """Mails made in SQL leave no events: they are told here, before anybody rolls up those of the others."""
    made = growth.spool(campaign.open_account(), mails)
    ids = Mail.objects.filter(spooler=made).order_by("id").values_list("pk", flat=True)
    first, last = ids.first(), ids.last()
    Event.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(_ADDRESSES.format(spooler=made.pk))
        for start in range(first, last + 1, TOLD_TOGETHER):
            cursor.execute(_SPOOLED, [made.pk, start, min(start + TOLD_TOGETHER - 1, last)])
    campaign.settle_storage()
    return made


def _questions(made: Spooler) -> dict[str, Callable[[], object]]:
    grouped = {name: lambda by=by: statistics.of_spooler(made.pk, by=by) for by, name in _GROUPED.items()}
    return grouped | {
        "figures_ledger": lambda: ledger.of_spooler(made.pk),
        "figures_timeline": lambda: timelines.of_spooler(made.pk, now=timezone.now()),
    }


def _milliseconds(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return (time.perf_counter() - start) * 1000


@contextmanager
def _late_commits(made: Spooler) -> Iterator[None]:
    """Openings all the while, in transactions that stay open; the rollup may pass over none."""
    over = threading.Event()
    mails = Mail.objects.filter(spooler=made).order_by("id")

    def work() -> None:
        for mail in mails.iterator(chunk_size=100):
            with transaction.atomic():
                events.record([_opening(mail)])
                over.wait(OPEN_SECONDS)
            if over.is_set():
                break
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _opening(mail: Mail) -> events.Happening:
    return events.Happening(
        account_id=mail.account_id,
        domain_id=mail.domain_id,
        spooler_id=mail.spooler_id,
        mail_id=mail.pk,
        destination=mail.email.rpartition("@")[2],
        provider=mail.provider,
        router="",
        lane=mail.lane,
        kind=EventKind.OPEN,
        at=timezone.now(),
    )


def _check(made: Spooler) -> None:
    """In one snapshot, the figures of every grouping are those of the rows and of the ledger. Raises CountsWrong."""
    with transaction.atomic():
        ledger.hold_snapshot()
        wanted = _counted(made)
        sums = {
            by: sum((_as_counts(each) for each in statistics.of_spooler(made.pk, by=by).values()), Counter())
            for by in Grouping
        }
        figures = ledger.of_spooler(made.pk)
    wrong = {by.value: found for by, found in sums.items() if found != wanted}
    if wrong or any(figures[word] != wanted[word] for word in ("spooled", "delivered")):
        raise CountsWrong(f"{wanted} by the rows, {figures} by the ledger, {wrong}")


def _counted(made: Spooler) -> Counter[str]:
    mails = Mail.objects.filter(spooler=made)
    return +Counter(
        spooled=mails.count(),
        delivered=mails.filter(state=MailState.DELIVERED).count(),
        open=Event.objects.filter(spooler_id=made.pk, kind=EventKind.OPEN).count(),
    )


def _as_counts(figures: object) -> Counter[str]:
    """Deferrals come and go while mail leaves, and no row says how many there were."""
    return +Counter({name: getattr(figures, name) for name in ("spooled", "delivered", "open")})
