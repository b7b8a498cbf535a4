"""What claims and settlements take and give: values, no rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One drain: its name (also its journal's), the data folder its journal lies in, the boot of its machine."""

    name: str
    host: str
    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker asks for: one provider's mails of a bulk spooler, or of the transactional lane.

    Of the lane: those of `accounts`, or of all but `strangers`, where either is given.
    """

    lane: str
    provider: str
    worker: Worker
    size: int
    lease_seconds: float
    spooler_id: int | None = None
    halted: tuple[int, ...] = ()
    accounts: tuple[int, ...] = ()
    strangers: tuple[int, ...] = ()
    floor: tuple[datetime, int] | None = None


class Claimed(NamedTuple):
    """A claimed mail as the drain needs it; `public_id` is hex, `variables` JSON text."""

    id: int
    public_id: str
    account_id: int
    spooler_id: int
    content_id: int
    domain_id: int | None
    email: str
    name: str
    variables: str
    provider: str
    due_at: datetime
    not_after: datetime | None
    tries: int
    give_up_at: datetime | None
    lane: str


def claimed(mails: QuerySet[Any]) -> list[Claimed]:
    """The rows of a query over mails, as values."""
    columns = [Cast(name, TextField()) if name == "variables" else name for name in Claimed._fields]
    return [Claimed(*row)._replace(public_id=row[1].hex) for row in mails.values_list(*columns)]


class Batch(NamedTuple):
    """The mails of one claim."""

    claim_id: int
    mails: list[Claimed]


class Result(NamedTuple):
    """Where a claimed mail goes. `kind` is the event's, empty for none; `reply` names no address.

    `tries` is what this result adds; `due_at` moves the next try; `give_up_at` holds only where none is set yet.
    """

    mail_id: int
    claim_id: int
    state: str
    kind: str = ""
    code: int | None = None
    reply: str | None = None
    tries: int = 0
    due_at: datetime | None = None
    give_up_at: datetime | None = None
    #: Of a refusal: what the server answered to (mail, rcpt, data, body), or `connection`.
    stage: str | None = None
