"""Reporting files: what stands in them, slice by slice, once; when they are made, and what deletes them."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from earwig import domains, senders
from earwig.models import Sender
from spooling import event_lines, job_files, jobs, privacy
from spooling.models import JobFile, JobRequest, Mail
from spooling.outbox import intake
from spooling.reports import files, writing
from stats import cursors, events, rollups
from stats.models import DailyRollup, Event
from tests import outbox_states, ticks
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2026, 3, 4)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
#: When the files are asked for.
LATER = datetime(2026, 3, 5, 0, 10, tzinfo=UTC)


@pytest.fixture
def domain(account):
    return domains.add(account, name="shop.example", now=NOON)


@pytest.fixture
def mail(account, domain, spool):
    """Call to have one mail from the domain, stored at NOON."""

    def call(email="ann@x.example", at=NOON, **send):
        content = intake.NewContent(from_email="news@shop.example", subject="Hi", text="Hello\n")
        accepted = spool(email, content=content, domain_id=domain.pk, now=at, **send)[0]
        return Mail.objects.get(pk=accepted.id)

    return call


def tell(mail, kind, at=NOON, **detail):
    events.record(
        [
            events.Happening(
                account_id=mail.account_id,
                domain_id=mail.domain_id,
                spooler_id=mail.spooler_id,
                mail_id=mail.pk,
                destination="x.example",
                provider="other",
                router="main",
                lane=mail.lane,
                kind=kind,
                at=at,
                detail=detail,
            )
        ]
    )


def made(domain, day=DAY, now=LATER):
    job = files.ask(domain.account_id, domain.pk, day, now=now)
    ticks.until_jobs_end(now=now)
    return job


def lines(job, family):
    text = gzip.decompress(b"".join(job_files.pieces(job, family))).decode()
    return [json.loads(line) for line in text.splitlines()]


def types(job, family):
    return [line["type"] for line in lines(job, family)]


def test_each_family_has_a_file_of_its_events_in_their_order(mail, domain):
    ann = mail()
    tell(ann, "tempfail", code=451, reply="4.7.0 later")
    tell(ann, "delivered", code=250, reply="2.0.0 ok")
    tell(ann, "open", ip="192.0.2.1", useragent="Mail/1")
    tell(ann, "click", ip="192.0.2.1", useragent="Mail/1", url="http://t.example/")
    tell(ann, "requeued", why="nobody's business")
    tell(ann, "suppressed", reason="hard_bounce")
    tell(ann, "quarantined", why="held")

    job = made(domain)

    assert [line.get("reason") for line in lines(job, "spooling")] == [None, "held"]
    assert types(job, "spooling") == ["spooled", "quarantine"]
    assert [(line["type"], line["message"], line["code"]) for line in lines(job, "routing")] == [
        ("tempfail", "4.7.0 later", 451),
        ("ok", "2.0.0 ok", 250),
    ]
    assert types(job, "activity") == ["open", "click"]
    assert [line["url"] for line in lines(job, "activity") if "url" in line] == ["http://t.example/"]
    assert [(line["type"], line["reason"]) for line in lines(job, "cleanup")] == [("cleanup", "permfail")]
    deferred = lines(job, "routing")[0]
    assert (deferred["family"], deferred["timestamp"], deferred["domain"]) == (
        *("routing", int(NOON.timestamp()), "shop.example"),
    )
    assert (deferred["mail"], deferred["email"], deferred["spooler"]) == (
        *(ann.public_id.hex, "ann@x.example", None),
    )
    assert JobRequest.objects.get(pk=job.pk).result == {"lines": 7}


def test_a_day_without_events_has_empty_files(domain):
    job = made(domain)

    assert all(lines(job, family) == [] for family in event_lines.FAMILIES)
    assert all(job_files.size(job, family) > 0 for family in event_lines.FAMILIES)


def test_a_day_begins_and_ends_at_midnight_of_utc(mail, domain):
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    ann = mail(at=midnight - timedelta(microseconds=1))
    for at in (midnight, midnight + timedelta(days=1, microseconds=-1), midnight + timedelta(days=1)):
        tell(ann, "open", at=at)

    assert [line["timestamp"] for line in lines(made(domain), "activity")] == [
        *(int(midnight.timestamp()), int(midnight.timestamp()) + 86399),
    ]
    assert types(made(domain), "spooling") == []


def test_other_domains_and_accounts_stand_in_no_file(mail, domain, account, other_account, spool):
    mail("ann@x.example")
    news = domains.add(account, name="news.example", now=NOON)
    theirs = domains.add(other_account, name="shop.example", now=NOON)
    spool("bob@x.example", domain_id=news.pk, now=NOON)
    spool("cid@x.example", of=other_account, domain_id=theirs.pk, now=NOON)
    spool("dot@x.example", now=NOON)

    assert [line["email"] for line in lines(made(domain), "spooling")] == ["ann@x.example"]
    assert [line["email"] for line in lines(made(theirs), "spooling")] == ["cid@x.example"]


def test_slices_follow_each_other_and_each_adds_a_member(mail, domain, monkeypatch):
    monkeypatch.setattr(writing, "SLICE", 7)
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)
    ann = mail()
    for number in range(30):
        tell(ann, "open" if number % 3 else "click", at=NOON + timedelta(seconds=number), url=str(number))
    job = files.ask(domain.account_id, domain.pk, DAY, now=LATER)
    turns = 0
    while not files.is_made(job):
        jobs.run_due(now=LATER + timedelta(seconds=turns))
        turns += 1

    told = lines(job, "activity")
    assert turns >= 5 and JobFile.objects.filter(name="activity").count() >= 4
    assert [line["timestamp"] for line in told] == [int(NOON.timestamp()) + n for n in range(30)]


def test_a_slice_that_fails_leaves_nothing_and_is_done_again(mail, domain, monkeypatch):
    monkeypatch.setattr(writing, "SLICE", 3)
    ann = mail()
    for number in range(8):
        tell(ann, "open", at=NOON + timedelta(seconds=number))
    job = files.ask(domain.account_id, domain.pk, DAY, now=LATER)
    append, calls = writing._append, []

    def failing(*arguments):
        calls.append(arguments)
        append(*arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_append", failing)
    with pytest.raises(KeyboardInterrupt):
        ticks.until_jobs_end(now=LATER)
    ticks.until_jobs_end(now=LATER + jobs.LEASE + timedelta(hours=1))

    assert [line["timestamp"] for line in lines(job, "activity")] == [
        int(NOON.timestamp()) + n for n in range(8)
    ]


def test_files_of_a_day_are_made_once_whoever_asks(domain):
    ids = together(4, lambda _: files.ask(domain.account_id, domain.pk, DAY, now=LATER).pk)

    assert len(set(ids)) == 1 and JobRequest.objects.count() == 1


def test_a_file_is_not_begun_before_its_day_is_told(mail, domain):
    mail()
    at = datetime(2026, 3, 5, 0, 1, tzinfo=UTC)
    job = files.ask(domain.account_id, domain.pk, DAY, now=at)

    jobs.run_due(now=at)
    assert not files.is_made(job) and not JobFile.objects.exists()
    ticks.until_jobs_end(now=at + timedelta(minutes=1, seconds=1))
    assert files.is_made(job)


@pytest.mark.postgresql
def test_a_file_waits_for_a_transaction_that_began_before_its_making(mail, domain):
    ann = mail()
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        tell(ann, "open")
        job = files.ask(domain.account_id, domain.pk, DAY, now=LATER)
        jobs.run_due(now=LATER)
        assert not files.is_made(job)
        assert JobRequest.objects.get(pk=job.pk).state == "waiting"
        other.rollback()
    finally:
        other.close()

    ticks.until_jobs_end(now=LATER + writing.PAUSE)

    assert types(job, "activity") == ["open"] and types(job, "spooling") == ["spooled"]


def test_the_first_event_of_an_old_day_is_found_among_many(mail, domain, monkeypatch):
    monkeypatch.setattr(cursors, "PROBE", 3)
    ann = mail(at=NOON - timedelta(days=40))
    for day in range(-39, 40):
        tell(ann, "open", at=NOON + timedelta(days=day))
        # One in three was recorded late.
        if day % 3 == 0:
            tell(ann, "mirror", at=NOON + timedelta(days=day, hours=-14))
    start = cursors.of_moment(NOON)

    before = Event.objects.filter(at__gte=NOON).order_by("id").first()
    assert start.transaction <= int(before.transaction) and (start.event_id or before.pk) <= before.pk
    skipped = Event.objects.filter(at__lt=NOON - timedelta(days=3))
    at = {"transaction__lt": start.transaction} if start.transaction else {"id__lt": start.event_id}
    assert skipped.filter(**at).count() >= 35
    assert types(made(domain, now=NOON + timedelta(days=40)), "activity") == ["open"]


def test_an_old_day_is_not_read_to_the_present(mail, domain, monkeypatch):
    monkeypatch.setattr(writing, "SLICE", 5)
    ann = mail()
    for day in range(30):
        tell(ann, "open", at=NOON + timedelta(days=day))
    job = files.ask(domain.account_id, domain.pk, DAY, now=NOON + timedelta(days=31))
    ticks.until_jobs_end(now=NOON + timedelta(days=31))

    assert types(job, "activity") == ["open"]
    assert (
        JobRequest.objects.get(pk=job.pk).position <= int(Event.objects.order_by("-id")[15].transaction)
        or connection.vendor == "sqlite"
    )


def test_after_midnight_the_files_of_each_domain_with_events_are_asked_for(mail, domain, account):
    domains.add(account, name="idle.example", now=NOON)
    mail()
    while not DailyRollup.objects.exists():
        # Until no transaction in another database of the server holds it up.
        rollups.roll()
    cache.clear()

    files.tidy(now=datetime(2026, 3, 5, 0, 9, tzinfo=UTC))
    assert not JobRequest.objects.exists()
    files.tidy(now=LATER)
    files.tidy(now=LATER)

    job = JobRequest.objects.get()
    assert (job.kind, job.account, job.arguments) == (
        *("report", account, {"domain": domain.pk, "day": "2026-03-04"}),
    )


def test_files_end_after_thirty_days(domain):
    made(domain)

    files.tidy(now=LATER + timedelta(days=30, seconds=-1))
    assert JobFile.objects.exists()
    files.tidy(now=LATER + timedelta(days=30))
    assert (
        not JobFile.objects.exists() and not JobRequest.objects.filter(arguments__day="2026-03-04").exists()
    )


def test_whoever_is_forgotten_is_in_no_file_any_more(mail, domain, account, other_account):
    mail("ann@x.example")
    outbox_states.put(state="delivered", ended_at=NOON)
    theirs = made(domains.add(other_account, name="rival.example", now=NOON))
    job = made(domain)
    sender = senders.vouch(account, email="ann@x.example", name="Ann", ttl_days=1, now=timezone.now())

    privacy.forget(Sender.objects.get(pk=sender.pk), now=timezone.now())

    assert not JobRequest.objects.filter(pk=job.pk).exists() and files.is_made(theirs)
    assert [line["email"] for line in lines(made(domain), "spooling")] == [""]


def test_files_that_tell_of_an_erased_mail_are_deleted_and_others_kept(mail, domain, settings):
    mail("ann@x.example")
    outbox_states.put(state="delivered", ended_at=NOON)
    bob = mail("bob@x.example", at=NOON + timedelta(days=1))
    now = NOON + timedelta(days=settings.MAIL_RETENTION, seconds=1)
    told, other = (made(domain, DAY + timedelta(days=day), now=now) for day in range(2))

    privacy.erase_old_mails(now)

    assert not JobRequest.objects.filter(pk=told.pk).exists()
    assert [line["email"] for line in lines(other, "spooling")] == [bob.email]


def test_a_line_costs_no_query_of_its_own(mail, domain, monkeypatch, django_assert_num_queries):
    for number in range(5):
        mail(f"p{number}@x.example")
    rows = list(Event.objects.order_by("id"))

    with django_assert_num_queries(3):
        told = event_lines.present(rows)
    monkeypatch.setattr(event_lines, "TOGETHER", 2)
    with django_assert_num_queries(9):
        assert event_lines.present(rows) == told
    assert [line["email"] for line in told] == [f"p{number}@x.example" for number in range(5)]
