"""How many subscriptions a day's runs will reach, set by set (Seed contract §6.2)."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Count

from earwig.models import Account
from spooling.models import JobRequest, MessageSet, Schedule, SendEstimate, Subscription
from spooling.stages import requests, schedules


def work(job: JobRequest, now: datetime) -> bool:
    """Estimate the next set for the day that was asked for; whether more are left. Once more, the newer one counts."""
    day = date.fromisoformat(job.arguments["day"])
    following = MessageSet.objects.filter(account=job.account_id, pk__gt=job.position).order_by("pk")
    message_set = following.first()
    if message_set is None:
        return False
    due = Subscription.objects.ready().filter(
        messageset=message_set, schedule__in=covering(job.account_id, day.isoweekday())
    )
    figures = due.aggregate(subscriptions=Count("pk"), identities=Count("identity", distinct=True))
    SendEstimate.objects.update_or_create(messageset=message_set, estimated_on=day, defaults=figures)
    job.position = message_set.pk
    job.progress += 1
    return True


def covering(account_id: int, weekday: int) -> list[int]:
    """The account's schedules that name this day of the week; 1 is Monday. Other fields do not count here."""
    return [
        schedule.pk
        for schedule in Schedule.objects.filter(account=account_id)
        if weekday in schedules.weekdays(schedules.times_of(schedule))
    ]


def ask_for_all(*, now: datetime) -> int:
    """Ask for today's estimates of every account with message sets that has none of today; answers how many."""
    sets = MessageSet.objects.exclude(estimates__estimated_on=now.date())
    accounts = Account.objects.filter(message_sets__in=sets).distinct().values_list("pk", flat=True)
    return len([requests.ask_estimate(account_id, now=now) for account_id in accounts])
