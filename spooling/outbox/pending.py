"""Rows of mails that wait or are in doubt: left when a mail comes to that state, taken by who moves it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import QuerySet

from spooling.models import Mail, Pending

_COLUMNS = [field.attname for field in Pending._meta.concrete_fields if not field.primary_key]


def take(mail_ids: Sequence[int], state: str) -> list[int]:
    """Those that are pending in `state`; until the transaction ends, nobody else can move them."""
    if not mail_ids:
        return []
    marks = ", ".join(["%s"] * len(mail_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM spooling_pending WHERE mail_id IN ({marks}) AND state = %s RETURNING mail_id",
            [*mail_ids, state],
        )
        return [mail_id for (mail_id,) in cursor.fetchall()]


def leave(mails: Iterable[Mail]) -> None:
    """Let these mails be found by what their rows say they wait for."""
    rows = [
        Pending(mail_id=mail.pk, **{column: getattr(mail, column) for column in _COLUMNS}) for mail in mails
    ]
    Pending.objects.bulk_create(rows, batch_size=100)


def of_ids(mail_ids: Sequence[int]) -> QuerySet[Mail]:
    """Mails with what `leave` reads."""
    return Mail.objects.filter(pk__in=mail_ids).only(*_COLUMNS)
