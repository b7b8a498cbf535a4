"""A failure of ours is told to whom the mail's client named: once, and as its NOTIFY allows."""

from datetime import timedelta

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spooling import control, ledger, limits
from spooling.errors import LimitReached
from spooling.inbound import failures, passing
from spooling.models import Mail
from spooling.outbox import intake, moves
from stats import cursors, events
from stats.models import Event, Reader
from tests import costs, drains, event_horizon, outbox_states, threads
from tests.smtp_scripts import say
from tests.spooling.inbound.failing import ANN, delivered_reports, refuse, reports, tell, the_report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("handling", "told"),
    [
        ({"notify": ""}, 1),
        ({"notify": "FAILURE"}, 1),
        ({"notify": "SUCCESS,FAILURE"}, 1),
        ({"notify": "NEVER"}, 0),
        ({"notify": "SUCCESS,DELAY"}, 0),
        ({"envelope_sender": ""}, 0),
        ({"envelope_sender": "[erased]"}, 0),
        # Its server's own reports go there by themselves, and there is none of a failure with us.
        ({"track_bounces": False}, 1),
    ],
)
def test_they_are_told_who_want_to_hear_of_it(submit, handling, told):
    refuse(submit(**handling))
    assert tell() == told and reports().count() == told


def test_a_mail_without_handling_is_told_to_nobody(spool):
    (accepted,) = spool(ANN)
    refuse(Mail.objects.get(pk=accepted.id))
    assert tell() == 0


def test_a_report_that_fails_is_told_to_nobody(remote, submit):
    submit()
    drains.run("transactional")
    assert tell() == 1
    remote.script.choose = None
    remote.script.stages = {"rcpt": say("550 5.1.1 no owner either")}
    drains.run("transactional")
    assert reports().get().state == "failed"
    assert tell() == 0 and reports().count() == 1


def test_two_ticks_tell_once(submit):
    refuse(submit())
    event_horizon.wait()
    for _ in range(2):
        control.tick(now=timezone.now())
    assert reports().count() == 1


@pytest.mark.postgresql
def test_ticks_at_the_same_moment_tell_once(submit):
    for _ in range(20):
        refuse(submit())
    event_horizon.wait()
    threads.together(4, lambda _: failures.tell(now=timezone.now()))
    assert reports().count() == 20


def test_a_tick_that_is_killed_between_tells_once(submit, monkeypatch):
    for _ in range(3):
        refuse(submit())
    accept = intake.accept

    def killed(*args, **kwargs):
        accept(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(intake, "accept", killed)
        with pytest.raises(KeyboardInterrupt):
            tell()
    assert reports().count() == 0
    assert tell() == 3
    assert tell() == 0 and reports().count() == 3


@pytest.mark.parametrize("fault", [LimitReached(), DataError("no such text")])
def test_a_report_that_cannot_be_stored_stops_no_other(submit, monkeypatch, fault):
    mails = [submit() for _ in range(3)]
    for mail in mails:
        refuse(mail)
    accept = intake.accept

    def some(submission, sends, *, now):
        accepted = accept(submission, sends, now=now)
        if submission.client_reference == mails[1].public_id.hex:
            raise fault
        return accepted

    monkeypatch.setattr(intake, "accept", some)
    assert tell() == 2
    told = set(reports().values_list("submission__client_reference", flat=True))
    assert told == {mails[0].public_id.hex, mails[2].public_id.hex}
    assert tell() == 0


def test_a_report_that_cannot_be_made_stops_no_other(submit):
    mails = [submit(), submit(envelope_sender="no address"), submit()]
    for mail in mails:
        refuse(mail)
    assert tell() == 2


def test_a_tick_ends_in_time_and_the_next_goes_on(submit, monkeypatch):
    for _ in range(3):
        refuse(submit())
    monkeypatch.setattr(failures, "SECONDS", 0.0)
    assert [tell() for _ in range(4)] == [1, 1, 1, 0]
    assert len(set(reports().values_list("submission__client_reference", flat=True))) == 3


def test_where_the_accounts_limit_is_reached_nobody_is_told(submit, account):
    refuse(submit())
    account.mails_per_hour = 1
    account.save()
    limits._rooms.clear()
    assert tell() == 0


def test_a_mail_that_was_cancelled_is_told_to_nobody(submit):
    mail = submit()
    moves.cancel(mail, now=timezone.now())
    assert tell() == 0


def test_a_mail_that_waits_again_is_not_told(submit):
    mail = submit()
    refuse(mail)
    assert moves.retry(Mail.objects.filter(pk=mail.pk), why="by hand", now=timezone.now()) == 1
    assert tell() == 0
    refuse(mail)
    assert tell() == 1


def test_a_mail_that_failed_twice_before_anybody_looked_is_told_once(remote, submit):
    mail = submit()
    refuse(mail, reply="5.1.1 the first")
    moves.retry(Mail.objects.filter(pk=mail.pk), why="by hand", now=timezone.now())
    refuse(mail, reply="5.7.1 the last")
    assert tell() == 1
    assert the_report(remote).of_recipient["Status"] == "5.7.1"


def test_a_mail_that_fails_again_and_again_is_told_so_often_and_no_more(submit):
    mail = submit()
    for _ in range(passing.MOST_PASSED + 2):
        refuse(mail)
        tell()
    assert reports().count() == passing.MOST_PASSED


def test_a_new_reader_tells_nothing_of_long_ago(submit):
    mail = submit()
    refuse(mail)
    Event.objects.update(at=timezone.now() - timedelta(hours=2))
    assert tell() == 0
    refuse(submit())
    assert tell() == 1


def test_an_erased_mail_is_told_to_nobody(submit):
    mail = submit()
    refuse(mail)
    Mail.objects.update(erased_at=timezone.now(), email="")
    assert tell() == 0


def test_bulk_mail_is_told_by_transactional_mail(remote, submit, campaign):
    submit(lane="bulk")
    drains.run("bulk")
    assert tell() == 1
    assert reports().get().lane == "transactional" and the_report(remote)


def test_the_ledger_adds_up_with_reports(remote, submit):
    mail = submit()
    drains.run("transactional")
    tell()
    delivered_reports(remote)
    figures = ledger.of_spooler(mail.spooler_id)
    assert (figures["spooled"], figures["failed"], figures["delivered"]) == (2, 1, 1)


def test_a_report_is_shown_in_the_admin(remote, submit, staff):
    mail = submit()
    refuse(mail)
    tell()
    page = staff.get(f"/admin/spooling/mail/{reports().get().pk}/change/").content.decode()
    assert "Undelivered mail returned" in page and mail.public_id.hex in page


def test_failures_that_nobody_is_told_of_cost_next_to_nothing(spool, campaign):
    spool(*(f"p{n}@x.example" for n in range(400)), lane="bulk", spooler_id=campaign.pk)
    outbox_states.put(state="failed", ended_at=timezone.now())
    Event.objects.filter(kind="spooled").update(kind="failed", detail={"code": 550, "reply": "no"})
    event_horizon.wait()
    with CaptureQueriesContext(connection) as queries:
        assert failures.tell(now=timezone.now()) == 0
    # By pages of 100 events, however many mails.
    assert len(queries) < 40
    assert costs.seconds(lambda: failures.tell(now=timezone.now())) < 0.1


@pytest.mark.postgresql
def test_only_failures_are_read(submit):
    refuse(submit())
    columns = "account_id, spooler_id, mail_id, destination, provider, lane, kind, at, detail"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO stats_event ({columns}, router) SELECT 1, 1, n, 'x.example', 'other', 'bulk', "
            "CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'delivered' END, now(), '{}', '' "
            "FROM generate_series(1, 20000) AS n"
        )
        cursor.execute("ANALYZE stats_event")
    rows = cursors.between(events.undelivered(), cursors.START, cursors.horizon())
    plan = rows.order_by("transaction", "id")[:200].explain()
    assert "event_undelivered" in plan


def test_a_reader_writes_only_where_it_would_read_the_same_again(spool):
    tell()
    before = Reader.objects.get().event_id
    spool(*(f"p{n}@x.example" for n in range(failures.TOGETHER + 1)))
    tell()
    # PostgreSQL has an index of failures alone.
    moved = Reader.objects.get().event_id - before
    assert moved > failures.TOGETHER if connection.vendor == "sqlite" else moved == 0
