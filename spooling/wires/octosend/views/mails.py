"""`spooler/{t}/mails/count` and `mails/fetch` (contract §11)"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Max, Q, QuerySet, Value
from django.db.models.functions import StrIndex, Substr
from django.http import HttpResponse
from rest_framework.request import Request

from earwig import addresses
from spooling import ledger
from spooling.models import Mail, Router, Spooler
from spooling.models.mails import MailState
from spooling.models.spoolers import SpoolerState
from spooling.wires.octosend import filters, outputs, wire
from spooling.wires.octosend.inputs import Parameters
from stats.models import Event, EventKind

#: Rows of an answer where nobody says how many.
DEFAULT_ROWS = 1000

PENDING, OK, TEMPFAIL, PERMFAIL = "pending", "ok", "tempfail", "permfail"
BLOCKED, QUARANTINE = "blocked", "quarantine"
_WORDS = {
    MailState.DELIVERED.value: OK,
    MailState.FAILED.value: PERMFAIL,
    MailState.EXPIRED.value: PERMFAIL,
    MailState.BLOCKED.value: BLOCKED,
    MailState.QUARANTINED.value: QUARANTINE,
}
_STATUSES = {PENDING, TEMPFAIL, *_WORDS.values()}
#: What follows the @ of an address, which the outbox keeps in lower case.
_DESTINATION = Substr("email", StrIndex("email", Value("@")) + 1)
_UNSETTLED = (MailState.WAITING, MailState.SENDING, MailState.IN_DOUBT)
#: Values of `deferral` that say that the last outcome is a temporary failure.
_DEFERRED = (1, 3)
_ACTIVITIES = {
    "activityOpened": "opened_at",
    "activityClicked": "clicked_at",
    "activityUnsubscribe": "unsubscribed_at",
    "activityAbuse": "complained_at",
}
_FILTERS = (
    *("destinations", "routers", "routingStatus", "recipientContains", "spooledAfter", "spooledBefore"),
    *_ACTIVITIES,
)
_COLUMNS = (
    *("id", "public_id", "email", "provider", "tags", "variables", "created_at", "router_id", "state"),
    *("deferral", "ended_at", "last_reply", *_ACTIVITIES.values()),
)


class _Routing(NamedTuple):
    """What the mails of a page do not say themselves: names of routers by id, moments by the mail's id."""

    names: dict[int, str]
    deferred_at: dict[int, datetime]


class CountView(wire.WireView):
    """How many mails match."""

    scopes = wire.READS

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler, parameters = self.spooler(token), self.parameters()
        if not any(name in parameters for name in _FILTERS):
            return wire.answer(ledger.of_spooler(spooler.pk)["spooled"])
        return wire.answer(matching(spooler, parameters).count())

    get = post


class FetchView(wire.WireView):
    """The mails that match, in the order in which they were spooled."""

    scopes = wire.READS

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler, parameters = self.spooler(token), self.parameters()
        page = parameters.page(DEFAULT_ROWS)
        rows = matching(spooler, parameters).order_by("-id" if page.reverse else "id").only(*_COLUMNS)
        mails = list(rows[page.rows])
        found = _Routing(_router_names(mails), _deferred_at(mails))
        return wire.answer([_shown(mail, spooler, found) for mail in mails])


def matching(spooler: Spooler, parameters: Parameters) -> QuerySet[Mail]:
    """The spooler's mails that match. Raises InvalidField."""
    mails = Mail.objects.filter(
        filters.contains("email", parameters, "recipientContains"),
        filters.within("created_at", parameters, "spooled"),
        spooler=spooler,
    )
    if destinations := parameters.texts("destinations"):
        # One look at each mail, however many are asked for.
        names = {addresses.canonical_domain(name) for name in destinations}
        mails = mails.alias(destination=_DESTINATION).filter(destination__in=names)
    if routers := parameters.texts("routers"):
        mails = mails.filter(
            router__in=list(Router.objects.filter(name__in=routers).values_list("pk", flat=True))
        )
    if words := parameters.texts("routingStatus"):
        mails = mails.filter(filters.any_of(_of_status(word, spooler) for word in set(words) & _STATUSES))
    for name, column in _ACTIVITIES.items():
        if (wanted := parameters.flag(name)) is not None:
            mails = mails.filter(**{f"{column}__isnull": not wanted})
    return mails


def _of_status(word: str, spooler: Spooler) -> Q:
    """As `_status` says of a row."""
    settled = [state for state, status in _WORDS.items() if status == word]
    if settled:
        return Q(state__in=settled)
    deferred = Q(state__in=_deferrable(spooler), deferral__in=_DEFERRED)
    if word == TEMPFAIL:
        return deferred
    return ~deferred & ~Q(state__in=list(_WORDS))


def _status(mail: Mail, spooler: Spooler) -> str:
    if mail.state in _WORDS:
        return _WORDS[mail.state]
    return TEMPFAIL if mail.state in _deferrable(spooler) and mail.deferral in _DEFERRED else PENDING


def _deferrable(spooler: Spooler) -> list[str]:
    """States in which another try follows a temporary failure: none of them waits in a cancelled spooler."""
    is_cancelled = spooler.state == SpoolerState.CANCELLED
    return [state.value for state in _UNSETTLED if not (is_cancelled and state == MailState.WAITING)]


def _router_names(mails: Iterable[Mail]) -> dict[int, str]:
    ids = {mail.router_id for mail in mails if mail.router_id is not None}
    return dict(Router.objects.filter(pk__in=ids).values_list("pk", "name"))


def _deferred_at(mails: Iterable[Mail]) -> dict[int, datetime]:
    """When the last temporary failure of each mail was that waits after one: its row does not say."""
    ids = [mail.pk for mail in mails if mail.ended_at is None and mail.deferral in _DEFERRED]
    failures = Event.objects.filter(mail_id__in=ids, kind=EventKind.TEMPFAIL)
    return dict(failures.values_list("mail_id").annotate(last=Max("at")))


def _shown(mail: Mail, spooler: Spooler, routing: _Routing) -> dict[str, Any]:
    """One row; what a filter asks for can be read in it."""
    routed_at = mail.ended_at or routing.deferred_at.get(mail.pk)
    return {
        "id": mail.public_id.hex,
        "email": mail.email,
        "destination": mail.email.rpartition("@")[2].lower(),
        "provider": mail.provider,
        "tags": mail.tags or [],
        "variables": mail.variables,
        "spooled": outputs.seconds(mail.created_at),
        "router": routing.names.get(mail.router_id or 0),
        "routingStatus": _status(mail, spooler),
        "routingTime": outputs.seconds(routed_at) if routed_at else None,
        "routingMessage": mail.last_reply or None,
        **{name: getattr(mail, column) is not None for name, column in _ACTIVITIES.items()},
    }
