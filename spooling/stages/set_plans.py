"""What a file of message sets comes to in an account's tables: rows to make, rows to change, and what is wrong.

Reads the tables, writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from earwig import errors
from earwig.models import Account
from spooling.models import BinaryContent, MessageSet, Schedule, StageMessage
from spooling.stages import schedules, set_exports, set_files, wordings
from spooling.stages.set_files import MessageEntry, Problem, SetEntry
from templates_app.models import Template

#: What an empty cell of a set's column stands for.
_EMPTY = {"label": "", "content_type": "text", "channel": None, "from_address": "", "notes": None}
_SET_LINKS = ("account", "next_set", "default_schedule")
_MESSAGE_LINKS = ("messageset", "binary_content", "template")


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a file does to one set. Messages that it does not list stay as they are: `messages_left`."""

    short_name: str
    made: bool
    changed: tuple[str, ...] = ()
    messages_made: int = 0
    messages_changed: int = 0
    messages_same: int = 0
    messages_left: int = 0

    def in_words(self) -> str:
        """One line on the set."""
        changed = f"changed ({', '.join(self.changed)})" if self.changed else "unchanged"
        return (
            f"{'new' if self.made else changed}; messages: {self.messages_made} new, "
            f"{self.messages_changed} changed, {self.messages_same} the same, {self.messages_left} not in the file"
        )


@dataclass(slots=True, kw_only=True)
class SetPlan:
    """One set as it will be; its follower and its schedule apart, for they may not be stored yet."""

    row: MessageSet
    entry: SetEntry
    outcome: Outcome
    schedule: Schedule | None = None
    follower: MessageSet | None = None
    new: list[StageMessage] = field(default_factory=list)
    changed: list[StageMessage] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Plan:
    """All sets of a file, in its order."""

    sets: list[SetPlan] = field(default_factory=list)
    new_schedules: list[Schedule] = field(default_factory=list)
    problems: list[Problem]


@dataclass(slots=True, kw_only=True)
class _Known:
    """The account's rows that a file can name."""

    schedules: dict[int, Schedule]
    sets: dict[str, MessageSet]
    files: dict[str, BinaryContent]
    templates: dict[str, list[Template]]


def of_sheet(account: Account, sheet: set_files.Sheet, *, now: datetime) -> Plan:
    """What is to be stored. Sets that the file makes can follow each other; schedules are shared where they can."""
    return _Planner(account, sheet, now).plan_all()


class _Planner:
    """One file, one account, one moment."""

    def __init__(self, account: Account, sheet: set_files.Sheet, now: datetime) -> None:
        self.account, self.sheet, self.now = account, sheet, now
        self.known = _known(account, sheet)
        self.plan = Plan(problems=sheet.problems)

    def plan_all(self) -> Plan:
        for short_name, entry in self.sheet.sets.items():
            row = self.known.sets.get(short_name)
            outcome = Outcome(short_name=short_name, made=row is None)
            row = row or MessageSet(account=self.account, short_name=short_name, created_at=self.now)
            self.known.sets[short_name] = row
            self.plan.sets.append(SetPlan(row=row, entry=entry, outcome=outcome))
        for planned in self.plan.sets:
            self._plan_set(planned)
            self._plan_messages(planned)
        return self.plan

    def _plan_set(self, planned: SetPlan) -> None:
        row, values, made = planned.row, planned.entry.values, planned.outcome.made
        before = {} if made else _state(row, row.default_schedule, row.next_set)
        for column in _EMPTY.keys() & values.keys():
            setattr(row, column, values[column] or _EMPTY[column])
        planned.schedule = self._schedule_of(planned)
        planned.follower = self._follower_of(planned)
        self.plan.problems += _problems_of(row, planned.entry.line, exclude=_SET_LINKS)
        self.plan.problems += _address_problems(row, planned.entry.line)
        if planned.schedule is not None and not made:
            after = _state(row, planned.schedule, planned.follower)
            planned.outcome.changed = tuple(name for name, value in after.items() if before[name] != value)

    def _schedule_of(self, planned: SetPlan) -> Schedule | None:
        """By its id or by its five fields; where the file says neither, the set's own."""
        by_id = planned.entry.values.get("default_schedule", "")
        cells = {name: planned.entry.values.get(name, "") for name in set_files.CRON_COLUMNS}
        own = None if planned.outcome.made else planned.row.default_schedule
        refused = ""
        if by_id and any(cells.values()):
            refused = "Give its id or its five fields, not both."
        elif by_id:
            own = self.known.schedules.get(int(by_id)) if by_id.isdecimal() and len(by_id) < 20 else None
            refused = "" if own else _missing(by_id)
        elif any(cells.values()):
            times = schedules.Times(**{name: cell or "*" for name, cell in cells.items()})
            return self._schedule_with(times, planned, own)
        elif own is None:
            refused = "This field is required."
        if refused:
            self._refuse(planned, "default_schedule", refused)
        return own

    def _schedule_with(
        self, times: schedules.Times, planned: SetPlan, own: Schedule | None
    ) -> Schedule | None:
        """The set's own if it has these fields, else the account's oldest that has, else a new one."""
        candidates = [*([own] if own else []), *self.known.schedules.values(), *self.plan.new_schedules]
        for schedule in candidates:
            if schedules.times_of(schedule) == times:
                return schedule
        schedule = Schedule(account=self.account, created_at=self.now, **times._asdict())
        unread = schedules.problems(times)
        for column, message in unread.items():
            self._refuse(planned, column, message)
        too_long = _problems_of(schedule, planned.entry.line, exclude=("account",))
        self.plan.problems += too_long
        if unread or too_long:
            return None
        self.plan.new_schedules.append(schedule)
        return schedule

    def _follower_of(self, planned: SetPlan) -> MessageSet | None:
        name = planned.entry.values.get("next_set")
        if name is None:
            return planned.row.next_set
        if name and name not in self.known.sets:
            self._refuse(planned, "next_set", _missing(name))
        return self.known.sets.get(name)

    def _refuse(self, planned: SetPlan, column: str, message: str) -> None:
        self.plan.problems.append(Problem(planned.entry.line, column, message))

    def _plan_messages(self, planned: SetPlan) -> None:
        row, outcome = planned.row, planned.outcome
        stored = {} if outcome.made else _messages_of(row)
        for key, entry in planned.entry.messages.items():
            message = stored.get(key)
            if message is None:
                planned.new.append(self._new_message(row, entry))
                continue
            before = set_exports.cells_of_message(message)
            self._fill(message, entry)
            if set_exports.cells_of_message(message) != before:
                planned.changed.append(message)
        outcome.messages_made, outcome.messages_changed = len(planned.new), len(planned.changed)
        outcome.messages_same = len(planned.entry.messages) - len(planned.new) - len(planned.changed)
        outcome.messages_left = len(stored.keys() - planned.entry.messages.keys())

    def _new_message(self, row: MessageSet, entry: MessageEntry) -> StageMessage:
        message = StageMessage(
            messageset=row, sequence_number=entry.sequence_number, lang=entry.lang, created_at=self.now
        )
        self._fill(message, entry)
        return message

    def _fill(self, message: StageMessage, entry: MessageEntry) -> None:
        values = entry.values
        if "text" in values:
            message.text_content = values["text"] or None
        if "metadata" in values:
            message.metadata = values["metadata"]
        if "file" in values:
            message.binary_content = self.known.files.get(values["file"])
            self._require(message.binary_content, entry, "file")
        if "template" in values:
            found = self.known.templates.get(values["template"], [])
            message.template = found[0] if len(found) == 1 else None
            self._require(message.template, entry, "template", several=len(found) > 1)
        self.plan.problems += _message_problems(message, entry.line)

    def _require(self, found: Model | None, entry: MessageEntry, column: str, several: bool = False) -> None:
        name = entry.values[column]
        if name and found is None:
            message = "Several have this name; give the id." if several else _missing(name)
            self.plan.problems.append(Problem(entry.line, column, message))


def _known(account: Account, sheet: set_files.Sheet) -> _Known:
    entries = sheet.sets.values()
    names = {*sheet.sets, *(entry.values.get("next_set", "") for entry in entries)}
    files = {message.values.get("file") for entry in entries for message in entry.messages.values()}
    templates: dict[str, list[Template]] = {}
    for template in Template.objects.filter(account=account).order_by("id"):
        templates.setdefault(template.name, []).append(template)
        templates.setdefault(template.public_id.hex, []).append(template)
    sets = MessageSet.objects.filter(account=account, short_name__in=names)
    contents = BinaryContent.objects.filter(account=account, name__in=files - {None, ""}).defer("data")
    return _Known(
        schedules=Schedule.objects.filter(account=account).order_by("id").in_bulk(),
        sets={row.short_name: row for row in sets.select_related("default_schedule", "next_set")},
        files={row.name: row for row in contents},
        templates=templates,
    )


def _messages_of(row: MessageSet) -> dict[tuple[int, str], StageMessage]:
    rows = row.messages.select_related("binary_content", "template").defer("binary_content__data")
    return {(message.sequence_number, message.lang): message for message in rows}


def _state(row: MessageSet, schedule: Schedule, follower: MessageSet | None) -> dict[str, Any]:
    own: dict[str, Any] = set_exports.own_cells(row)
    return own | {"default_schedule": schedule, "next_set": follower.short_name if follower else ""}


def _message_problems(message: StageMessage, line: int) -> Iterator[Problem]:
    yield from _problems_of(message, line, exclude=_MESSAGE_LINKS)
    if message.text_content is None and message.binary_content is None and message.template is None:
        yield Problem(line, "text", "Messages must have text or file attached")


def _address_problems(row: MessageSet, line: int) -> Iterator[Problem]:
    try:
        if row.from_address:
            wordings.author_of(row.account_id, row.from_address)
    except (errors.DomainNotAllowed, errors.InvalidAddress) as refused:
        yield Problem(line, "from_address", refused.message)


def _problems_of(row: Model, line: int, *, exclude: tuple[str, ...]) -> list[Problem]:
    """What the row's own columns cannot hold."""
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as refused:
        return [
            Problem(line, "text" if name == "text_content" else name, message)
            for name, texts in refused.message_dict.items()
            for message in texts
        ]
    return []


def _missing(name: str) -> str:
    return f"There is no {name[:50]}."
