"""Mails by the million, made in SQL from a pattern that was spooled as usual; the ledger is told."""

from django.db import connection, transaction
from django.utils import timezone

from earwig.models import Account
from spooling.models import Backlog, LedgerDelta, Mail, Pending, Spooler
from tests.benchmarks import campaign

#: What a mail is copied from.
PATTERN = 10_000
#: Ids of a UUID that ascend: ten million random ones would be written all over their index.
_COPY = """
INSERT INTO spooling_mail (public_id, {columns})
SELECT lpad(to_hex(nextval('bench_uuid')), 32, '0')::uuid, {values}
FROM generate_series(1, %(copies)s) AS copy CROSS JOIN spooling_mail
WHERE spooler_id = %(spooler)s AND id <= %(last)s ORDER BY copy, id
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'spooling_mail' AND indexname NOT IN (
    SELECT conname FROM pg_constraint WHERE conrelid = 'spooling_mail'::regclass
)
"""


def spool(account: Account, mails: int) -> Spooler:
    """A campaign with that many mails (a multiple of PATTERN), not launched."""
    made = campaign.spool(account, PATTERN)
    copies = mails // PATTERN - 1
    if copies:
        _copy(made, copies, {})
        _leave_pending(made)
        _book(made, spooled=copies * PATTERN, waiting=copies * PATTERN)
    campaign.settle_storage()
    return made


def settled(account: Account, mails: int) -> Spooler:
    """A campaign that was delivered long ago. Indexes are built behind the rows, which is quicker."""
    made = campaign.spool(account, PATTERN)
    Backlog.objects.filter(spooler=made).delete()
    Pending.objects.filter(spooler=made).delete()
    ended = {"state": "'delivered'", "ended_at": "now()", "router_id": "1", "tries": "1", "variables": "'{}'"}
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        _copy(made, mails // PATTERN, ended)
        for _, definition in indexes:
            cursor.execute(definition)
    Mail.objects.filter(spooler=made, state="waiting").delete()
    _book(made, spooled=mails - PATTERN, waiting=-PATTERN, delivered=mails)
    campaign.settle_storage()
    return made


@transaction.atomic
def _copy(made: Spooler, copies: int, changed: dict[str, str]) -> None:
    columns = [
        field.column for field in Mail._meta.concrete_fields if field.column not in ("id", "public_id")
    ]
    statement = _COPY.format(
        columns=", ".join(columns), values=", ".join(changed.get(column, column) for column in columns)
    )
    last = Mail.objects.filter(spooler=made).order_by("id").last().pk
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE IF NOT EXISTS bench_uuid")
        cursor.execute(statement, {"copies": copies, "spooler": made.pk, "last": last})


def _leave_pending(made: Spooler) -> None:
    columns = ", ".join(field.column for field in Pending._meta.concrete_fields if not field.primary_key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO spooling_pending (mail_id, {columns}) SELECT id, {columns} FROM spooling_mail"
            " WHERE spooler_id = %s ON CONFLICT DO NOTHING",
            [made.pk],
        )


def _book(made: Spooler, **counts: int) -> None:
    LedgerDelta.objects.create(spooler=made, account_id=made.account_id, at=timezone.now(), **counts)
