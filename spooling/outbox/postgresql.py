"""The outbox's statements on PostgreSQL: each verb is one statement, so one round trip and one commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection

from spooling.outbox.drafts import NewContent, NewSubmission

if TYPE_CHECKING:
    from spooling.outbox.intake import Row

# The contents' ids are drawn before the rows are written: RETURNING does not say which source row it answers for.
_INSERT = """
WITH submission AS (
    INSERT INTO spooling_submission
        (public_id, account_id, api_key_id, wire, client_reference, tags, metadata, created_at)
    VALUES (gen_random_uuid(), %(account)s, %(api_key)s, %(wire)s, %(reference)s, %(tags)s, %(metadata)s, %(now)s)
    RETURNING id
), drawn AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('spooling_content', 'id')) AS id, c.*
    FROM json_to_recordset(%(contents)s::json) AS c (
        n int, subject text, from_name text, from_email text, reply_to jsonb, "to" jsonb, cc jsonb, text text,
        html text, headers jsonb, template_language text, language text
    )
), content AS (
    INSERT INTO spooling_content (
        id, account_id, subject, from_name, from_email, reply_to, "to", cc, text, html, headers,
        template_language, language, created_at
    )
    SELECT id, %(account)s, subject, from_name, from_email, reply_to, "to", cc, text, html, headers,
        template_language, language, %(now)s
    FROM drawn
), mail AS (
    INSERT INTO spooling_mail (
        public_id, account_id, spooler_id, submission_id, content_id, domain_id, attempt_id, lane, email, name,
        variables, provider, state, due_at, not_after, tries, last_reply, bounce_class, created_at
    )
    SELECT m.public_id, %(account)s, m.spooler_id, submission.id, drawn.id, m.domain_id, m.attempt_id, m.lane,
        m.email, m.name, m.variables, m.provider, 'waiting', m.due_at, m.not_after, 0, '', '', %(now)s
    FROM json_to_recordset(%(mails)s::json) AS m (
        n int, public_id uuid, spooler_id bigint, domain_id bigint, attempt_id bigint, lane text, email text,
        name text, variables jsonb, provider text, due_at timestamptz, not_after timestamptz
    ) JOIN drawn ON drawn.n = m.n CROSS JOIN submission
    RETURNING id, public_id, content_id, spooler_id
), delta AS (
    INSERT INTO spooling_ledgerdelta (account_id, spooler_id, at, spooled, waiting)
    SELECT %(account)s, spooler_id, %(now)s, count(*), count(*) FROM mail GROUP BY spooler_id
)
SELECT mail.id, mail.public_id, drawn.n, drawn.id FROM mail JOIN drawn ON drawn.id = mail.content_id
"""


def insert(
    submission: NewSubmission, contents: Sequence[NewContent], rows: Sequence[Row], now: datetime
) -> tuple[dict[str, int], list[int]]:
    """Store everything; answers mail ids by public id (hex), and the contents' ids in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "account": submission.account_id,
                "api_key": submission.api_key_id,
                "wire": submission.wire,
                "reference": submission.client_reference,
                "tags": json.dumps(submission.tags),
                "metadata": json.dumps(submission.metadata),
                "now": now,
                "contents": json.dumps([_content(n, content) for n, content in enumerate(contents)]),
                "mails": json.dumps([_mail(row) for row in rows]),
            },
        )
        answers = cursor.fetchall()
    content_ids = [0] * len(contents)
    for _, _, number, content_id in answers:
        content_ids[number] = content_id
    return {public_id.hex: mail_id for mail_id, public_id, _, _ in answers}, content_ids


def _content(number: int, content: NewContent) -> dict[str, object]:
    return {
        "n": number,
        "subject": content.subject,
        "from_name": content.from_name,
        "from_email": content.from_email,
        "reply_to": content.reply_to,
        "to": content.to,
        "cc": content.cc,
        "text": content.text,
        "html": content.html,
        "headers": content.headers,
        "template_language": content.template_language,
        "language": content.language,
    }


def _mail(row: Row) -> dict[str, object]:
    return {
        "n": row.send,
        "public_id": row.public_id,
        "spooler_id": row.spooler_id,
        "domain_id": row.domain_id,
        "attempt_id": row.mail.attempt_id,
        "lane": row.lane,
        "email": row.mail.email,
        "name": row.mail.name,
        "variables": row.mail.variables,
        "provider": row.provider,
        "due_at": row.due_at.isoformat(),
        "not_after": row.not_after.isoformat() if row.not_after else None,
    }
