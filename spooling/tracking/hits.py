"""Hits on tracked links: the event of each, and the moment of a mail's first one of its kind."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from spooling import errors
from spooling.outbox import prepared
from spooling.suppressions import Occasion
from spooling.tracking.tokens import Token
from spooling.tracking.visitors import Visitor
from stats import events
from stats.models import EventKind
from templates_app.rendering import LinkKind


class Followed(NamedTuple):
    """A kind of link: its name in stored targets, the event of a hit, and the column of a mail's first one."""

    link: LinkKind
    event: EventKind
    mark: str


FOLLOWED = {
    b"c": Followed(LinkKind.CLICK, EventKind.CLICK, "clicked_at"),
    b"p": Followed(LinkKind.PIXEL, EventKind.OPEN, "opened_at"),
    b"m": Followed(LinkKind.MIRROR, EventKind.MIRROR, "mirrored_at"),
    b"u": Followed(LinkKind.UNSUBSCRIBE, EventKind.UNSUBSCRIBE, "unsubscribed_at"),
}


class Place(NamedTuple):
    """The mail of a link, and where the link leads."""

    mail: Occasion
    #: False: a draft, of which no event tells.
    counted: bool
    erased: bool
    target: str


# The domain of an erased mail's recipient is left in its events.
_DESTINATIONS = {
    "postgresql": "lower(split_part(mail.email, '@', -1))",
    "sqlite": "lower(substr(mail.email, instr(mail.email, '@') + 1))",
}
_PLACE = """
SELECT mail.id AS mail_id, mail.account_id, mail.domain_id, mail.spooler_id, mail.provider, mail.lane,
    mail.email, mail.address_hash, coalesce(router.name, '') AS router,
    coalesce(nullif({destination}, ''), (
        SELECT earlier.destination FROM stats_event AS earlier WHERE earlier.mail_id = mail.id LIMIT 1
    ), '') AS destination,
    spooler.type <> 'draft' AS counted, mail.erased_at IS NOT NULL AS erased,
    coalesce(link.target, '') AS target
FROM spooling_mail AS mail
JOIN spooling_spooler AS spooler ON spooler.id = mail.spooler_id
LEFT JOIN spooling_router AS router ON router.id = mail.router_id
LEFT JOIN spooling_contentlink AS link
    ON link.content_id = mail.content_id AND link.number = %(number)s AND link.kind = %(link)s
WHERE mail.id = %(mail)s AND (%(number)s = 0 OR link.target IS NOT NULL)
"""
#: Columns of the mail in it, in order; then whether it counts and is erased, and the target.
_OF_MAIL = (
    *("mail_id", "account_id", "domain_id", "spooler_id", "provider", "lane"),
    *("email", "address_hash", "router", "destination"),
)
# A hit waits for an erasure of its mail and sees it; hits do not wait for each other.
_RECORD = f"""
WITH place AS MATERIALIZED ({_PLACE} FOR KEY SHARE OF mail), first AS (
    UPDATE spooling_mail SET {{mark}} = %(now)s FROM place
    WHERE id = place.mail_id AND {{mark}} IS NULL AND place.counted AND %(counts)s
    RETURNING id
), happening AS (
    SELECT account_id, domain_id, spooler_id, mail_id, destination, provider, router, lane, %(event)s AS kind,
        %(now)s::timestamptz AS at, (SELECT count(*) FROM first)::smallint AS counts, '' AS ends,
        CASE WHEN erased THEN %(nameless)s::jsonb
            WHEN target <> '' THEN %(detail)s::jsonb || jsonb_build_object('url', target)
            ELSE %(detail)s::jsonb END AS detail
    FROM place WHERE counted
), told AS (
    {events.insert_from("happening")}
)
SELECT * FROM place
"""


_TYPES = {
    "mail": "bigint",
    "number": "integer",
    "link": "text",
    "now": "timestamptz",
    "event": "text",
    "counts": "boolean",
    "detail": "jsonb",
    "nameless": "jsonb",
}
_RECORDS = {
    kind: prepared.Statement(
        f"earwig_{followed.event}",
        _RECORD.format(destination=_DESTINATIONS["postgresql"], mark=followed.mark),
        _TYPES,
    )
    for kind, followed in FOLLOWED.items()
}


def find(token: Token) -> Place:
    """Where a link leads; nothing is recorded. Raises LinkUnknown."""
    with connection.cursor() as cursor:
        cursor.execute(_place_statement(), _parameters(token))
        return _place(cursor.fetchone(), token)


def record(token: Token, visitor: Visitor, *, now: datetime) -> Place:
    """Append the event of a hit: it counts when it is the mail's first of a person. Drafts have none.

    Of an erased mail nothing is kept that says who it was. Raises LinkUnknown.
    """
    return (_record_together if connection.vendor == "postgresql" else _record_singly)(token, visitor, now)


def _record_together(token: Token, visitor: Visitor, now: datetime) -> Place:
    """In one statement."""
    followed = FOLLOWED[token.kind]
    detail = _detail(visitor, token.target)
    parameters = {
        **_parameters(token),
        "now": now,
        "event": followed.event.value,
        "counts": visitor.counts,
        "detail": json.dumps(detail),
        "nameless": json.dumps({"who": detail["who"]}),
    }
    with connection.cursor() as cursor:
        _RECORDS[token.kind].execute(cursor, parameters)
        return _place(cursor.fetchone(), token)


@transaction.atomic
def _record_singly(token: Token, visitor: Visitor, now: datetime) -> Place:
    place = find(token)
    if place.counted:
        counts = visitor.counts and _is_first(token, now)
        events.record([_happening(place, token, visitor, counts, now)])
    return place


def _is_first(token: Token, now: datetime) -> bool:
    mark = FOLLOWED[token.kind].mark
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE spooling_mail SET {mark} = %s WHERE id = %s AND {mark} IS NULL",
            [connection.ops.adapt_datetimefield_value(now), token.mail_id],
        )
        return bool(cursor.rowcount)


def _happening(place: Place, token: Token, visitor: Visitor, counts: bool, now: datetime) -> events.Happening:
    detail = _detail(visitor, place.target)
    kept = {"who": detail["who"]} if place.erased else detail
    return place.mail.happening(FOLLOWED[token.kind].event, at=now, counts=int(counts), detail=kept)


def _detail(visitor: Visitor, target: str) -> dict[str, str]:
    return visitor.detail() | ({"url": target.replace("\0", "")} if target else {})


def _place_statement() -> str:
    return _PLACE.format(destination=_DESTINATIONS[connection.vendor])


def _parameters(token: Token) -> dict[str, int | str]:
    return {"mail": token.mail_id, "number": token.number, "link": FOLLOWED[token.kind].link.value}


def _place(row: tuple[Any, ...] | None, token: Token) -> Place:
    if row is None:
        raise errors.LinkUnknown
    *of_mail, counted, erased, target = row
    mail = Occasion(**dict(zip(_OF_MAIL, of_mail, strict=True)))
    return Place(mail, counted, erased, token.target or target)
