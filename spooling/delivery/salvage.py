"""Reads the journals of this host's dead or overtaken workers, so that rescue knows what was begun and answered."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path

from django.conf import settings

from spooling import hosts
from spooling.delivery import journal, shaping, smtp, verdicts
from spooling.models import Claim
from spooling.outbox import rescue
from spooling.outbox.values import Claimed, Result, Worker

#: A living worker's lease must have ended so long ago before its claims are taken: its own check reads another clock.
GRACE_SECONDS = 2.0

#: A journal untouched for so long, and without a claim, is of a worker that died idle.
ORPHAN_SECONDS = 3600.0

_VERDICTS = {verdict.value[0]: verdict for verdict in smtp.Verdict}


def rescue_host(worker: Worker, *, now: datetime) -> int:
    """Resolve the claims of this host's other workers that are dead, or stopped past their lease.

    Answers how many mails moved.
    """
    found = rescue.of_host(worker.host)
    return sum(
        _rescue(name, list(group), worker.boot, now)
        for name, group in groupby(found, key=lambda claim: claim.worker)
        if name != worker.name
    )


def sweep(worker: Worker, *, now: datetime) -> int:
    """Remove this host's journals that nobody will ask for; answers how many."""
    wanted = {claim.worker for claim in rescue.of_host(worker.host)}
    before = now.timestamp() - ORPHAN_SECONDS
    return sum(_remove(path, before) for path in hosts.journals().glob("*") if path.name not in wanted)


def _remove(path: Path, before: float) -> bool:
    try:
        lock = journal.lock_of_the_dead(path) if path.stat().st_mtime < before else None
    except FileNotFoundError:
        return False
    if lock is None:
        return False
    path.unlink(missing_ok=True)
    os.close(lock)
    return True


def _rescue(name: str, found: Sequence[Claim], boot: str, now: datetime) -> int:
    path = hosts.journals() / name
    try:
        return _rescue_by(path, found, boot, now)
    except FileNotFoundError:
        # Read again: a drain that ends closes its claims before its journal goes, and so does another rescuer.
        still = Claim.objects.filter(pk__in=[claim.pk for claim in found])
        return sum(rescue.doubt(claim, why=rescue.LOST_JOURNAL, now=now) for claim in still)


def _rescue_by(path: Path, found: Sequence[Claim], boot: str, now: datetime) -> int:
    lock = journal.lock_of_the_dead(path)
    if lock is None:
        # Fenced: it checks its lease after it has written to the journal and before it sends.
        found = rescue.overdue(found, seconds=GRACE_SECONDS)
        return _resolve(found, path, boot, now) if found else 0
    try:
        moved = _resolve(found, path, boot, now)
        shaping.release_connections(path.name)
        path.unlink(missing_ok=True)
    finally:
        os.close(lock)
    return moved


def _resolve(found: Sequence[Claim], path: Path, boot: str, now: datetime) -> int:
    record = journal.read(path)
    moved = 0
    for claim in found:
        if claim.boot != boot:
            moved += rescue.doubt(claim, why=rescue.LOST_JOURNAL, now=now)
        else:
            moved += rescue.resolve(claim, partial(_fate, claim.pk, record, now), now=now)
    return moved


def _fate(claim_id: int, record: journal.Record, now: datetime, mail: Claimed) -> Result:
    if mail.id in record.begun:
        return verdicts.in_doubt(mail.id, claim_id, why=rescue.LOST_REPLY)
    answer = record.answers.get(mail.id)
    if answer is None:
        return Result(mail.id, claim_id, "waiting")
    outcome = smtp.Outcome(_VERDICTS[answer.verdict], answer.code, "", "body")
    moment = verdicts.Moment(now, random.random(), settings.RETRY_HORIZONS[mail.lane])
    return verdicts.result_of(mail, claim_id, outcome, moment)
