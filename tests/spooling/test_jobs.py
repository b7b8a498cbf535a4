from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import errors, jobs, ledger, spoolers
from spooling.campaigns import retries
from spooling.models import JobRequest, Mail
from spooling.outbox import moves
from spooling.stages import requests
from stats.models import Event
from tests.threads import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def fail(campaign, spool):
    """Call with a number and a state to leave that many mails of the campaign in it."""

    def call(number, state="failed", ended_at=None):
        addresses = [f"{state}{n}@x.example" for n in range(number)]
        accepted = spool(*addresses, lane="bulk", spooler_id=campaign.pk)
        ids = [mail.id for mail in accepted]
        end(ids, state, ended_at)
        return ids

    return call


def end(ids, state, ended_at=None):
    target = moves.MailState(state)
    move = moves.Move(source=moves.MailState.WAITING, target=target, kind="failed", why="it had to")
    assert moves.apply(move, ids, now=ended_at or timezone.now()) == len(ids)


def states():
    return list(Mail.objects.order_by("id").values_list("state", flat=True))


def requeued():
    return Event.objects.filter(kind="requeued").count()


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(moves, "SWEEP_SIZE", 3)


@pytest.fixture
def slow(monkeypatch, small_slices):
    """One slice a tick."""
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)


def test_what_failed_was_held_or_is_in_doubt_waits_again_and_nothing_else(campaign, spool, fail):
    fail(2)
    fail(1, "quarantined")
    fail(1, "in_doubt")
    fail(1, "delivered")
    fail(1, "blocked")
    elsewhere = spool("a@x.example")[0].id
    end([elsewhere], "failed")
    job = retries.ask(campaign, now=timezone.now())
    assert (job.state, job.total) == ("waiting", 4)

    jobs.run_due(now=timezone.now())

    assert states() == ["waiting"] * 4 + ["delivered", "blocked", "failed"]
    job.refresh_from_db()
    assert (job.state, job.progress, job.result) == ("done", 4, {"retried": 4})
    assert job.ended_at and job.leased_until is None
    assert ledger.recount(campaign.pk) == ledger.of_spooler(campaign.pk)


def test_a_spooler_without_mail_is_done_at_once(campaign):
    job = retries.ask(campaign, now=timezone.now())

    jobs.run_due(now=timezone.now())

    job.refresh_from_db()
    assert (job.state, job.total, job.result) == ("done", 0, {"retried": 0})


def test_a_tick_does_a_bounded_part_and_says_how_far_it_is(campaign, fail, slow):
    fail(7)
    job = retries.ask(campaign, now=timezone.now())

    seen = []
    for _ in range(3):
        jobs.run_due(now=timezone.now())
        job.refresh_from_db()
        seen.append((job.state, job.progress))

    assert seen == [("running", 3), ("running", 6), ("done", 7)]


def test_one_turn_takes_as_many_slices_as_fit(campaign, fail, small_slices):
    fail(10)
    job = retries.ask(campaign, now=timezone.now())

    jobs.run_due(now=timezone.now())

    job.refresh_from_db()
    assert (job.state, job.progress) == ("done", 10)


def test_one_turn_takes_as_many_jobs_as_fit(campaign):
    for _ in range(4):
        retries.ask(campaign, now=timezone.now())
    jobs.run_due(now=timezone.now())
    assert JobRequest.objects.filter(state="done").count() == 4


def test_an_account_that_asks_for_much_keeps_no_other_waiting(account, other_account, slow):
    for _ in range(50):
        requests.ask_measure(account.pk, now=timezone.now())
    asked = requests.ask_measure(other_account.pk, now=timezone.now())
    for _ in range(40):
        jobs.run_due(now=timezone.now())
    asked.refresh_from_db()
    assert asked.state == "done"


@pytest.mark.parametrize("state", ["failed", "quarantined", "in_doubt"])
def test_what_fails_again_while_the_job_runs_is_not_retried_by_it_twice(campaign, fail, slow, state):
    ids = fail(5, state)
    retries.ask(campaign, now=timezone.now())
    jobs.run_due(now=timezone.now())
    end(ids[:3], state)

    for _ in range(3):
        jobs.run_due(now=timezone.now())

    assert states() == [state] * 3 + ["waiting"] * 2
    assert requeued() == 5


def test_what_fails_after_the_request_is_not_part_of_it(campaign, fail):
    now = timezone.now()
    fail(1, ended_at=now - timedelta(minutes=1))
    late = fail(1, ended_at=now + timedelta(minutes=1))
    retries.ask(campaign, now=now)
    fail(1, "in_doubt")

    jobs.run_due(now=now + timedelta(minutes=2))

    assert states() == ["waiting", "failed", "in_doubt"]
    assert Mail.objects.get(pk=late[0]).state == "failed"


def test_an_erased_mail_has_nobody_to_go_to_and_stays(campaign, fail):
    fail(1)
    Mail.objects.update(erased_at=timezone.now(), email="")
    retries.ask(campaign, now=timezone.now())

    jobs.run_due(now=timezone.now())

    assert states() == ["failed"]


def test_a_cancelled_spooler_is_not_retried(campaign, fail):
    fail(1)
    spoolers.cancel(campaign, now=timezone.now())

    with pytest.raises(errors.SpoolerStateConflict):
        retries.ask(campaign, now=timezone.now())


def test_a_job_whose_spooler_is_cancelled_meanwhile_fails_and_says_why(campaign, fail, slow):
    fail(5)
    job = retries.ask(campaign, now=timezone.now())
    jobs.run_due(now=timezone.now())
    spoolers.cancel(campaign, now=timezone.now())

    jobs.run_due(now=timezone.now())

    job.refresh_from_db()
    assert (job.state, job.progress, job.result["code"]) == ("failed", 3, "spooler_state_conflict")
    assert job.result["message"] and job.ended_at


def test_nobody_else_works_on_a_job_before_its_lease_ends(campaign, fail):
    fail(1)
    job = retries.ask(campaign, now=timezone.now())
    now = timezone.now()
    JobRequest.objects.update(state="running", leased_until=now + timedelta(seconds=5))

    jobs.run_due(now=now)
    assert states() == ["failed"]

    jobs.run_due(now=now + timedelta(seconds=5))
    assert states() == ["waiting"]
    job.refresh_from_db()
    assert job.state == "done"


class Crash(BaseException):
    pass


def test_a_crash_in_a_slice_loses_nothing_and_repeats_nothing(campaign, fail, small_slices, monkeypatch):
    fail(7)
    job = retries.ask(campaign, now=timezone.now())
    honest, calls = moves.retry, []

    def crash_in_the_second(*args, **kwargs):
        moved = honest(*args, **kwargs)
        calls.append(moved)
        if len(calls) == 2:
            raise Crash
        return moved

    monkeypatch.setattr(moves, "retry", crash_in_the_second)
    now = timezone.now()
    with pytest.raises(Crash):
        jobs.run_due(now=now)
    job.refresh_from_db()
    assert (job.state, job.progress) == ("running", 3)
    assert states() == ["waiting"] * 3 + ["failed"] * 4

    jobs.run_due(now=now + jobs.LEASE)

    job.refresh_from_db()
    assert (job.state, job.progress, requeued()) == ("done", 7, 7)
    assert ledger.recount(campaign.pk) == ledger.of_spooler(campaign.pk)


def test_a_job_that_breaks_every_turn_is_given_up(campaign, fail, monkeypatch):
    fail(2)
    job = retries.ask(campaign, now=timezone.now())

    def explode(job, now):
        raise RuntimeError

    monkeypatch.setitem(jobs.WORK, job.kind, explode)
    now = timezone.now()
    for turn in range(jobs.MOST_BROKEN_TURNS):
        with pytest.raises(RuntimeError):
            jobs.run_due(now=now + turn * 2 * jobs.LEASE)
    jobs.run_due(now=now + jobs.MOST_BROKEN_TURNS * 2 * jobs.LEASE)

    job.refresh_from_db()
    assert (job.state, job.result["code"]) == ("failed", "broken")


def test_jobs_take_turns(account, campaign, fail, spool, slow):
    fail(9)
    now = timezone.now()
    first = retries.ask(campaign, now=now)
    other = spoolers.open_campaign(account, name="autumn", now=now)
    end([mail.id for mail in spool(*["a@x.example"] * 4, lane="bulk", spooler_id=other.pk)], "failed", now)
    second = retries.ask(other, now=now)

    order = []
    for seconds in range(1, 6):
        before = dict(JobRequest.objects.values_list("id", "progress"))
        jobs.run_due(now=now + timedelta(seconds=seconds))
        after = dict(JobRequest.objects.values_list("id", "progress"))
        order += [job_id for job_id in after if after[job_id] != before[job_id]]

    assert order == [first.pk, second.pk, first.pk, second.pk, first.pk]
    assert set(JobRequest.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_two_workers_never_retry_a_mail_twice(campaign, fail, small_slices):
    """One holds the job's row in its slice; the other waits for it and goes on behind it."""
    fail(9)
    job = retries.ask(campaign, now=timezone.now())
    JobRequest.objects.update(state="running")

    def work(_):
        while jobs._slice(job.pk, timezone.now()):
            pass

    together(2, work)
    job.refresh_from_db()
    assert (job.state, job.progress, requeued()) == ("done", 9, 9)
