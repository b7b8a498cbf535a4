"""Which way a mail leaves, and how that server is reached."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from earwig import errors as earwig_errors
from earwig import sealing
from spooling.models import ProviderLimit, Route, Router, Shape
from spooling.models.routers import RouterKind, TlsMode

#: How long what was read of routers serves; a change in the admin holds from then on.
TRUSTED_SECONDS = 1.0
#: The shape of a router as a whole.
ALL_PROVIDERS = "*"
#: The router that the settings describe.
DEFAULT_NAME = "default"

#: What a router of SMTP_URL is given over all workers, where mail goes to the recipients' own servers.
DIRECT_CONNECTIONS = 500

log = logging.getLogger(__name__)

#: Of SMTP_URL: to the servers that each recipient's domain names.
DIRECT_SCHEME = "mx"
#: Of SMTP_URL.
TLS_OF_SCHEME = {
    "smtp": TlsMode.OPPORTUNISTIC,
    "smtp+plain": TlsMode.NONE,
    "smtp+starttls": TlsMode.STARTTLS,
    "smtps": TlsMode.IMPLICIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a part of a router is given at most, over all workers; None: no more than the router itself."""

    max_connections: int | None = None
    mails_per_minute: int | None = None


NO_LIMIT = Limit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A router as a drain needs it."""

    id: int
    name: str
    #: Whether it leads to the servers that each recipient's domain names.
    direct: bool = False
    host: str
    port: int
    tls: str
    verify_certificate: bool
    username: str
    password: str = field(repr=False)
    helo_name: str
    mails_per_connection: int
    max_connections: int
    mails_per_minute: int | None
    deferred_until: datetime | None
    allow_private: bool = False
    #: By provider or domain, ALL_PROVIDERS for any other.
    limits: Mapping[str, Limit] = field(default_factory=dict, compare=False)

    def rests(self, now: datetime) -> bool:
        """Whether nobody should try to reach it at `now`."""
        return self.deferred_until is not None and self.deferred_until > now

    def limit_of(self, part: str) -> Limit:
        """The part's own limit, or that of any."""
        return self.limits.get(part) or self.limits.get(ALL_PROVIDERS, NO_LIMIT)


@dataclass(frozen=True, slots=True)
class Table:
    """All routers and routes, read at once."""

    read_at: float
    destinations: dict[int, Destination]
    defaults: dict[int | None, int]
    routes: dict[tuple[int | None, str], int]
    #: Until when routers, and sites of direct ones, rest; or rested, and were not reached since.
    resting: dict[tuple[int, str], datetime] = field(default_factory=dict)

    def choose(self, account_id: int, provider: str) -> Destination | None:
        """The account's own route for the provider, its default, everyone's route, everyone's default."""
        for router_id in (
            self.routes.get((account_id, provider)),
            self.defaults.get(account_id),
            self.routes.get((None, provider)),
            self.defaults.get(None),
        ):
            if router_id in self.destinations:
                return self.destinations[router_id]
        return None

    def own(self, provider: str) -> list[tuple[int, ...]]:
        """The accounts with a route or a default of their own for the provider, in groups by the router they get."""
        accounts = {account for account, of in self.routes if of == provider} | self.defaults.keys()
        groups: dict[int, list[int]] = {}
        for account_id in sorted(account for account in accounts if account is not None):
            if destination := self.choose(account_id, provider):
                groups.setdefault(destination.id, []).append(account_id)
        return [tuple(group) for group in groups.values()]


_table: Table | None = None


def table() -> Table:
    """What was read at most TRUSTED_SECONDS ago. The first reading of a process brings the default router in line."""
    global _table
    if _table is None:
        ensure_default()
    if _table is None or time.monotonic() - _table.read_at > TRUSTED_SECONDS:
        _table = _read()
    return _table


def out_of_use(account_id: int, provider: str) -> Router | None:
    """The router that this mail would leave by first, where none that `Table.choose` may take is in use."""
    theirs = Q(account_id=account_id) | Q(account=None)
    routes = Route.objects.filter(theirs, provider=provider).select_related("router")
    routed = {route.account_id: route.router for route in routes}
    defaults = {router.account_id: router for router in Router.objects.filter(theirs, default=True)}
    found = (of.get(whose) for whose in (account_id, None) for of in (routed, defaults))
    return next((router for router in found if router and router.kind != RouterKind.WEBHOOK), None)


def ensure_default() -> None:
    """Make the installation's default router of SMTP_URL, or of the mail trap where that is empty.

    One that was made so before follows the settings. A default of another name is somebody's own and stays.
    """
    default = Router.objects.filter(account=None, default=True).first()
    if default is None:
        try:
            with transaction.atomic():
                Router.objects.create(name=DEFAULT_NAME, default=True, **_made_of_settings())
        except IntegrityError:
            # Another process made it first.
            pass
    elif default.name == DEFAULT_NAME and (settings.SMTP_URL or default.kind == RouterKind.TRAP):
        Router.objects.filter(pk=default.pk).update(**_wanted())


def _made_of_settings() -> dict[str, object]:
    wanted = _wanted()
    return wanted | ({"max_connections": DIRECT_CONNECTIONS} if wanted["kind"] == RouterKind.MX else {})


def _wanted() -> dict[str, object]:
    if not settings.SMTP_URL:
        trap = {"kind": RouterKind.TRAP, "host": settings.TRAP_HOST, "port": settings.TRAP_PORT}
        return trap | {"tls": TlsMode.NONE, "verify_certificate": False}
    url = urlsplit(settings.SMTP_URL)
    if url.scheme == DIRECT_SCHEME:
        direct = {"kind": RouterKind.MX, "host": "", "port": url.port or 25, "tls": TlsMode.OPPORTUNISTIC}
        return direct | {"username": "", "password_sealed": "", "verify_certificate": False}
    tls = TLS_OF_SCHEME[url.scheme]
    return {
        "kind": RouterKind.SMTP,
        "host": url.hostname or "",
        "port": url.port or (465 if tls == TlsMode.IMPLICIT else 25),
        "tls": tls,
        "username": unquote(url.username or ""),
        "password_sealed": sealing.seal(unquote(url.password)) if url.password else "",
        "verify_certificate": tls in (TlsMode.STARTTLS, TlsMode.IMPLICIT),
    }


def _read() -> Table:
    deferred = _deferred()
    limits = _limits()
    enabled = Router.objects.filter(disabled=False).exclude(kind=RouterKind.WEBHOOK)
    routers = [router for router in enabled if _password(router) is not None]
    return Table(
        time.monotonic(),
        {
            router.pk: _destination(
                router, deferred.get((router.pk, ALL_PROVIDERS)), limits.get(router.pk, {})
            )
            for router in routers
        },
        {router.account_id: router.pk for router in routers if router.default},
        {(route.account_id, route.provider): route.router_id for route in Route.objects.all()},
        deferred,
    )


def _deferred() -> dict[tuple[int, str], datetime]:
    """By router and part of it."""
    rows = Shape.objects.filter(deferred_until__isnull=False)
    return {(row.router_id, row.provider): row.deferred_until for row in rows if row.deferred_until}


def _limits() -> dict[int, dict[str, Limit]]:
    found: dict[int, dict[str, Limit]] = {}
    for row in ProviderLimit.objects.all():
        limit = Limit(max_connections=row.max_connections, mails_per_minute=row.mails_per_minute)
        found.setdefault(row.router_id, {})[row.provider] = limit
    return found


def _destination(router: Router, deferred_until: datetime | None, limits: Mapping[str, Limit]) -> Destination:
    return Destination(
        id=router.pk,
        name=router.name,
        direct=router.kind == RouterKind.MX,
        host=router.host,
        port=router.port,
        tls=router.tls,
        verify_certificate=router.verify_certificate,
        username=router.username,
        password=_password(router) or "",
        helo_name=router.helo_name or settings.INBOUND_HOST,
        mails_per_connection=router.mails_per_connection,
        max_connections=router.max_connections,
        mails_per_minute=router.mails_per_minute,
        deferred_until=deferred_until,
        allow_private=router.allow_private,
        limits=limits,
    )


def _password(router: Router) -> str | None:
    """None where the ring no longer opens it: that router is out of use, and the others go on."""
    try:
        return sealing.unseal(router.password_sealed) if router.password_sealed else ""
    except earwig_errors.Unsealable:
        log.error("EARWIG_KEYS opens no longer the password of a router.", extra={"router": router.pk})
        return None


def rest(faults: int) -> timedelta:
    """How long a router rests that could not be reached `faults` times in a row: 5 s doubling to 5 min."""
    return min(timedelta(seconds=5) * 2.0 ** min(max(faults, 1) - 1, 10), timedelta(minutes=5))


def defer(router_id: int, *, fault: str, now: datetime, part: str = ALL_PROVIDERS) -> datetime:
    """The router, or this site of it, cannot be reached: nobody uses it until the answered moment, later with each
    fault in a row.
    """
    shape, _ = Shape.objects.get_or_create(router_id=router_id, provider=part)
    until = now + rest(shape.faults + 1)
    Shape.objects.filter(pk=shape.pk).update(
        deferred_until=until, faults=F("faults") + 1, last_fault=fault[:500]
    )
    return until


def recover(router_id: int, *, part: str = ALL_PROVIDERS) -> None:
    """It answers again."""
    shapes = Shape.objects.filter(router_id=router_id, provider=part, faults__gt=0)
    shapes.update(deferred_until=None, faults=0)
