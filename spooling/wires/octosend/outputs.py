"""Rows to the wire's JSON values (contract §5, §6, §16)."""

from __future__ import annotations

from datetime import datetime

from earwig.models import Domain
from spooling.models import Spooler
from spooling.models.spoolers import Lane, SpoolerState
from templates_app.models import Template

#: The wire's words for lanes (contract §6), and the lanes by these.
TYPES = {Lane.BULK.value: "marketing", Lane.TRANSACTIONAL.value: "transactional"}
LANES = {word: Lane(lane) for lane, word in TYPES.items()}
NEW, PENDING, RUNNING, CANCELLED, FINISHED = "new", "pending", "running", "cancelled", "finished"
HTML, TEXT = "text/html", "text/plain"


def domain(row: Domain) -> dict[str, str]:
    return {"name": row.name}


def spooler(row: Spooler, *, now: datetime) -> dict[str, object]:
    """Exactly nine keys."""
    return {
        "archived": False,
        "creation": seconds(row.created_at),
        "domain": row.domain_name,
        "name": row.name,
        "start": start_of(row),
        "state": state_of(row, now=now),
        "tags": row.tags,
        "token": row.token,
        "type": TYPES[row.lane],
    }


def state_of(row: Spooler, *, now: datetime) -> str:
    """One of the five documented words (quirk 12); `filters` says the same in SQL."""
    if row.state == SpoolerState.PENDING:
        return NEW
    if row.state == SpoolerState.CANCELLED:
        return CANCELLED
    if row.state == SpoolerState.PAUSED:
        return PENDING
    if row.state == SpoolerState.FINISHED:
        return RUNNING if row.ended_at is None else FINISHED
    return PENDING if row.start_at > now else RUNNING


def start_of(row: Spooler) -> int:
    """0 until it is set: a campaign is made to start when it is made (quirk 11)."""
    return 0 if row.start_at == row.created_at else seconds(row.start_at)


def template(row: Template, *, is_html: bool) -> dict[str, object]:
    """What it is, without what it says."""
    return {
        "name": row.name,
        "type": HTML if is_html else TEXT,
        "createdAt": seconds(row.created_at),
        "modifiedAt": seconds(row.updated_at),
    }


def seconds(at: datetime) -> int:
    """Whole unix seconds (quirk 9)."""
    return int(at.timestamp())
