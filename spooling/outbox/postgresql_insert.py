"""How new mails are stored on PostgreSQL: all of a call in one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from spooling.outbox import columns, contents, prepared, public_ids
from spooling.outbox.drafts import NewSubmission, Placed
from stats import events

# The contents' ids are drawn before the rows are written: RETURNING does not say which source row it answers for.
_TEMPLATE = r"""
WITH submission AS (
    INSERT INTO spooling_submission
        (public_id, account_id, api_key_id, wire, client_reference, tags, metadata, created_at)
    {calls}
), drawn AS MATERIALIZED (
    SELECT coalesce(c.content_id, nextval(pg_get_serial_sequence('spooling_content', 'id'))) AS id, c.*
    FROM json_to_recordset(%(contents)s::json) AS c (
        n int, content_id bigint, subject text, from_name text, from_email text, reply_to jsonb, "to" jsonb,
        cc jsonb, text text, html text, headers jsonb, template_language text, language text,
        spooler_id bigint, domain_id bigint, lane text, due_at timestamptz, not_after timestamptz,
        base_id bigint, to_name text, variables jsonb, tracked boolean,
        track_opens boolean, track_clicks boolean, unsubscribe_id bigint{call}
    )
), content AS (
    INSERT INTO spooling_content (
        id, account_id, subject, from_name, from_email, reply_to, "to", cc, text, html, headers,
        template_language, language, base_id, to_name, variables, tracked, track_opens, track_clicks,
        unsubscribe_id, created_at
    )
    SELECT id, %(account)s, subject, from_name, from_email, reply_to, "to", cc, text, html, headers,
        template_language, language, base_id, to_name, variables, tracked, track_opens, track_clicks,
        unsubscribe_id, %(now)s
    FROM drawn WHERE content_id IS NULL
), mail AS (
    INSERT INTO spooling_mail (
        public_id, account_id, spooler_id, submission_id, content_id, domain_id, attempt_id, lane, email, name,
        variables, tags, provider, state, due_at, not_after, tries, last_reply, bounce_class, created_at, ended_at
    )
    SELECT m.public_id::uuid, %(account)s, drawn.spooler_id, submission.id, drawn.id, drawn.domain_id,
        m.attempt_id::bigint, drawn.lane, m.email, m.name, m.variables, {tags}, m.provider, {state},
        drawn.due_at, drawn.not_after, 0, {reply}, '', %(now)s, {ended_at}
    FROM ROWS FROM (
        string_to_table(%(ids)s, E'\n'), string_to_table(%(sends)s, E'\n'), json_array_elements_text(%(emails)s),
        json_array_elements_text(%(names)s), string_to_table(%(variables)s, E'\n'),
        string_to_table(%(providers)s, E'\n'), string_to_table(%(attempts)s, E'\n', ''){more_values}
    ) WITH ORDINALITY AS m (public_id, n, email, name, variables, provider, attempt_id, {more_names}i)
    JOIN drawn ON drawn.n = m.n::int {of_call}
    ORDER BY m.i
    RETURNING id, domain_id, spooler_id, lane, provider, state, due_at, not_after, last_reply,
        lower(split_part(email, '@', -1)) AS destination
), pending AS (
    INSERT INTO spooling_pending (mail_id, account_id, spooler_id, lane, provider, state, due_at, not_after)
    SELECT id, %(account)s, spooler_id, lane, provider, state, due_at, not_after FROM mail WHERE state = 'waiting'
), happening AS (
    SELECT %(account)s AS account_id, domain_id, spooler_id, id AS mail_id, destination, provider, '' AS router,
        lane, 'spooled' AS kind, %(now)s AS at, 1 AS counts, '' AS ends, '{}'::jsonb AS detail
    FROM mail WHERE {told}
    {blocked}
), told AS (
    {events}
), delta AS (
    INSERT INTO spooling_ledgerdelta (account_id, spooler_id, at, spooled, waiting, blocked)
    SELECT %(account)s, spooler_id, %(now)s, count(*), count(*) FILTER (WHERE state = 'waiting'),
        count(*) FILTER (WHERE state = 'blocked')
    FROM mail GROUP BY spooler_id
)
SELECT ARRAY(SELECT id FROM mail ORDER BY id), ARRAY(SELECT id FROM drawn WHERE content_id IS NULL ORDER BY n)
"""
#: All sends are of one call, or each of one of several.
_ONE_CALL = {
    "{calls}": """VALUES (
        %(submission)s, %(account)s, %(api_key)s, %(wire)s, %(reference)s, %(tags)s, %(metadata)s, %(now)s
    ) RETURNING id""",
    "{call}": "",
    "{of_call}": "CROSS JOIN submission",
}
_SEVERAL_CALLS = {
    "{calls}": """SELECT public_id, %(account)s, %(api_key)s, %(wire)s, %(reference)s, %(tags)s, %(metadata)s, %(now)s
    FROM unnest(%(submission)s::uuid[]) AS public_id
    RETURNING id, public_id""",
    "{call}": ", submission uuid",
    "{of_call}": "JOIN submission ON submission.public_id = drawn.submission",
}
#: Where each mail is waiting and has no tags, which nearly all are: a twentieth less of the database's time.
_ORDINARY = {
    "{tags}": "NULL",
    "{state}": "'waiting'",
    "{reply}": "''",
    "{ended_at}": "NULL::timestamptz",
    "{more_values}": "",
    "{more_names}": "",
    "{blocked}": "",
}
_ANY = {
    "{tags}": "m.tags",
    "{state}": "CASE WHEN m.suppressed IS NULL THEN 'waiting' ELSE 'blocked' END",
    "{reply}": "coalesce('suppressed: ' || m.suppressed, '')",
    "{ended_at}": "CASE WHEN m.suppressed IS NOT NULL THEN %(now)s END",
    "{more_values}": r""",
        string_to_table(%(mail_tags)s, E'\n', ''), string_to_table(%(suppressed)s, E'\n', '')""",
    "{more_names}": "tags, suppressed, ",
    "{blocked}": """UNION ALL
    SELECT %(account)s, domain_id, spooler_id, id, destination, provider, '', lane, 'blocked', %(now)s, 1, '',
        jsonb_build_object('why', last_reply)
    FROM mail WHERE state = 'blocked' AND {told}""",
}
_TYPES = {
    "submission": "uuid",
    "account": "bigint",
    "api_key": "bigint",
    "wire": "text",
    "reference": "text",
    "tags": "jsonb",
    "metadata": "jsonb",
    "now": "timestamptz",
    "contents": "json",
    "ids": "text",
    "sends": "text",
    "emails": "json",
    "names": "json",
    "variables": "text",
    "providers": "text",
    "attempts": "text",
}


_SHARED = {
    "{events}": events.insert_from("happening"),
    # Of a draft no event tells. Looked up by the spoolers of the call, so it costs nothing by the mail.
    "{told}": """spooler_id <> ALL (ARRAY(
        SELECT id FROM spooling_spooler
        WHERE type = 'draft' AND id = ANY (ARRAY(SELECT spooler_id FROM drawn))
    ))""",
}


def _filled(pieces: dict[str, str]) -> str:
    sql = _TEMPLATE
    for name, piece in (pieces | _SHARED).items():
        sql = sql.replace(name, piece)
    return sql


_STORE = prepared.Statement("earwig_store", _filled(_ORDINARY | _ONE_CALL), _TYPES)
_STORE_ANY = prepared.Statement(
    "earwig_store_any", _filled(_ANY | _ONE_CALL), _TYPES | {"mail_tags": "text", "suppressed": "text"}
)
_STORE_SEVERAL = prepared.Statement(
    "earwig_store_several",
    _filled(_ANY | _SEVERAL_CALLS),
    _TYPES | {"mail_tags": "text", "suppressed": "text", "submission": "uuid[]"},
)


def insert(submission: NewSubmission, sends: Sequence[Placed], now: datetime) -> tuple[list[int], list[int]]:
    """Store everything; answers the ids of the mails and of the new contents, in order."""
    several = len({send.call for send in sends}) > 1
    ordinary = not several and not any(mail.tags or mail.suppressed for send in sends for mail in send.mails)
    statement = _STORE_SEVERAL if several else _STORE if ordinary else _STORE_ANY
    calls = public_ids.draw(1 + max(send.call for send in sends), now=now) if several else []
    with connection.cursor() as cursor:
        statement.execute(
            cursor,
            {
                "submission": _array(calls, sends) if several else public_ids.draw(1, now=now)[0],
                "account": submission.account_id,
                "api_key": submission.api_key_id,
                "wire": submission.wire,
                "reference": submission.client_reference,
                "tags": json.dumps(submission.tags),
                "metadata": json.dumps(submission.metadata),
                "now": now,
                "contents": json.dumps([_content(number, send, calls) for number, send in enumerate(sends)]),
            }
            | columns.of(sends)
            | ({} if ordinary else columns.exceptions(sends)),
        )
        # The rows were written in their order, so their ids ascend in it.
        mail_ids, content_ids = cursor.fetchone()
    return mail_ids, content_ids


def _array(calls: Sequence[str], sends: Sequence[Placed]) -> str:
    """The public ids of the calls that have sends, as PostgreSQL writes an array."""
    return f"{{{','.join(calls[number] for number in {send.call for send in sends})}}}"


def _content(number: int, send: Placed, calls: Sequence[str]) -> dict[str, object]:
    """A content, new or stored, and what all mails of its send share."""
    shared: dict[str, object] = {
        "n": number,
        "content_id": send.content_id,
        "spooler_id": send.spooler_id,
        "domain_id": send.domain_id,
        "lane": send.lane,
        "due_at": send.due_at.isoformat(),
        "not_after": send.not_after.isoformat() if send.not_after else None,
    }
    if calls:
        shared["submission"] = calls[send.call]
    return shared if send.content is None else shared | contents.said(send.content)


_DETAILS = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(%(contents)s::bigint[], %(digests)s::text[], %(raws)s::bytea[], %(handlings)s::text[])
        AS given (content_id, digest, raw, handling)
), stored AS (
    INSERT INTO spooling_attachment (account_id, digest, data)
    SELECT %(account)s, digest, raw FROM given WHERE raw <> '' RETURNING id, digest
)
UPDATE spooling_content SET raw_id = stored.id, handling = nullif(given.handling, '')::jsonb
FROM given LEFT JOIN stored USING (digest) WHERE spooling_content.id = given.content_id
"""


def insert_details(account_id: int, details: Sequence[contents.Detail]) -> None:
    """Store the messages and the handling of contents that were stored in this transaction."""
    content_ids, digests, raws, handlings = map(list, zip(*details, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _DETAILS,
            {
                "account": account_id,
                "contents": content_ids,
                "digests": digests,
                "raws": raws,
                "handlings": handlings,
            },
        )
