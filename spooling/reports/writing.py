"""Writes a day's events of a domain: slice by slice in the order of their arrival, each slice one gzip member a file.

What is recorded of a day after its files were made, such as what a lost host had done, stands in none.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import Min, QuerySet

from spooling import event_lines, job_files
from spooling.endings import Ended, Waits
from spooling.models import JobRequest
from stats import cursors
from stats.cursors import Position
from stats.models import Event

#: Events of the account that one slice looks at.
SLICE = 5000
#: An event is recorded at most so much later than it happened, as far as the search for a day's first and last goes.
LATENESS = timedelta(days=1)
#: When to look again while an old transaction may still tell of the day.
PAUSE = timedelta(seconds=5)


def work(job: JobRequest, now: datetime) -> Ended | Waits | None:
    """Write the next slice.

    `job.position` and `result["event"]` are the position in the events; `result["pieces"]` how many each file has.
    """
    start = _position(job)
    end = cursors.horizon()
    scanned = cursors.between(Event.objects.filter(account_id=job.account_id), start, end)
    last = scanned.order_by("transaction", "id")[SLICE - 1 : SLICE].first()
    behind = cursors.behind(last) if last else end
    _write(job, cursors.between(_of_day(job), start, behind))
    job.position, job.result["event"] = behind
    if last and not _is_over(job, cursors.between(scanned, start, behind)):
        return None
    if not last and end.transaction < job.result["ceiling"]:
        return Waits(now + PAUSE)
    return _close(job)


def _position(job: JobRequest) -> Position:
    if "pieces" not in job.result:
        start = cursors.of_moment(_begin(job) - LATENESS)
        job.position = start.transaction
        # Once what is older than this transaction has ended, nothing more comes of the day.
        job.result = {"event": start.event_id, "ceiling": _own_transaction(), "pieces": {}}
    return Position(job.position, job.result["event"])


def _own_transaction() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return int(cursor.fetchone()[0])


def _begin(job: JobRequest) -> datetime:
    return datetime.combine(date.fromisoformat(job.arguments["day"]), time(), UTC)


def _of_day(job: JobRequest) -> QuerySet[Event]:
    return Event.objects.filter(
        account_id=job.account_id,
        domain_id=job.arguments["domain"],
        kind__in=event_lines.WORDS,
        at__gte=_begin(job),
        at__lt=_begin(job) + timedelta(days=1),
    )


def _is_over(job: JobRequest, scanned: QuerySet[Event]) -> bool:
    """All of a slice happened long after the day: what follows did too."""
    first: datetime = scanned.aggregate(first=Min("at"))["first"]
    return first >= _begin(job) + timedelta(days=1) + LATENESS


def _write(job: JobRequest, events: QuerySet[Event]) -> None:
    lines = defaultdict(list)
    for line in event_lines.present(list(events.order_by("transaction", "id"))):
        lines[line["family"]].append(line)
    for family, told in lines.items():
        _append(job, family, told)
        job.progress += len(told)


def _append(job: JobRequest, family: str, told: Iterable[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in told)
    number = job.result["pieces"].get(family, 0)
    job_files.append(job, family, gzip.compress(text.encode(), mtime=0), number=number)
    job.result["pieces"][family] = number + 1


def _close(job: JobRequest) -> Ended:
    """An empty file is a gzip file too."""
    for family in event_lines.FAMILIES:
        if family not in job.result["pieces"]:
            _append(job, family, ())
    return Ended(result={"lines": job.progress})
