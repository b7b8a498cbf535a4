"""What keeps a waiting mail back on its way out: routers, their parts, warm-up plans, the account's limits, workers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from earwig import addresses
from spooling import heartbeats, limits, routers, warm_ups
from spooling.campaigns.reasons import Reason
from spooling.delivery import shaping
from spooling.models import Mail, Shape
from spooling.routers import ALL_PROVIDERS, Destination
from stats import providers

#: A worker without mail gives a sign of life every few seconds.
SILENT_SECONDS = 60
_SPANS = {timedelta(hours=1): "an hour", timedelta(days=1): "a day", timedelta(days=30): "30 days"}


def stopping(mail: Mail, *, now: datetime) -> Iterator[Reason]:
    """What lets nothing pass; `at` tells when it does again, as far as that is known."""
    destination = routers.table().choose(mail.account_id, mail.provider)
    if destination is None:
        yield _no_router(mail)
    else:
        yield from _shut(mail, destination, now)
    yield from _warm_up(mail, now)
    yield from _used_up(mail, now)
    yield from _no_worker(mail, now)


def slowing(mail: Mail) -> Iterator[Reason]:
    """What lets only so much pass."""
    destination = routers.table().choose(mail.account_id, mail.provider)
    if destination is None:
        return
    part = _part(mail, destination)
    shapes = Shape.objects.filter(router_id=destination.id, provider__in=(ALL_PROVIDERS, part))
    paces = dict(shapes.values_list("provider", "pace"))
    yield from _slow(
        "", "The server that it leaves by", destination.mails_per_minute, paces.get(ALL_PROVIDERS)
    )
    pace = None if part == ALL_PROVIDERS else paces.get(part)
    rate = destination.limit_of(part).mails_per_minute
    yield from _slow("provider_", "Its recipient's provider", rate, pace)


def _slow(prefix: str, subject: str, rate: int | None, pace: int | None) -> Iterator[Reason]:
    if rate:
        yield Reason(code=f"{prefix}rate", message=f"{subject} gets at most {rate} mails a minute.")
    if pace is not None and pace < shaping.FULL_PACE:
        percent = f"{100 * pace / shaping.FULL_PACE:g} %"
        message = f"{subject} defers much: mail goes to it at {percent} of the pace."
        yield Reason(code=f"{prefix}slowed", message=message)


def _no_router(mail: Mail) -> Reason:
    router = routers.out_of_use(mail.account_id, mail.provider)
    if router is None:
        return Reason(code="no_router", message="No router is set up for its provider.")
    if router.disabled:
        return Reason(code="router_disabled", message="The router that it would leave by is disabled.")
    return Reason(
        code="router_locked", message="The password of the router that it would leave by cannot be opened."
    )


def _shut(mail: Mail, destination: Destination, now: datetime) -> Iterator[Reason]:
    if destination.rests(now):
        yield Reason(
            code="router_rests",
            message="The server that it leaves by cannot be reached.",
            at=destination.deferred_until,
        )
    if destination.direct and _site_rests(mail, destination, now):
        yield Reason(
            code="site_rests", message="The servers of its recipient cannot be reached.", at=mail.due_at
        )
    if not destination.max_connections or destination.mails_per_minute == 0:
        yield Reason(code="router_closed", message="The server that it leaves by is given no mail.")
    limit = destination.limit_of(_part(mail, destination))
    if limit.mails_per_minute == 0 or (destination.direct and limit.max_connections == 0):
        yield Reason(code="provider_closed", message="Its recipient's provider is given no mail.")


def _site_rests(mail: Mail, destination: Destination, now: datetime) -> bool:
    """Which servers it goes to is known where they were looked up: what finds them at rest is due when they are not."""
    resting = Shape.objects.filter(router_id=destination.id, deferred_until=mail.due_at)
    return mail.due_at > now and resting.exclude(provider=ALL_PROVIDERS).exists()


def _part(mail: Mail, destination: Destination) -> str:
    """What limits of the router concern it. Of servers that many domains share, those of any are told."""
    domain = addresses.domain_of(mail.email)
    if destination.direct and domain in destination.limits:
        return domain
    return ALL_PROVIDERS if destination.direct and mail.provider == providers.OTHER else mail.provider


def _warm_up(mail: Mail, now: datetime) -> Iterator[Reason]:
    plan = None if mail.domain_id is None else warm_ups.running(now).get(mail.domain_id)
    if plan is not None and warm_ups.left(plan, mail.provider, now=now) == 0:
        message = "The warm-up plan of its sending domain lets no more mails to its provider leave today."
        yield Reason(code="warm_up", message=message, at=warm_ups.tomorrow(now))


def _used_up(mail: Mail, now: datetime) -> Iterator[Reason]:
    for window in limits.windows(mail.account_id, figure="delivered", now=now):
        if not window.left:
            at = limits.room_at(mail.account_id, window, 1, figure="delivered", now=now)
            limit = f"{window.limit} mails in {_SPANS[window.span]}"
            yield Reason(
                code="over_limit", message=f"The account's sending limit of {limit} is used up.", at=at
            )


def _no_worker(mail: Mail, now: datetime) -> Iterator[Reason]:
    silent = heartbeats.silent_seconds(now=now)[mail.lane]
    if silent is None:
        yield Reason(code="no_worker", message="No worker that sends such mail was ever at work.")
    elif silent > SILENT_SECONDS:
        since = now - timedelta(seconds=silent)
        yield Reason(code="no_worker", message="No worker that sends such mail is at work.", at=since)
