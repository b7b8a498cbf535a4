"""Schedules with thousands of subscriptions due while beat, or whoever works on their run, is killed."""

import random
import time
import uuid
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from earwig.models import Account
from spooling.models import Mail, MessageSet, Schedule, ScheduleRun, Spooler, StageMessage, Subscription
from tests.faults import campaigns
from tests.faults.campaigns import Campaign
from tests.faults.sites import Site
from tests.installation import eventually

SUBSCRIPTIONS = 20_000
#: Long before a run that nobody makes is missed.
SECONDS = 120


def kill_stages_worker(site: Site, counts: int) -> None:
    """kill -9 of the worker in the middle of a run: what it had begun is undone or done, never half of it."""
    site.start("control-1", "beat")
    for number in range(counts):
        account, schedule = _enrolled(number)
        _make_due(schedule)
        _wait_for_a_slice(schedule)
        site.kill("control-1")
        time.sleep(random.random())
        site.start("control-1")
        _require_one_each(site, account, schedule)


def kill_stages_beat(site: Site, counts: int) -> None:
    """kill -9 of beat just before, during or just after a run is opened, and of all the rest every second time."""
    site.start("control-1", "beat")
    for number in range(counts):
        account, schedule = _enrolled(number)
        _make_due(schedule)
        time.sleep(random.random() * 2)
        site.kill(*(("beat", "control-1") if number % 2 else ("beat",)))
        time.sleep(random.random() * 2)
        site.start(*(("control-1", "beat") if number % 2 else ("beat",)))
        _require_one_each(site, account, schedule)


def two_beats(site: Site, counts: int) -> None:
    """Two beats and two workers by mistake: each run happens once."""
    site.start("control-1", "control-2", "beat")
    # Another data folder, so that it has a schedule of its own.
    site.installation.start(
        "beat-2", "-m", "celery", "-A", "config", "beat", "-s", str(site.folder / "second-beat")
    )
    for number in range(counts):
        account, schedule = _enrolled(number)
        _make_due(schedule)
        site.finding.faults += 1
        _require_one_each(site, account, schedule)


def _enrolled(number: int) -> tuple[Account, Schedule]:
    """An account with its subscriptions, all on a schedule that is not due yet."""
    account = campaigns.open_account(f"hub-{number}")
    schedule = Schedule.objects.create(account=account, minute="0", hour="0", day_of_month="1")
    message_set = MessageSet.objects.create(account=account, short_name="M1", default_schedule=schedule)
    second = MessageSet.objects.create(account=account, short_name="M2", default_schedule=schedule)
    MessageSet.objects.filter(pk=message_set.pk).update(next_set=second)
    for numbered in (1, 2):
        StageMessage.objects.create(
            messageset=message_set, sequence_number=numbered, lang="eng", text_content=f"text {numbered}"
        )
    begun_at = timezone.now() - timedelta(days=1)
    Subscription.objects.bulk_create(
        [_subscription(account, message_set, schedule, n, begun_at) for n in range(SUBSCRIPTIONS)],
        batch_size=5000,
    )
    return account, schedule


def _subscription(account, message_set, schedule, n, begun_at):
    """Every second one gets the set's last message, so that it completes and begins the next set."""
    return Subscription(
        public_id=uuid.uuid4(),
        account=account,
        identity=f"u{n}@many.example",
        messageset=message_set,
        schedule=schedule,
        lang="eng",
        next_sequence_number=1 + n % 2,
        created_at=begun_at,
        updated_at=begun_at,
    )


def _make_due(schedule: Schedule) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=timezone.now())


def _wait_for_a_slice(schedule: Schedule) -> None:
    eventually(
        lambda: ScheduleRun.objects.filter(schedule=schedule, position__gt=0).exists(),
        seconds=SECONDS,
        pause=0.01,
    )
    time.sleep(random.random() / 2)


def _require_one_each(site: Site, account: Account, schedule: Schedule) -> None:
    """Each subscription got one mail and moved one step; those at the end began one next set."""
    finished = ScheduleRun.objects.filter(schedule=schedule, state="done")
    eventually(finished.exists, seconds=SECONDS, pause=0.2)
    time.sleep(2)
    per_address = Mail.objects.filter(account=account).values("email").annotate(mails=Count("pk"))
    twice = per_address.filter(mails__gt=1).count()
    mailed = per_address.count()
    moved = Subscription.objects.filter(account=account, next_sequence_number=2)
    stepped = moved.filter(completed=False).count()
    completed = moved.filter(completed=True, active=False, process_status=2).count()
    following = Subscription.objects.filter(account=account, messageset__short_name="M2").count()
    site.finding.accepted += SUBSCRIPTIONS
    site.finding.received += mailed
    site.finding.duplicates += twice
    site.finding.lost += SUBSCRIPTIONS - mailed
    site.finding.require(not twice, f"{twice} subscriptions got a message twice")
    site.finding.require(mailed == SUBSCRIPTIONS, f"{SUBSCRIPTIONS - mailed} subscriptions got no message")
    half = SUBSCRIPTIONS // 2
    site.finding.require(
        stepped == completed == following == half,
        f"{stepped} moved on, {completed} completed, {following} began the next set; {half} each were to",
    )
    run = finished.get()
    site.finding.require(run.queued == SUBSCRIPTIONS, f"the run says {run.queued}")
    campaigns.require_ledger(site.finding, Campaign(account, Spooler.objects.get(account=account)))
