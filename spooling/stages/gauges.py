"""The gauges of stage-based messaging, and the names of all its metrics (Seed contract §7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from spooling.models import MessageSet, Schedule, Subscription
from spooling.models.message_sets import ContentType
from spooling.models.subscriptions import ProcessStatus
from spooling.stages import schedules
from stats import metrics

_STATES: dict[str, dict[str, Any]] = {
    "created": {},
    "active": {"subscriptions__active": True},
    "broken": {"subscriptions__process_status": ProcessStatus.ERROR},
    "completed": {"subscriptions__completed": True},
    "incomplete": {"subscriptions__completed": False},
}
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_HTTP_ERRORS = tuple(f"http_error.{status}" for status in (400, 401, 403, 404, 500))
_CALL_ERRORS = ("connection_error", "timeout", *_HTTP_ERRORS)
_CALLS = "sbm.send_next_message"
CREATED = "subscriptions.created.sum"
ERRORED = "subscriptions.send_next_message_errored.sum"
#: What every account has. The last ones stand twice: a release of the original listed other names than it counted.
_ALWAYS = (
    CREATED,
    ERRORED,
    *(f"subscriptions.{state}.last" for state in _STATES),
    *(f"subscriptions.send.estimate.{day}.last" for day in range(7)),
    *(f"message.{kind}.sum" for kind in ContentType.values),
    *(f"{_CALLS}.{error}.sum" for error in _CALL_ERRORS),
    *(f"subscriptions.send_next_message.{error}.sum" for error in _CALL_ERRORS),
)


def names(account_id: int) -> list[str]:
    """Every metric that the account has or may get: by set, language and kind, and all that was ever counted."""
    sets = MessageSet.objects.filter(account=account_id)
    found = {*_ALWAYS, *metrics.values(account_id)}
    for short_name, kind in sets.values_list("short_name", "content_type"):
        found |= {_active(short_name), *sent(kind, short_name)}
        found |= _of_each(_set(short_name)) | _of_each(_kind(kind))
    for lang in sets.values_list("messages__lang", flat=True).distinct().exclude(messages__lang=None):
        found |= _of_each(_language(lang))
    return sorted(found)


def created(message_set: MessageSet, lang: str) -> list[str]:
    """What grows with a new subscription."""
    parts = (_set(message_set.short_name), _language(lang), _kind(message_set.content_type))
    return [CREATED, *(name for part in parts for name in _of_each(part))]


def sent(kind: str, short_name: str) -> list[str]:
    """What grows with a message that is handed over."""
    return [f"message.{kind}.sum", f"message.{kind}.{metrics.normal(short_name)}.sum"]


def call_failed(error: str) -> str:
    """What grows with a call to another service that failed."""
    return f"{_CALLS}.{error}.sum"


def measure(account_id: int, *, now: datetime) -> None:
    """Set every gauge of the account to what holds at `now`, in five queries, however many subscriptions there are.

    A gauge of what is gone, such as a deleted set, becomes 0.
    """
    gauges = {name: 0.0 for name in metrics.values(account_id) if _is_total(name)}
    gauges.update(_by_set(account_id))
    gauges.update(_by_language(account_id))
    gauges.update(_estimates(account_id, now))
    metrics.put(account_id, gauges, now=now)


def _by_set(account_id: int) -> Counter[str]:
    counts = {f"n_{state}": Count("subscriptions", filter=Q(**which)) for state, which in _STATES.items()}
    sets = MessageSet.objects.filter(account=account_id)
    rows: Any = sets.values("short_name", "content_type").annotate(**counts).order_by()
    gauges = Counter({f"subscriptions.{state}.last": 0 for state in _STATES})
    for row in rows:
        gauges.update({f"subscriptions.{state}.last": row[f"n_{state}"] for state in _STATES})
        gauges[_active(row["short_name"])] += row["n_active"]
        for part in (_set(row["short_name"]), _kind(row["content_type"])):
            gauges[f"subscriptions.{part}.total.last"] += row["n_created"]
    return gauges


def _by_language(account_id: int) -> Counter[str]:
    gauges: Counter[str] = Counter()
    rows = Subscription.objects.filter(account=account_id).values_list("lang").annotate(n=Count("id"))
    for lang, count in rows.order_by():
        gauges[f"subscriptions.{_language(lang)}.total.last"] += count
    return gauges


def _estimates(account_id: int, now: datetime) -> Counter[str]:
    """For today and each later day of the week, how many ready subscriptions have a run on it."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight + ahead * _DAY for ahead in range(7 - midnight.weekday())]
    estimates = Counter({f"subscriptions.send.estimate.{day.weekday()}.last": 0 for day in days})
    for schedule, ready in _ready_by_schedule(account_id):
        for day in _days_with_runs(schedules.times_of(schedule), days):
            estimates[f"subscriptions.send.estimate.{day.weekday()}.last"] += ready
    return estimates


def _ready_by_schedule(account_id: int) -> Iterator[tuple[Schedule, int]]:
    ready = Subscription.objects.ready().filter(account=account_id).order_by()
    counts = dict(ready.values_list("schedule").annotate(n=Count("pk")))
    for schedule in Schedule.objects.filter(account=account_id):
        if schedule.pk in counts:
            yield schedule, counts[schedule.pk]


def _days_with_runs(times: schedules.Times, days: list[datetime]) -> Iterator[datetime]:
    """One look a day, not one a run: some schedules run every minute."""
    moment: datetime | None = None
    for day in days:
        if moment is None or moment < day:
            moment = schedules.next_run(times, after=day - _MINUTE)
        if moment is None:
            return
        if moment < day + _DAY:
            yield day


def _is_total(name: str) -> bool:
    return name.startswith("subscriptions.") and name.endswith((".active.last", ".total.last"))


def _active(short_name: str) -> str:
    """The one name in which the original leaves the set's as it is."""
    return f"subscriptions.{short_name}.active.last"


def _of_each(part: str) -> set[str]:
    return {f"subscriptions.{part}.sum", f"subscriptions.{part}.total.last"}


def _set(short_name: str) -> str:
    return f"message_set.{metrics.normal(short_name)}"


def _language(lang: str) -> str:
    return f"language.{metrics.normal(lang)}"


def _kind(content_type: str) -> str:
    return f"message_format.{content_type}"
