"""Claims of dead, overtaken and lost workers, and the journals that tell what they did."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import control, hosts, ledger
from spooling.delivery import journal, salvage
from spooling.delivery.journal import Answer
from spooling.models import Claim, Mail
from spooling.outbox import claims, rescue
from spooling.outbox.values import Order
from stats.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


def states():
    return dict(Mail.objects.values_list("email", "state"))


def claim_for_a_worker(worker):
    order = Order(lane="transactional", provider="other", worker=worker, size=500, lease_seconds=60)
    return claims.claim(order, now=timezone.now())


def test_rescue_settles_the_answered_doubts_the_begun_and_returns_the_rest(account, spool):
    spool(*(f"{n}@x.example" for n in range(5)))
    worker = hosts.new_worker()
    dead = journal.Journal(hosts.journals(), worker.name)
    ids = sorted(mail.id for mail in claim_for_a_worker(worker).mails)
    dead.append(ids[:4], [])
    dead.append([], [Answer(ids[0], "d", 250), Answer(ids[1], "p", 550), Answer(ids[2], "t", 451)])
    dead.close()

    salvage.rescue_host(hosts.new_worker(), now=timezone.now())

    found = dict(Mail.objects.values_list("id", "state"))
    assert [found[mail_id] for mail_id in ids] == ["delivered", "failed", "waiting", "in_doubt", "waiting"]
    assert Event.objects.get(kind="in_doubt").mail_id == ids[3]
    assert not Claim.objects.exists() and not dead.path.exists()
    figures = ledger.of_account(account.pk)
    assert ledger.adds_up(figures) and figures == ledger.recount(Mail.objects.first().spooler_id)


def test_a_living_worker_is_not_rescued_from_before_its_lease_ends(spool):
    spool("a@x.example")
    worker = hosts.new_worker()
    living = journal.Journal(hosts.journals(), worker.name)
    claim_for_a_worker(worker)

    assert salvage.rescue_host(hosts.new_worker(), now=timezone.now()) == 0
    assert states() == {"a@x.example": "sending"}

    Claim.objects.update(leased_until=timezone.now() - timedelta(seconds=30))
    assert salvage.rescue_host(hosts.new_worker(), now=timezone.now()) == 1
    assert states() == {"a@x.example": "waiting"}
    living.discard()


def test_a_claim_whose_journal_is_gone_is_in_doubt_as_a_whole(spool):
    spool("a@x.example", "b@x.example")
    claim_for_a_worker(hosts.new_worker())

    salvage.rescue_host(hosts.new_worker(), now=timezone.now())

    assert set(states().values()) == {"in_doubt"}


def test_a_claim_of_an_earlier_boot_is_in_doubt_as_a_whole(spool):
    spool("a@x.example")
    worker = hosts.new_worker()
    dead = journal.Journal(hosts.journals(), worker.name)
    claim_for_a_worker(worker)
    Claim.objects.update(boot="another")
    dead.close()

    salvage.rescue_host(hosts.new_worker(), now=timezone.now())

    assert states() == {"a@x.example": "in_doubt"}


def test_a_lost_hosts_claims_are_in_doubt_only_after_a_quarter_of_an_hour(spool):
    spool("a@x.example")
    claim_for_a_worker(hosts.new_worker())
    Claim.objects.update(host="elsewhere", leased_until=timezone.now() - timedelta(minutes=10))

    assert salvage.rescue_host(hosts.new_worker(), now=timezone.now()) == 0
    assert rescue.doubt_lost_hosts(now=timezone.now()) == 0
    Claim.objects.update(leased_until=timezone.now() - timedelta(minutes=16))
    assert rescue.doubt_lost_hosts(now=timezone.now()) == 0
    assert rescue.doubt_lost_hosts(now=timezone.now() + timedelta(seconds=60)) == 1

    assert states() == {"a@x.example": "in_doubt"}


def test_a_host_that_was_missed_and_came_back_is_given_as_long_again(spool):
    spool("a@x.example")
    claim_for_a_worker(hosts.new_worker())
    now = timezone.now()
    missed = {"missed_at": now - timedelta(hours=2), "leased_until": now - timedelta(hours=1)}
    Claim.objects.update(host="elsewhere", **missed)

    assert rescue.doubt_lost_hosts(now=now) == 0
    assert rescue.doubt_lost_hosts(now=now + timedelta(seconds=60)) == 1


def test_a_claim_that_is_long_overdue_is_resolved_by_its_journal_where_there_is_one(spool):
    spool("a@x.example")
    worker = hosts.new_worker()
    dead = journal.Journal(hosts.journals(), worker.name)
    claim_for_a_worker(worker)
    Claim.objects.update(leased_until=timezone.now() - timedelta(hours=1))
    dead.close()

    control.tidy(now=timezone.now())

    assert states() == {"a@x.example": "waiting"}


def test_journals_of_workers_that_died_idle_are_removed_and_no_others(spool):
    spool("a@x.example")
    idle, claimed, young, living = (hosts.new_worker() for _ in range(4))
    journals = {
        worker: journal.Journal(hosts.journals(), worker.name) for worker in (idle, claimed, young, living)
    }
    claim_for_a_worker(claimed)
    for worker in (idle, claimed, living):
        os.utime(journals[worker].path, (0, 0))
    for worker in (idle, claimed, young):
        journals[worker].close()

    salvage.sweep(hosts.new_worker(), now=timezone.now())

    left = {worker.name for worker, each in journals.items() if each.path.exists()}
    assert left == {claimed.name, young.name, living.name}
    journals[living].discard()
