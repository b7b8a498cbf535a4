from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import ledger
from spooling.models import LedgerDelta, Mail
from spooling.outbox import moves

pytestmark = pytest.mark.django_db


def test_merging_old_increments_keeps_every_sum(account, spool):
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
