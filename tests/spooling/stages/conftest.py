"""What tests of stage-based messaging start from: a schedule, sets with messages, and people who subscribe."""

from datetime import UTC, datetime, timedelta

import pytest

from spooling import jobs
from spooling.models import Mail, MessageSet, Schedule, StageMessage, Subscription
from spooling.stages import orders, runs, subscriptions

#: A Monday, four hours before the daily schedule's run.
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
RUN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def make_schedule(account):
    """Call with cron fields; the schedule is placed as of NOON."""

    def make(of=None, now=NOON, **fields):
        schedule = Schedule.objects.create(account=of or account, **{"minute": "0", "hour": "8", **fields})
        runs.place(schedule, now=now)
        return schedule

    return make


@pytest.fixture
def schedule(make_schedule):
    """Every day at 08:00 UTC."""
    return make_schedule()


@pytest.fixture
def make_set(account, schedule):
    """Call with a name and the numbers of its messages, `lang` for another language."""

    def make(name, *numbers, lang="eng_ZA", of=None, **fields):
        message_set = MessageSet.objects.create(
            account=of or account, short_name=name, **{"default_schedule": schedule, **fields}
        )
        add_messages(message_set, *numbers, lang=lang)
        return message_set

    return make


def add_messages(message_set, *numbers, lang="eng_ZA"):
    for number in numbers:
        StageMessage.objects.create(
            messageset=message_set, sequence_number=number, lang=lang, text_content=f"text {number} {lang}"
        )


@pytest.fixture
def next_set(make_set, make_schedule):
    return make_set("M2", 1, 2, default_schedule=make_schedule(hour="9"))


@pytest.fixture
def message_set(make_set, next_set):
    """Three messages in English, one in Zulu; M2 follows."""
    made = make_set("M1", 1, 2, 3, label="The first set", next_set=next_set)
    add_messages(made, 1, lang="zul_ZA")
    return made


@pytest.fixture
def subscribe(account, message_set, schedule):
    """Call to subscribe somebody, by default to `message_set`; without an identity, a new address."""
    count = iter(range(10_000))

    def call(identity=None, now=NOON, **fields):
        wanted = {"messageset": message_set, "schedule": schedule, "lang": "eng_ZA", "account": account}
        identity = identity or f"person{next(count)}@people.example"
        return subscriptions.create(Subscription(identity=identity, **{**wanted, **fields}), now=now)

    return call


@pytest.fixture
def subscription(subscribe):
    return subscribe("ann@people.example")


@pytest.fixture
def work():
    """Call to let all accepted jobs be worked off that need no network."""

    def call(now=NOON):
        orders.work(now=now, seconds=10)
        for _ in range(100):
            jobs.run_due(now=now)

    return call


@pytest.fixture
def tick():
    """Call with a moment: the runs that are due then happen, to their end."""

    def call(now=RUN):
        while runs.tick(now=now, seconds=10):
            pass

    return call


@pytest.fixture
def texts():
    """Call to get (address, text) of all mails, in order."""

    def call():
        mails = Mail.objects.select_related("content").order_by("id")
        return [(mail.email, mail.content.text) for mail in mails]

    return call
