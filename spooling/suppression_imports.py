"""Suppressions from an uploaded file, as a job: a piece of the file and what it came to are one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from earwig import errors, mailboxes, sealing
from earwig.models import Account
from spooling import job_records, suppressions
from spooling.endings import Ended
from spooling.models import JobRequest, Suppression
from spooling.models.jobs import JobKind
from spooling.models.spoolers import Lane
from spooling.models.suppressions import SuppressionReason

#: Columns of the file, those of an export: what it says of `source` and `created_at` is not taken over.
COLUMNS = ("address", "domain", "stream", "reason", "source", "created_at", "expires_at")
SOURCE = "import"
#: Rows of a statement.
BATCH = 500

#: One per scope and address.
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one record asks for."""

    address: str
    domain: str
    stream: str
    reason: str
    expires_at: datetime | None

    @property
    def key(self) -> _Key:
        return sealing.address_hash(self.address), self.domain, self.stream


class InvalidLine(errors.InvalidImport):
    """A record has an address and may have a domain, a stream, a reason and a time of expiry, each a text."""


@transaction.atomic
def ask(account_id: int, data: bytes, *, form: job_records.Form, now: datetime) -> JobRequest:
    """Suppress every address of the file for the account. Raises InvalidImport where the file cannot be read."""
    job = JobRequest.objects.create(
        account_id=account_id,
        kind=JobKind.IMPORT_SUPPRESSIONS,
        result={"suppressed": 0},
        created_at=now,
    )
    job_records.store(job, data, form=form, columns=COLUMNS, needed="address")
    return job


def work(job: JobRequest, now: datetime) -> Ended | None:
    """Store the next piece of the job's file. Its result lists what was refused."""
    records = job_records.next_piece(job)
    if records is None:
        return Ended(result=job.result)
    lines: dict[_Key, Line] = {}
    refused: list[tuple[int, errors.EarwigError]] = []
    for number, said in records:
        try:
            if line := _line(said, now):
                lines[line.key] = line
        except errors.EarwigError as error:
            refused.append((number, error))
    _store(job.account_id, lines, now)
    job.result["suppressed"] += len(lines)
    job_records.note_errors(job, refused)
    job_records.finish_piece(job, records)
    return None


def _line(said: Mapping[str, Any] | errors.EarwigError, now: datetime) -> Line | None:
    """None: it asks for nothing, being empty or over. Raises InvalidImport and InvalidAddress."""
    if isinstance(said, errors.EarwigError):
        raise said
    if not any(said.values()):
        return None
    if not set(said) <= set(COLUMNS) or not all(isinstance(text, str | None) for text in said.values()):
        raise InvalidLine
    texts = {name: (said.get(name) or "").strip() for name in COLUMNS}
    expires_at = _moment(texts["expires_at"])
    if expires_at is not None and expires_at <= now:
        return None
    return Line(
        address=_address(texts["address"]),
        domain=suppressions.checked_domain(texts["domain"]),
        stream=_word(texts["stream"], Lane.values, "stream"),
        reason=_word(texts["reason"], SuppressionReason.values, "reason") or SuppressionReason.MANUAL,
        expires_at=expires_at,
    )


def _address(text: str) -> str:
    try:
        return mailboxes.normal(text)
    except errors.InvalidAddress:
        # Its own words may quote the address.
        raise errors.InvalidAddress from None


def _word(text: str, known: Sequence[str], column: str) -> str:
    if text and text not in known:
        raise InvalidLine(f"The {column} is none of: {', '.join(known)}.")
    return text


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = parse_datetime(text)
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidLine("The time of expiry is not one of ISO 8601.")


def _store(account_id: int, lines: Mapping[_Key, Line], now: datetime) -> None:
    """As `suppressions.suppress`: a repetition keeps the first reason; of two expiries the later one holds."""
    keys = sorted(lines)
    for start in range(0, len(keys), BATCH):
        asked = {key: lines[key] for key in keys[start : start + BATCH]}
        expiries = _expiries(account_id, asked)
        Suppression.objects.bulk_create(
            [_row(account_id, key, line, expiries[key], now) for key, line in asked.items()],
            update_conflicts=True,
            unique_fields=["account", "address_hash", "domain", "stream"],
            update_fields=["address", "expires_at"],
        )


def _expiries(account_id: int, asked: Mapping[_Key, Line]) -> dict[_Key, datetime | None]:
    found = {key: line.expires_at for key, line in asked.items()}
    stored = Suppression.objects.filter(account=account_id, address_hash__in={key[0] for key in asked})
    for *key, expires_at in stored.values_list("address_hash", "domain", "stream", "expires_at"):
        place = (key[0], key[1], key[2])
        if place in found:
            ends = (found[place], expires_at)
            found[place] = None if None in ends else max(end for end in ends if end)
    return found


def _row(account_id: int, key: _Key, line: Line, expires_at: datetime | None, now: datetime) -> Suppression:
    digest, domain, stream = key
    return Suppression(
        account=Account(pk=account_id),
        address_hash=digest,
        address=line.address,
        domain=domain,
        stream=stream,
        reason=line.reason,
        source=SOURCE,
        created_at=now,
        expires_at=expires_at,
    )
