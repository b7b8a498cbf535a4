"""A schedule's run with a tenth of a million subscriptions due: from the tick to the last mail in the outbox."""

import re
import time
from datetime import timedelta
from pathlib import Path

from django.db import connection
from django.utils import timezone

from earwig.models import Account
from spooling.models import Mail, MessageSet, Schedule, ScheduleRun, StageMessage, Subscription
from spooling.stages import runs
from tests.benchmarks import campaign
from tests.benchmarks.bench import Bench, CountsWrong
from tests.benchmarks.report import Figure

#: One in so many subscriptions is due.
SHARE = 10
MESSAGES = 20
TEXT = "Week {number}: your child can hear you by now. Talk to it, sing to it. " * 4

_PEOPLE = """
INSERT INTO earwig_person (account_id, external_id, title, name, photo_url, lang, attributes)
SELECT %(account)s, 'identity-' || n, '', 'Person ' || n, '', '', '{}' FROM generate_series(1, %(count)s) n
"""
_CONTACTS = """
INSERT INTO earwig_contactdetail (person_id, type, value, note, blocked, reason)
SELECT id, 'email', 'person' || id || '@firm' || id %% 50 || '.example', '', false, '' FROM earwig_person
WHERE account_id = %(account)s
"""
# The tenth that is due lies scattered among the others.
_SUBSCRIPTIONS = """
INSERT INTO spooling_subscription (
    public_id, account_id, version, identity, messageset_id, initial_sequence_number, next_sequence_number, lang,
    active, completed, schedule_id, process_status, created_at, updated_at
)
SELECT gen_random_uuid(), %(account)s, 1, 'identity-' || n, %(set)s, 1, 1 + n %% %(messages)s, 'eng_ZA', true, false,
    CASE WHEN n %% %(share)s = 0 THEN %(due)s ELSE %(other)s END, 0, %(made)s, %(made)s
FROM generate_series(1, %(count)s) n
"""


def measure(this: Bench) -> list[Figure]:
    """Seconds until all are spooled, and the memory against that after the first slices. Raises CountsWrong."""
    due = this.options.mails
    now = timezone.now().replace(second=0, microsecond=0)
    account = campaign.open_account()
    schedule = _fill(account, due * SHARE, now)
    campaign.settle_storage()
    start = time.monotonic()
    runs.tick(now=now, seconds=0)
    early = _peak()
    while runs.tick(now=now, seconds=3):
        pass
    seconds, end = time.monotonic() - start, _peak()
    _check(schedule, due)
    runs.tick(now=now + timedelta(seconds=1), seconds=3)
    _check(schedule, due)
    raw = {"due": due, "subscriptions": due * SHARE, "µs each": seconds / due * 1e6}
    memory = {"after the first slice MiB": early, "at the end MiB": end}
    return [Figure("stages", seconds * 100_000 / due, raw), Figure("stages_memory", end / early, memory)]


def _fill(account: Account, count: int, now) -> Schedule:
    """So many subscriptions at every number of one set, their people, and a schedule that is due for a tenth."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    due, other = (
        Schedule.objects.create(account=account, minute=str(at.minute), hour=str(at.hour), next_run_at=at)
        for at in (now, now + hour)
    )
    message_set = MessageSet.objects.create(
        account=account, short_name="mothers", label="Mothers", default_schedule=due
    )
    StageMessage.objects.bulk_create(
        StageMessage(
            messageset=message_set,
            sequence_number=number,
            lang="eng_ZA",
            text_content=TEXT.format(number=number),
        )
        for number in range(1, MESSAGES + 1)
    )
    given = {"account": account.pk, "count": count, "set": message_set.pk, "messages": MESSAGES}
    given |= {"share": SHARE, "due": due.pk, "other": other.pk, "made": now - day}
    with connection.cursor() as cursor:
        for statement in (_PEOPLE, _CONTACTS, _SUBSCRIPTIONS):
            cursor.execute(statement, given)
    return due


def _check(schedule: Schedule, due: int) -> None:
    run = ScheduleRun.objects.get(schedule=schedule)
    moved = Subscription.objects.filter(schedule=schedule, updated_at__gte=run.due_at).count()
    mails = Mail.objects.values("email").distinct().count()
    if not (run.state == "done" and run.queued == moved == mails == Mail.objects.count() == due):
        raise CountsWrong(f"{run.state}: {run.queued} queued, {moved} moved, {mails} addresses, {due} due")


def _peak() -> float:
    """VmHWM of this process, in MiB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)) / 1024
