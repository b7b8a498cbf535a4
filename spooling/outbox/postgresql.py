"""The outbox's statements on PostgreSQL: each verb is one statement, so one round trip and one commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from spooling.outbox.postgresql_insert import insert, insert_details
from spooling.outbox.values import Batch, Claimed, Order, Result
from stats import events

__all__ = ["claim", "insert", "insert_details", "settle"]

_CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT mail_id, ctid FROM spooling_pending
    WHERE state = 'waiting' AND lane = %(lane)s AND provider = %(provider)s AND due_at <= %(now)s {scope} {floor}
    ORDER BY due_at, mail_id LIMIT %(size)s FOR UPDATE SKIP LOCKED
), claim AS (
    INSERT INTO spooling_claim (
        worker, host, boot, lane, leased_until, created_at, first_mail_id, last_mail_id
    )
    SELECT %(worker)s, %(host)s, %(boot)s, %(lane)s, now() + %(lease)s * interval '1 second', %(now)s,
        min(mail_id), max(mail_id)
    FROM picked HAVING count(*) > 0
    RETURNING id
), taken AS (
    DELETE FROM spooling_pending WHERE ctid = ANY (ARRAY(SELECT ctid FROM picked))
), moved AS (
    UPDATE spooling_mail SET state = 'sending', claim_id = (SELECT id FROM claim)
    WHERE id = ANY (ARRAY(SELECT mail_id FROM picked)) AND state = 'waiting'
    RETURNING {columns}
), delta AS (
    INSERT INTO spooling_ledgerdelta (account_id, spooler_id, at, waiting, sending)
    SELECT account_id, spooler_id, %(now)s, -count(*), count(*) FROM moved GROUP BY account_id, spooler_id
)
SELECT (SELECT id FROM claim), moved.* FROM moved
"""
# A lane's claim skips halted spoolers; a spooler's claim is made for a runnable one.
_SCOPES = {
    "transactional": "AND spooler_id <> ALL (%(halted)s::bigint[])",
    "bulk": "AND spooler_id = %(spooler)s",
}
_ACCOUNTS = "AND account_id = ANY (%(accounts)s)"
_STRANGERS = "AND account_id <> ALL (%(strangers)s)"
_FLOOR = "AND (due_at, mail_id) > (%(floor_at)s, %(floor_id)s)"
# As text: the drain needs no UUID, which psycopg2 would make for each mail.
_TEXTS = {"public_id": "encode(uuid_send(public_id), 'hex')"}
_COLUMNS = ", ".join(_TEXTS.get(name, name) for name in Claimed._fields)


def claim(order: Order, now: datetime) -> Batch | None:
    """Move up to `order.size` due mails to `sending` under a new lease, oldest first; None when none is due."""
    scope = [_SCOPES[order.lane], _ACCOUNTS if order.accounts else "", _STRANGERS if order.strangers else ""]
    statement = _CLAIM.format(scope=" ".join(scope), floor=_FLOOR if order.floor else "", columns=_COLUMNS)
    floor_at, floor_id = order.floor or (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "lane": order.lane,
                "provider": order.provider,
                "spooler": order.spooler_id,
                "halted": list(order.halted),
                "accounts": list(order.accounts),
                "strangers": list(order.strangers),
                "now": now,
                "floor_at": floor_at,
                "floor_id": floor_id,
                "size": order.size,
                "worker": order.worker.name,
                "host": order.worker.host,
                "boot": order.worker.boot,
                "lease": order.lease_seconds,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    return Batch(rows[0][0], [Claimed(*row[1:]) for row in rows])


_SETTLE = f"""
WITH result AS (
    SELECT m AS mail_id, c AS claim_id, s AS state, k AS kind, o AS code, r AS reply, t AS tries, d AS due_at,
        g AS give_up_at, p AS stage
    FROM json_to_recordset(%(results)s::json) AS r (
        m bigint, c bigint, s text, k text, o smallint, r text, t smallint, d timestamptz, g timestamptz, p text
    )
), moved AS (
    UPDATE spooling_mail AS mail SET
        state = result.state, claim_id = NULL, router_id = %(router)s, tries = mail.tries + result.tries,
        last_code = coalesce(result.code, mail.last_code),
        last_reply = CASE WHEN result.code IS NULL THEN mail.last_reply ELSE result.reply END,
        due_at = coalesce(result.due_at, mail.due_at),
        deferral = CASE WHEN result.kind = '' THEN mail.deferral
            ELSE mail.deferral %% 2 * 2 + (result.kind = 'tempfail')::int END,
        give_up_at = coalesce(mail.give_up_at, result.give_up_at),
        ended_at = CASE WHEN result.state IN ('waiting', 'in_doubt') THEN NULL ELSE %(now)s END
    FROM result
    WHERE mail.id = result.mail_id AND mail.claim_id = result.claim_id AND mail.state = 'sending'
    RETURNING mail.account_id, mail.domain_id, mail.spooler_id, mail.id AS mail_id, mail.provider,
        mail.lane, mail.due_at, mail.not_after,
        lower(split_part(mail.email, '@', -1)) AS destination, result.kind, result.state, 1 AS counts,
        CASE WHEN result.kind <> '' AND mail.deferral > 1 THEN 'tempfail' ELSE '' END AS ends,
        jsonb_strip_nulls(
            jsonb_build_object('code', result.code, 'reply', result.reply, 'stage', result.stage)
        ) AS detail
), pending AS (
    INSERT INTO spooling_pending (mail_id, account_id, spooler_id, lane, provider, state, due_at, not_after)
    SELECT mail_id, account_id, spooler_id, lane, provider, state, due_at, not_after
    FROM moved WHERE state IN ('waiting', 'in_doubt')
), happening AS (
    SELECT *, %(router_name)s::text AS router, %(now)s::timestamptz AS at FROM moved
    WHERE kind <> '' AND spooler_id NOT IN (SELECT id FROM spooling_spooler WHERE type = 'draft')
), told AS (
    {events.insert_from("happening")}
), delta AS (
    INSERT INTO spooling_ledgerdelta (
        account_id, spooler_id, at, sending, waiting, delivered, failed, blocked, quarantined, expired,
        cancelled, in_doubt, deferrals
    )
    SELECT account_id, spooler_id, %(now)s, -count(*),
        count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'delivered'),
        count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'blocked'),
        count(*) FILTER (WHERE state = 'quarantined'), count(*) FILTER (WHERE state = 'expired'),
        count(*) FILTER (WHERE state = 'cancelled'), count(*) FILTER (WHERE state = 'in_doubt'),
        count(*) FILTER (WHERE kind = 'tempfail')
    FROM moved GROUP BY account_id, spooler_id
)
SELECT count(*) FROM moved
"""


def settle(results: Sequence[Result], *, router_id: int | None, router_name: str, now: datetime) -> int:
    """Move claimed mails to where their results say, with events and ledger. Results of lost claims change nothing.

    Answers how many moved.
    """
    rows = [_result(result) for result in results]
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {"results": json.dumps(rows), "router": router_id, "router_name": router_name, "now": now},
        )
        return int(cursor.fetchone()[0])


def _result(result: Result) -> dict[str, object]:
    """By one letter a column, without what is null: the database has half as much text to read."""
    row: dict[str, object] = {
        "m": result.mail_id,
        "c": result.claim_id,
        "s": result.state,
        "k": result.kind,
        "t": result.tries,
    }
    if result.code is not None:
        row |= {"o": result.code, "r": result.reply}
    if result.due_at is not None:
        row["d"] = result.due_at.isoformat()
    if result.give_up_at is not None:
        row["g"] = result.give_up_at.isoformat()
    if result.stage is not None:
        row["p"] = result.stage
    return row
