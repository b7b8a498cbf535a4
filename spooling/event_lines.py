"""Events as flat objects of one vocabulary, as pollers and reporting files have them (Octosend contract §12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from earwig.models import Domain
from spooling.models import Mail, Spooler
from spooling.models.spoolers import SpoolerType
from spooling.models.suppressions import SuppressionReason
from stats.models import Event, EventKind


class Word(NamedTuple):
    """What clients call a kind of event."""

    family: str
    type: str


#: What is not here is no client's business.
WORDS: dict[str, Word] = {
    EventKind.SPOOLED: Word("spooling", "spooled"),
    EventKind.BLOCKED: Word("spooling", "blocked"),
    EventKind.QUARANTINED: Word("spooling", "quarantine"),
    EventKind.DELIVERED: Word("routing", "ok"),
    EventKind.TEMPFAIL: Word("routing", "tempfail"),
    EventKind.FAILED: Word("routing", "permfail"),
    EventKind.EXPIRED: Word("routing", "permfail"),
    EventKind.OPEN: Word("activity", "open"),
    EventKind.CLICK: Word("activity", "click"),
    EventKind.MIRROR: Word("activity", "mirror"),
    EventKind.UNSUBSCRIBE: Word("activity", "unsubscribe"),
    EventKind.COMPLAINT: Word("activity", "abuse"),
    EventKind.SUPPRESSED: Word("cleanup", "cleanup"),
}
FAMILIES = tuple(dict.fromkeys(word.family for word in WORDS.values()))
#: Events whose mails are looked up at once: a statement has a limit of parameters.
TOGETHER = 5000
#: Why an address is to be dropped.
_REASONS = {
    SuppressionReason.HARD_BOUNCE.value: "permfail",
    SuppressionReason.COMPLAINT.value: "abuse",
    SuppressionReason.UNSUBSCRIBE.value: "unsubscribe",
}


def kinds(word: str) -> list[str]:
    """The kinds of a type or of a family; none of an unknown word."""
    return [kind for kind, known in WORDS.items() if word in known]


def present(events: Sequence[Event]) -> list[dict[str, Any]]:
    """One object an event, in their order; three queries for each TOGETHER of them. An erased address is empty."""
    starts = range(0, len(events), TOGETHER)
    return [line for start in starts for line in _presented(events[start : start + TOGETHER])]


def _presented(events: Sequence[Event]) -> list[dict[str, Any]]:
    mails = {mail["id"]: mail for mail in _mails(events)}
    spoolers = _tokens(events)
    names = _names(events)
    return [
        {
            "type": WORDS[event.kind].type,
            "timestamp": int(event.at.timestamp()),
            "family": WORDS[event.kind].family,
            "domain": names.get(event.domain_id or 0),
            "spooler": spoolers.get(event.spooler_id),
            **_of_mail(mails.get(event.mail_id)),
            "destination": event.destination,
            **_extra(event),
        }
        for event in events
    ]


def _names(events: Sequence[Event]) -> dict[int, str]:
    """Of the sending domains, removed ones too."""
    ids = {event.domain_id for event in events if event.domain_id}
    return dict(Domain.objects.filter(pk__in=ids).values_list("pk", "name"))


def _mails(events: Sequence[Event]) -> Any:
    own = Mail.objects.filter(pk__in={event.mail_id for event in events})
    return own.values("id", "public_id", "email", "tags", "submission__tags")


def _tokens(events: Sequence[Event]) -> dict[int, str]:
    """Of campaigns: a mail of a standing stream was sent by itself."""
    ids = {event.spooler_id for event in events}
    campaigns = Spooler.objects.filter(pk__in=ids, type=SpoolerType.CAMPAIGN)
    return dict(campaigns.values_list("pk", "token"))


def _of_mail(mail: Mapping[str, Any] | None) -> dict[str, Any]:
    if mail is None:
        return {"mail": None, "email": "", "tags": []}
    return {
        "mail": mail["public_id"].hex,
        "email": mail["email"],
        "tags": mail["tags"] or mail["submission__tags"] or [],
    }


def _extra(event: Event) -> dict[str, Any]:
    return _EXTRAS[WORDS[event.kind].family](event)


def _of_spooling(event: Event) -> dict[str, Any]:
    return {} if event.kind == EventKind.SPOOLED else {"reason": _words(event)}


def _of_routing(event: Event) -> dict[str, Any]:
    return {
        "router": event.router or "none",
        "message": _words(event),
        "code": event.detail.get("code") or None,
    }


def _words(event: Event) -> str:
    """The server's, or ours where none was asked."""
    words: str = event.detail.get("reply") or event.detail.get("why", "")
    return words


def _of_activity(event: Event) -> dict[str, Any]:
    extra = {name: event.detail.get(name, "") for name in ("ip", "useragent")}
    return extra | ({"url": event.detail.get("url", "")} if event.kind == EventKind.CLICK else {})


def _of_cleanup(event: Event) -> dict[str, Any]:
    reason = event.detail.get("reason", "")
    return {"reason": _REASONS.get(reason, reason)}


_EXTRAS = {
    "spooling": _of_spooling,
    "routing": _of_routing,
    "activity": _of_activity,
    "cleanup": _of_cleanup,
}
