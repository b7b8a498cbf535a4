"""A look at what a campaign would do if it were launched now, mail by mail, as a job. Nothing is kept of it but counts
and what is wrong with the first mails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from earwig import errors as earwig_errors
from spooling import errors, ledger, limits, routers, suppressions
from spooling.campaigns import forecasts, launches, messages, names, progress, scores
from spooling.delivery import verdicts
from spooling.delivery.compiled import Compiled
from spooling.delivery.letters import Letters
from spooling.endings import Ended
from spooling.models import JobRequest, Mail, Spooler
from spooling.models.jobs import JobKind
from spooling.models.mails import MailState
from spooling.models.spoolers import SpoolerState
from spooling.outbox import values
from spooling.outbox.values import Claimed

#: Mails that a slice looks at, and after how long it stops before: some templates take a millisecond.
SLICE, SLICE_SECONDS = 2_000, 0.5
#: Mails that are made together between two looks at the clock.
TOGETHER = 100
#: Mails of which the result tells what is wrong, and names without a value that it counts.
MOST_ERRORS = MOST_NAMES = 100

_SUPPRESSED = "suppressed: "


@transaction.atomic
def ask(spooler: Spooler, *, now: datetime) -> JobRequest:
    """Look at all mails that it has by now. Raises SpoolerStateConflict for one that has ended."""
    if spooler.ended_at is not None:
        raise errors.SpoolerStateConflict("It has ended.")
    return JobRequest.objects.create(
        account_id=spooler.account_id,
        kind=JobKind.PREFLIGHT,
        arguments={"spooler": spooler.pk, "newest": Mail.objects.filter(spooler=spooler).newest_id()},
        total=ledger.of_spooler(spooler.pk)["spooled"],
        result={
            "sendable": 0,
            "skipped": {"suppressed": {}, "expired": 0, "erased": 0, "no_router": 0, "unrenderable": 0},
            "providers": {},
            "missing_variables": {},
            "errors": [],
        },
        created_at=now,
    )


def work(job: JobRequest, now: datetime) -> Ended | None:
    """Look at the next mails."""
    spooler = Spooler.objects.select_related("domain").get(pk=job.arguments["spooler"])
    mails = _next(job)
    if not mails:
        return Ended(result={**job.result, **_foretold(spooler, job.result, now)})
    ends = time.monotonic() + SLICE_SECONDS
    with _as_launched(spooler, now):
        look = _Look(spooler, now, job.result)
        for start in range(0, len(mails), TOGETHER):
            together = mails[start : start + TOGETHER]
            look.at(together)
            job.position, job.progress = together[-1].id, job.progress + len(together)
            if time.monotonic() > ends:
                break
    return None


def _next(job: JobRequest) -> list[Claimed]:
    """Mails of any state, so that slices are equally long."""
    following = Mail.objects.filter(
        spooler=job.arguments["spooler"], pk__gt=job.position, pk__lte=job.arguments["newest"]
    )
    return values.claimed(following.order_by("id")[:SLICE])


@contextmanager
def _as_launched(spooler: Spooler, now: datetime) -> Iterator[None]:
    """With the content that a launch would make now; afterwards nothing of that was done."""
    with transaction.atomic():
        if spooler.state == SpoolerState.PENDING:
            try:
                messages.fill(Spooler.objects.get(pk=spooler.pk), messages.compose(spooler), now=now)
            except earwig_errors.EarwigError:
                # The result says what is wrong with the message; its mails are looked at as they are.
                pass
        yield
        transaction.set_rollback(True)


@dataclass(slots=True)
class _Look:
    """What one slice looks with; adds up in `result`."""

    spooler: Spooler
    now: datetime
    result: dict[str, Any]
    letters: Letters = field(default_factory=Letters)

    def at(self, mails: Sequence[Claimed]) -> None:
        """Count what would become of these mails."""
        ids = [mail.id for mail in mails]
        rows = Mail.objects.filter(pk__in=ids).exclude(state=MailState.WAITING)
        settled = {pk: (state, reply) for pk, state, reply in rows.values_list("pk", "state", "last_reply")}
        for state, reply in settled.values():
            if state == MailState.BLOCKED:
                self._suppressed(reply.removeprefix(_SUPPRESSED))
        waiting = [mail for mail in mails if mail.id not in settled]
        contents = self.letters.load(waiting)
        used = names.of(contents)
        reasons = suppressions.reasons(waiting, now=self.now)
        for mail, reason in zip(waiting, reasons, strict=True):
            if reason:
                self._suppressed(reason)
            else:
                self._weigh(mail, contents[mail.content_id], used.get(mail.content_id, frozenset()))

    def _weigh(self, mail: Claimed, content: Compiled, used: frozenset[str]) -> None:
        skipped = self.result["skipped"]
        if mail.not_after is not None and mail.not_after < max(self.now, self.spooler.start_at):
            skipped["expired"] += 1
        elif not mail.email or content.erased:
            skipped["erased"] += 1
        elif routers.table().choose(mail.account_id, mail.provider) is None:
            skipped["no_router"] += 1
        elif refusal := self.letters.refusal(mail, content, int(self.now.timestamp())):
            skipped["unrenderable"] += 1
            self._note(mail, refusal)
        else:
            self.result["sendable"] += 1
            _add(self.result["providers"], mail.provider)
            self._count_missing(mail, content, used)

    def _suppressed(self, reason: str) -> None:
        _add(self.result["skipped"]["suppressed"], reason)

    def _note(self, mail: Claimed, refusal: str) -> None:
        if len(self.result["errors"]) < MOST_ERRORS:
            sentence = verdicts.without_addresses(refusal)
            self.result["errors"].append({"mail": mail.public_id, "message": sentence})

    def _count_missing(self, mail: Claimed, content: Compiled, used: frozenset[str]) -> None:
        if not used:
            return
        counts = self.result["missing_variables"]
        for name in used - content.variables(json.loads(mail.variables), mail.email).keys():
            if name in counts or len(counts) < MOST_NAMES:
                _add(counts, name)


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _foretold(spooler: Spooler, result: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What concerns the campaign as a whole."""
    sendable = result["sendable"]
    lefts = [window.left for window in limits.windows(spooler.account_id, figure="delivered", now=now)]
    rate = progress.measured(now - progress.LATELY, now, account_id=spooler.account_id)
    per_minute = rate or forecasts.capacity(spooler.account_id, result["providers"])
    end = forecasts.through_at(spooler, result["providers"], measured=rate, now=now)
    return {
        "message": _flaws(spooler),
        "over_limit": max(0, sendable - min(lefts)) if lefts else 0,
        "mails_per_minute": round(per_minute, 1),
        "predicted_end_at": end and end.isoformat(),
        "ends_in_time": end is not None and (spooler.not_after is None or end <= spooler.not_after),
        "score": _score(spooler),
    }


def _flaws(spooler: Spooler) -> dict[str, str]:
    """What a launch would refuse, by field."""
    try:
        content = messages.compose(spooler)
    except errors.FieldsRefused as refused:
        return refused.fields
    except earwig_errors.EarwigError as refused:
        return {"": refused.message}
    return launches.flaws(spooler, content)


def _score(spooler: Spooler) -> dict[str, Any] | None:
    try:
        return asdict(scores.of_spooler(spooler))
    except earwig_errors.EarwigError:
        return None
