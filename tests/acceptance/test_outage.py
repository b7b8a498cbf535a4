import pytest
from django.db import OperationalError

from spooling.outbox import dialect

MAIL = {"from": "a@x.example", "to": ["b@x.example"], "text": "x"}


@pytest.fixture
def lost_database(monkeypatch):
    def lose(*_):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(dialect.current(), "insert", lose)


def test_a_lost_database_is_503_with_a_time_to_retry(client, key, lost_database):
    answer = client.post(
        "/api/v1/mails/", MAIL, "application/json", headers={"Authorization": f"Token {key}"}
    )

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["errors"][0]["code"] == "unavailable"
