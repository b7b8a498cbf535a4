"""Message sets from a CSV file: all of it or nothing, in one transaction; or nothing on purpose, to see the report.

`set_files` reads the lines, `set_plans` says what they come to in the account's tables; here that is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from earwig.models import Account
from spooling.models import Schedule, StageMessage
from spooling.stages import runs, set_files, set_plans

#: Messages of a statement.
BATCH = 500
_MESSAGE_FIELDS = ("text_content", "binary_content", "template", "metadata", "updated_at")

Progress = Callable[[int, int | None], None]


@dataclass(slots=True, kw_only=True)
class Report:
    """What was stored, or with `stored` false would have been. With problems nothing is."""

    sets: list[set_plans.Outcome] = field(default_factory=list)
    schedules_made: int = 0
    problems: list[set_files.Problem] = field(default_factory=list)
    stored: bool = False

    def in_words(self) -> str:
        """One sentence on the whole file."""
        if self.problems:
            return f"Nothing is stored: {len(self.problems)} problems."
        made = sum(done.made for done in self.sets)
        figures = f"{made} of {len(self.sets)} sets new, {self.schedules_made} schedules new"
        return (
            f"Stored: {figures}." if self.stored else f"Nothing is stored, as asked. It would be: {figures}."
        )

    def figures(self) -> dict[str, int]:
        """What the audit trail keeps."""
        return {
            "sets": len(self.sets),
            "messages made": sum(done.messages_made for done in self.sets),
            "messages changed": sum(done.messages_changed for done in self.sets),
        }


@transaction.atomic
def from_csv(
    account: Account, text: str, *, now: datetime, dry_run: bool = False, progress: Progress | None = None
) -> Report:
    """Make and change the sets that the file names; the problems of all its lines are in the report.

    Raises InvalidImport when the header is not made of `set_files.COLUMNS`.
    """
    sheet = set_files.read(text)
    # Else two imports at once would both find that a set is missing.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    plan = set_plans.of_sheet(account, sheet, now=now)
    report = Report(
        sets=[set_plan.outcome for set_plan in plan.sets],
        schedules_made=len(plan.new_schedules),
        problems=sorted(plan.problems),
        stored=not dry_run and not plan.problems,
    )
    if report.stored:
        _store(plan, now, progress)
    return report


def _store(plan: set_plans.Plan, now: datetime, progress: Progress | None) -> None:
    for schedule in plan.new_schedules:
        _store_schedule(schedule, now)
    for planned in plan.sets:
        if planned.schedule and (planned.outcome.made or planned.outcome.changed):
            # Its follower may not be stored yet.
            planned.row.next_set = None
            planned.row.default_schedule = planned.schedule
            planned.row.save()
    for planned in plan.sets:
        if planned.follower is not None:
            planned.row.next_set = planned.follower
            planned.row.save(update_fields=["next_set"])
    _store_messages(plan.sets, now, progress)


def _store_schedule(schedule: Schedule, now: datetime) -> None:
    schedule.save()
    runs.place(schedule, now=now)


def _store_messages(sets: Iterable[set_plans.SetPlan], now: datetime, progress: Progress | None) -> None:
    done, total = 0, sum(len(planned.new) + len(planned.changed) for planned in sets)
    for planned in sets:
        for message in planned.new:
            # Known by its number only since the set was stored.
            message.messageset = planned.row
        StageMessage.objects.bulk_create(planned.new, batch_size=BATCH)
        for message in planned.changed:
            message.updated_at = now
        StageMessage.objects.bulk_update(planned.changed, _MESSAGE_FIELDS, batch_size=BATCH)
        done += len(planned.new) + len(planned.changed)
        if progress:
            progress(done, total)
