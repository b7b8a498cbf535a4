"""Recipients of a campaign from an uploaded file, as a job: a piece of the file and what it came to are one
transaction, so a crash loses and repeats nothing.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.db import transaction

from earwig import errors as earwig_errors
from spooling import erasure, errors, job_files, limits
from spooling.campaigns import filling, locks, recipient_files
from spooling.endings import Ended, Waits
from spooling.models import JobFile, JobRequest, Spooler
from spooling.models.jobs import JobKind, JobState

#: Names of the files that the job reads and writes.
INPUT, ERRORS = "input", "errors"
#: How long what was wrong can be downloaded: it holds addresses.
ERRORS_KEPT = timedelta(days=7)
#: Of one file; more take a web process a minute and a gigabyte.
MOST_RECORDS = 2_000_000
#: When it goes on where the account's limit is used up.
LIMIT_REST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was read: its columns, and its records as lines of JSON, so that no cell's line break ends one."""

    names: tuple[str, ...]
    delimiter: str
    lines: bytes


def read(data: bytes, *, charset: str) -> Upload:
    """The file, ready to be stored: two seconds of work for half a million lines. Raises InvalidImport."""
    table = recipient_files.read(data, charset=charset)
    lines = io.BytesIO()
    for number, record in enumerate(table.records):
        if number == MOST_RECORDS:
            raise earwig_errors.InvalidImport(f"A file has at most {MOST_RECORDS:,} records.")
        lines.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    return Upload(names=table.names, delimiter=table.delimiter, lines=lines.getvalue())


@transaction.atomic
def ask(spooler: Spooler, upload: Upload, *, api_key_id: int | None, now: datetime) -> JobRequest:
    """Add everybody in the file. Raises SpoolerLocked, and InvalidImport for a record that is too long."""
    locks.taking_mail(spooler)
    counts = {filling.SPOOLED: 0, filling.BLOCKED: 0, filling.DUPLICATE: 0, "refused": 0, "error_pieces": 0}
    job = JobRequest.objects.create(
        account_id=spooler.account_id,
        kind=JobKind.IMPORT_RECIPIENTS,
        arguments={
            "spooler": spooler.pk,
            "api_key": api_key_id,
            "names": upload.names,
            "delimiter": upload.delimiter,
        },
        result=counts,
        created_at=now,
    )
    job.total = job_files.store(job, INPUT, upload.lines, cut=job_files.lines)
    job.save(update_fields=["total"])
    return job


def is_open(spooler: Spooler) -> bool:
    """Whether some of what was uploaded for it is not in it yet."""
    open_ones = JobRequest.objects.filter(
        account=spooler.account_id,
        kind=JobKind.IMPORT_RECIPIENTS,
        state__in=(JobState.WAITING, JobState.RUNNING),
    )
    return open_ones.filter(arguments__spooler=spooler.pk).exists()


def work(job: JobRequest, now: datetime) -> Ended | Waits | None:
    """Add the recipients of the next piece."""
    data = job_files.piece(job, INPUT, job.position)
    if data is None:
        return _ended(job)
    records = [orjson.loads(line) for line in data.splitlines()]
    entries, flaws = _entries(job, records)
    try:
        outcomes = _fill(job, entries, now)
    except errors.LimitReached as refused:
        if _never_fits(job, len(entries), now):
            return _ended(job, refused)
        return Waits(now + LIMIT_REST)
    except earwig_errors.EarwigError as refused:
        return _ended(job, refused)
    _note(job, Counter(outcome.status for outcome in outcomes), flaws)
    job_files.delete_piece(job, INPUT, job.position)
    job.position += 1
    job.progress += len(records)
    return None


def _entries(
    job: JobRequest, records: Sequence[recipient_files.Record]
) -> tuple[list[filling.Entry], list[bytes]]:
    names, delimiter = job.arguments["names"], job.arguments["delimiter"]
    entries, flaws = [], []
    for line, cells in records:
        try:
            entries.append(recipient_files.entry(names, cells))
        except earwig_errors.EarwigError as error:
            flaws.append(recipient_files.error_line(line, error.message, cells, delimiter=delimiter))
    return entries, flaws


@transaction.atomic
def _fill(job: JobRequest, entries: Sequence[filling.Entry], now: datetime) -> list[filling.Outcome]:
    """In a savepoint: what is refused undoes only this piece."""
    spooler = Spooler.objects.get(pk=job.arguments["spooler"])
    return filling.add(spooler, entries, api_key_id=job.arguments["api_key"], now=now) if entries else []


def _never_fits(job: JobRequest, count: int, now: datetime) -> bool:
    windows = limits.windows(job.account_id, figure="spooled", now=now)
    return any(window.limit < count for window in windows)


def _note(job: JobRequest, counts: Counter[str], flaws: Sequence[bytes]) -> None:
    for status, count in counts.items():
        job.result[status] += count
    if flaws:
        job_files.append(job, ERRORS, b"".join(flaws), number=job.result["error_pieces"])
        job.result["error_pieces"] += 1
        job.result["refused"] += len(flaws)


def _ended(job: JobRequest, refused: earwig_errors.EarwigError | None = None) -> Ended:
    job_files.delete(job, INPUT)
    result = {name: count for name, count in job.result.items() if name != "error_pieces"}
    if refused is None:
        return Ended(result=result)
    return Ended(state=JobState.FAILED, result={**result, "code": refused.code, "message": refused.message})


def errors_of(job: JobRequest) -> bytes | None:
    """The file of what was wrong, as CSV; None where there is none, or none any more."""
    pieces = list(job_files.pieces(job, ERRORS))
    return b"".join((recipient_files.ERROR_HEADER, *pieces)) if pieces else None


def prune(*, now: datetime) -> int:
    """Delete what was wrong with files that were worked off ERRORS_KEPT ago; answers how many pieces."""
    old = JobFile.objects.filter(
        name=ERRORS, job__kind=JobKind.IMPORT_RECIPIENTS, job__ended_at__lt=now - ERRORS_KEPT
    )
    return old.delete()[0]


def forget(account_id: int, emails: Sequence[str]) -> int:
    """Take the addresses out of the account's files; answers how many pieces changed.

    Who is one of them and was not added yet is not added.
    """
    words, pieces = erasure.of_addresses(emails), JobFile.objects.filter(job__account=account_id)
    needles = [[needle.lower().encode() for needle in erasure.needles(email)] for email in emails]
    changed = 0
    for piece in pieces.filter(job__kind=JobKind.IMPORT_RECIPIENTS).iterator(chunk_size=10):
        data = bytes(piece.data).lower()
        if any(all(needle in data for needle in each) for each in needles):
            changed += _erase(piece, words)
    return changed


@transaction.atomic
def _erase(piece: JobFile, words: erasure.Erasure) -> int:
    """Between two slices of the job: what one has added already is found as a mail."""
    job = JobRequest.objects.select_for_update().get(pk=piece.job_id)
    row = JobFile.objects.filter(pk=piece.pk)
    data = row.values_list("data", flat=True).first()
    if data is None:
        return 0
    before = bytes(data)
    left = _without(job, before, words) if piece.name == INPUT else words.text(before.decode()).encode()
    return row.update(data=left) if left != before else 0


def _without(job: JobRequest, data: bytes, words: erasure.Erasure) -> bytes:
    email = job.arguments["names"].index("email")
    left = []
    for record in data.splitlines(keepends=True):
        line, cells = orjson.loads(record)
        erased = words.data(cells)
        if erased == cells:
            left.append(record)
        elif len(cells) > email and erased[email] == cells[email]:
            left.append(orjson.dumps([line, erased], option=orjson.OPT_APPEND_NEWLINE))
    return b"".join(left)
