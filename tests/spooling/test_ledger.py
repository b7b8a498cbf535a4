from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from spooling import ledger
from spooling.models import LedgerDelta, Mail
from spooling.outbox import moves

pytestmark = pytest.mark.django_db


def test_merging_old_increments_keeps_every_sum(account, spool, monkeypatch):
    monkeypatch.setattr(ledger, "MERGED_TOGETHER", 3)
    now = timezone.now()
    for minute in range(5):
        spool("a@x.example", now=now - timedelta(hours=30, minutes=minute))
    moves.cancel(Mail.objects.first(), now=now - timedelta(hours=30))
    spool("fresh@x.example", now=now)
    before = ledger.of_account(account.pk)

    gone = ledger.merge(now=now)

    assert gone >= 4
    assert ledger.of_account(account.pk) == before
    assert before["cancelled"] == 1 and before["waiting"] == 5
    assert LedgerDelta.objects.filter(at__gt=now - timedelta(hours=1)).count() == 1


def test_the_recount_from_the_rows_equals_the_ledger(account, spool):
    spool("a@x.example", "b@x.example")
    moves.cancel(Mail.objects.first(), now=timezone.now())
    spooler_id = Mail.objects.first().spooler_id

    assert ledger.recount(spooler_id) == ledger.of_spooler(spooler_id)


@pytest.mark.django_db(transaction=True)
def test_the_command_shows_a_balanced_ledger_and_exits_1_on_a_wrong_one(spool, capsys):
    spool("a@x.example", "b@x.example")

    call_command("ledger")
    assert "acme spooled=2 waiting=2 balanced" in capsys.readouterr().out

    Mail.objects.filter(email="a@x.example").delete()
    with pytest.raises(SystemExit):
        call_command("ledger")
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_command_knows_no_other_spooler():
    with pytest.raises(CommandError):
        call_command("ledger", "nobody")


def test_increments_some_minutes_old_are_merged_by_the_minute(account, spool):
    now = timezone.now().replace(second=30)
    for second in range(5):
        spool("a@x.example", now=now - timedelta(minutes=10, seconds=second))
    spool("fresh@x.example", now=now)
    before = ledger.of_account(account.pk)

    assert ledger.merge(now=now) == 4

    assert ledger.of_account(account.pk) == before
    assert LedgerDelta.objects.count() == 2
