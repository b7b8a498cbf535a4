"""A prepared statement belongs to a session: it outlives a rollback, and a new session prepares it anew."""

import pytest
from django.db import connection, transaction

from spooling.outbox import prepared

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def statement():
    return prepared.Statement("sum_of_two", "SELECT %(a)s + %(b)s", {"a": "int", "b": "int"})


def _run(statement):
    with connection.cursor() as cursor:
        statement.execute(cursor, {"a": 2, "b": 3})
        return cursor.fetchone()[0]


def test_it_outlives_a_rollback(statement):
    with transaction.atomic():
        assert _run(statement) == 5
        transaction.set_rollback(True)
    assert _run(statement) == 5


def test_a_new_session_prepares_it_again(statement):
    assert _run(statement) == 5
    connection.close()
    assert _run(statement) == 5


def test_behind_a_pooler_nothing_is_prepared(statement, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert _run(statement) == 5
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = 'sum_of_two'")
        assert cursor.fetchone()[0] == 0
