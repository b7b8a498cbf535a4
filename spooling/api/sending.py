"""`POST /api/v1/mails/`, the hot path: no serializer, no ORM object, one statement for an ordinary call."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from earwig import domains
from earwig.credentials import Credential
from earwig.errors import DomainNotAllowed, SenderDomainNotAllowed
from earwig.models.api_keys import Scope
from earwig.web import bodies, idempotency
from earwig.web.errors import Problem, Rejected
from earwig.web.views import plain
from spooling import errors
from spooling.api import mail_parser, mail_templates
from spooling.api.mail_parser import Letter
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from spooling.outbox import intake
from spooling.outbox.intake import Accepted, NewSend, NewSubmission

WIRE = "native"
#: All of a send but its recipients.
_SHARED = operator.attrgetter("content", "lane", "spooler_id", "domain_id", "due_at", "not_after")


@plain(Scope.SEND)
def send(request: HttpRequest, credential: Credential) -> HttpResponse:
    """Stores what the body asks for, or nothing; a repeated call gets the first answer."""
    now = timezone.now()
    body = bodies.load(bodies.read(request))
    call = idempotency.call_of(request, body, account_id=credential.account_id, now=now)
    if call is None:
        return _answer(accept(mail_parser.parse(body, now=now), credential, now))
    # The first answer stands even where the same body would be refused by now, as its `not_after` has passed.
    earlier = idempotency.replay(call)
    if earlier is not None:
        return earlier
    letters = mail_parser.parse(body, now=now)
    return idempotency.once(call, lambda: _answer(accept(letters, credential, now)))


def accept(letters: Sequence[Letter], credential: Credential, now: datetime) -> list[Accepted]:
    """Stores all letters or none. Raises Rejected for a template, an author or a spooler that the key may not use."""
    letters = mail_templates.filled(letters, credential.account_id)
    sends = _sends(letters, credential)
    try:
        if len(letters) == 1:
            return intake.accept(_submission(letters[0], credential), sends, now=now)
        with transaction.atomic():
            return _accept_runs(letters, sends, credential, now)
    except errors.VariablesRefused as refused:
        raise Rejected([_named(letters, refused)]) from None


def _named(letters: Sequence[Letter], refused: errors.VariablesRefused) -> Problem:
    """Whose variables the outbox refuses."""
    places = [(index, number) for index, letter in enumerate(letters) for number in range(len(letter.mails))]
    index, number = places[refused.place]
    field = f"recipients.{number}.variables" if letters[index].personal else "variables"
    return Problem(index, field, refused.code, refused.message)


def _accept_runs(
    letters: Sequence[Letter], sends: Sequence[NewSend], credential: Credential, now: datetime
) -> list[Accepted]:
    """Raises VariablesRefused, whose place is among the mails of all letters."""
    # Tags and metadata are kept once per submission, so neighbours that share them share one.
    accepted: list[Accepted] = []
    pairs = zip(letters, sends, strict=True)
    for _, run in itertools.groupby(pairs, key=lambda pair: (pair[0].tags, pair[0].metadata)):
        together = list(run)
        submission = _submission(together[0][0], credential)
        try:
            accepted += intake.accept(submission, _merged([send for _, send in together]), now=now)
        except errors.VariablesRefused as refused:
            raise errors.VariablesRefused(refused.message, place=len(accepted) + refused.place) from None
    return accepted


def _merged(sends: Iterable[NewSend]) -> list[NewSend]:
    """Neighbours that differ in their recipients only as one send, so that their content is stored once."""
    merged = []
    for _, run in itertools.groupby(sends, key=_SHARED):
        together = list(run)
        merged.append(replace(together[0], mails=tuple(mail for send in together for mail in send.mails)))
    return merged


def _submission(letter: Letter, credential: Credential) -> NewSubmission:
    return NewSubmission(
        account_id=credential.account_id,
        wire=WIRE,
        api_key_id=credential.key_id,
        tags=letter.tags,
        metadata=letter.metadata,
    )


def _sends(letters: Sequence[Letter], credential: Credential) -> list[NewSend]:
    """What the outbox takes. Raises Rejected for an author or a spooler that the key may not use."""
    problems: list[Problem] = []
    spoolers = _spoolers(letters, credential.account_id)
    sends = []
    for index, letter in enumerate(letters):
        domain_id = _domain(letter, index, credential, problems)
        spooler_id, lane = _place(letter, index, spoolers, problems)
        sends.append(
            NewSend(
                content=letter.content,
                mails=letter.mails,
                lane=lane,
                spooler_id=spooler_id,
                domain_id=domain_id,
                due_at=letter.send_at,
                not_after=letter.not_after,
            )
        )
    if problems:
        raise Rejected(problems)
    return sends


def _domain(letter: Letter, index: int, credential: Credential, problems: list[Problem]) -> int | None:
    author = letter.content.from_email
    try:
        credential.require_author(author)
        return domains.sending_domain(credential.account_id, author)
    except (DomainNotAllowed, SenderDomainNotAllowed) as error:
        problems.append(Problem(index, "from", error.code, error.message))
        return None


def _place(
    letter: Letter, index: int, spoolers: Mapping[str, Spooler], problems: list[Problem]
) -> tuple[int | None, str]:
    if not letter.spooler:
        return None, letter.lane or Lane.TRANSACTIONAL
    spooler = spoolers.get(letter.spooler)
    if spooler is None:
        problems.append(Problem(index, "spooler", "unknown_spooler", "There is no such spooler."))
        return None, ""
    if not spooler.takes_mail:
        closed = errors.SpoolerClosed()
        problems.append(Problem(index, "spooler", closed.code, closed.message))
    if letter.lane not in (None, spooler.lane):
        problems.append(Problem(index, "lane", "conflict", f"The spooler's lane is {spooler.lane}."))
    return spooler.pk, spooler.lane


def _spoolers(letters: Sequence[Letter], account_id: int) -> dict[str, Spooler]:
    tokens = {letter.spooler for letter in letters if letter.spooler}
    if not tokens:
        return {}
    own = Spooler.objects.shown_to(account_id).filter(token__in=tokens)
    return {spooler.token: spooler for spooler in own}


def document(accepted: Sequence[Accepted]) -> dict[str, Any]:
    """What the API answers about stored mails."""
    return {"mails": [{"id": mail.hex, "to": mail.email, "state": mail.state} for mail in accepted]}


def _answer(accepted: Sequence[Accepted]) -> HttpResponse:
    return HttpResponse(orjson.dumps(document(accepted)), status=201, content_type="application/json")
