"""How staff find mails among millions: by id in every wire's spelling, address, domain, spooler and state.

Nothing here counts, and no search reads more than a bounded number of rows.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from earwig import addresses, errors, mailboxes
from earwig.models import Domain
from spooling import submissions
from spooling.models import Mail, Pending, Spooler, Submission
from spooling.models.mails import MailState
from spooling.models.spoolers import Lane
from spooling.outbox import public_ids

#: Mails, the newest ones, among which is looked for what no index finds; and so many where a spooler is named.
LOOKED_AT = 100_000
LOOKED_AT_IN_SPOOLER = 1_000_000
HELP = (
    "A mail's id as any API writes it, its Message-ID or return path, the id of a call, a spooler's token, an address, "
    f"or a domain (among the newest {LOOKED_AT:,} mails)."
)
#: Of the largest number that an id can be.
_MOST_DIGITS = 18
_IN_ADDRESS = re.compile(r"<?(?:b-)?([0-9a-f]{32})@[^@]+>?", re.IGNORECASE)

Read = Callable[[str], QuerySet[Mail] | None]


def found(text: str) -> QuerySet[Mail]:
    """The mails that `text` speaks of: by the first reading that fits, none where none does."""
    answers = (read(text) for read in _READINGS)
    return next((mails for mails in answers if mails is not None), Mail.objects.none())


def newest(mails: QuerySet[Mail], *, among: QuerySet[Mail], count: int) -> QuerySet[Mail]:
    """Those of `mails` that are among the newest of `among`, which an index must find."""
    floor = among.order_by("-id").values_list("id", flat=True)[count : count + 1].first()
    return mails if floor is None else mails.filter(pk__gt=floor)


def _by_number(text: str) -> QuerySet[Mail] | None:
    """Of its row or of its attempt, as the handoff API writes it."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        return None
    return Mail.objects.filter(Q(pk=int(text)) | Q(attempt=int(text)))


def _by_public_id(text: str) -> QuerySet[Mail] | None:
    """Its own, or that of the call that made it."""
    public_id = _public_id(text)
    if public_id is None:
        return None
    # Two questions: no index answers both at once.
    own = Mail.objects.filter(public_id=public_id)
    return own if own.exists() else submissions.mails(Submission.objects.filter(public_id=public_id))


def _public_id(text: str) -> uuid.UUID | None:
    within = _IN_ADDRESS.fullmatch(text)
    written = within[1] if within else text
    if named := public_ids.from_letter_first(written.lower()):
        return named
    try:
        return uuid.UUID(written)
    except ValueError:
        return None


def _by_spooler(text: str) -> QuerySet[Mail] | None:
    spooler = Spooler.objects.filter(token=text).values_list("id", flat=True).first()
    return None if spooler is None else Mail.objects.filter(spooler=spooler)


def _by_address(text: str) -> QuerySet[Mail] | None:
    """As it was given or as it is stored."""
    if "@" not in text.strip("@"):
        return None
    try:
        return Mail.objects.to_addresses({text, mailboxes.normal(text)})
    except errors.InvalidAddress:
        return Mail.objects.to_addresses([text])


def _by_domain(text: str) -> QuerySet[Mail] | None:
    """That sends it, or that it goes to."""
    name = addresses.canonical_domain(text.lstrip("@"))
    if not addresses.is_domain(name):
        return None
    senders = Domain.objects.filter(name=name).values("id")
    named = Mail.objects.filter(Q(domain__in=senders) | Q(email__iendswith=f"@{name}"))
    return newest(named, among=Mail.objects.all(), count=LOOKED_AT)


_READINGS: tuple[Read, ...] = (_by_number, _by_public_id, _by_spooler, _by_address, _by_domain)


class _BoundedFilter(admin.SimpleListFilter):
    """By a column that no index has: looks among the newest mails of what else is asked for."""

    def bounded(self, request: HttpRequest, mails: QuerySet[Mail]) -> QuerySet[Mail]:
        if spooler := _number(request, "spooler"):
            among = Mail.objects.filter(spooler=spooler)
            return newest(mails, among=among, count=LOOKED_AT_IN_SPOOLER)
        account = _number(request, "account__id__exact")
        among = Mail.objects.filter(account=account) if account else Mail.objects.all()
        return newest(mails, among=among, count=LOOKED_AT)


class StateFilter(_BoundedFilter):
    title = f"state, newest {LOOKED_AT:,}"
    parameter_name = "state__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in MailState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mail]) -> QuerySet[Mail]:
        state = self.value()
        if state not in MailState.values:
            return queryset
        if state == MailState.IN_DOUBT:
            return queryset.filter(pk__in=Pending.objects.filter(state=state).values("mail"))
        return self.bounded(request, queryset).filter(state=state)


class LaneFilter(_BoundedFilter):
    title = f"lane, newest {LOOKED_AT:,}"
    parameter_name = "lane__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(lane.value, str(lane.label)) for lane in Lane]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mail]) -> QuerySet[Mail]:
        lane = self.value()
        return self.bounded(request, queryset).filter(lane=lane) if lane in Lane.values else queryset


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None
