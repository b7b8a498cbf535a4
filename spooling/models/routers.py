"""How mail leaves: routers, the routes that choose one, and the slots that all workers share."""

from __future__ import annotations

from django.core.validators import URLValidator
from django.db import models
from django.utils import timezone

from earwig.models import Account, Domain


class RouterKind(models.TextChoices):
    """What stands at the other end."""

    #: One server that takes everything (smarthost).
    SMTP = "smtp"
    #: The servers that each recipient's domain names (RFC 5321 §5.1).
    MX = "mx"
    #: The installation's own mail trap: nothing leaves.
    TRAP = "trap"
    #: A URL that takes stage-based messages of sets with a channel of their own; never mail.
    WEBHOOK = "webhook"


class TlsMode(models.TextChoices):
    """How the connection is protected."""

    #: Not at all.
    NONE = "none"
    #: STARTTLS where the server offers it.
    OPPORTUNISTIC = "opportunistic"
    #: STARTTLS or nothing.
    STARTTLS = "starttls"
    #: TLS from the first byte (RFC 8314).
    IMPLICIT = "implicit"


class Router(models.Model):
    """A way out. Without an account it serves every account that has no router of its own."""

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="routers"
    )
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=7, choices=RouterKind.choices, default=RouterKind.SMTP)
    host = models.CharField(max_length=253, blank=True)
    url = models.CharField(
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["http", "https"])],
        help_text="Of a webhook; its token is the password.",
    )
    port = models.PositiveIntegerField(default=25)
    tls = models.CharField(max_length=13, choices=TlsMode.choices, default=TlsMode.OPPORTUNISTIC)
    verify_certificate = models.BooleanField(default=True)
    username = models.CharField(max_length=254, blank=True)
    password_sealed = models.TextField(blank=True, editable=False)
    helo_name = models.CharField(max_length=253, blank=True)
    # Postfix lets one client have fifty (smtpd_client_connection_count_limit).
    max_connections = models.PositiveIntegerField(default=50, help_text="Over all workers.")
    mails_per_connection = models.PositiveIntegerField(default=500)
    mails_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Over all workers; empty: no limit."
    )
    allow_private = models.BooleanField(
        default=False,
        help_text="Of direct delivery: whether a domain may name a server in a private network.",
    )
    default = models.BooleanField(default=False)
    disabled = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], name="router_name"),
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(default=True), name="router_one_default_per_account"
            ),
            models.UniqueConstraint(
                fields=["default"],
                condition=models.Q(default=True, account=None),
                name="router_one_default_for_all",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """Sends a provider's mail, or one destination domain's, through a router other than the default."""

    router = models.ForeignKey(Router, on_delete=models.CASCADE, related_name="routes")
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="routes"
    )
    provider = models.CharField(max_length=32, help_text="As `stats.providers` names it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "provider"], name="route_once_per_account"),
            models.UniqueConstraint(
                fields=["provider"], condition=models.Q(account=None), name="route_once_for_all"
            ),
        ]


class ProviderLimit(models.Model):
    """What one provider, or one destination domain, is given of a router at most; `*`: any that has none of its own."""

    router = models.ForeignKey(Router, on_delete=models.CASCADE, related_name="limits")
    provider = models.CharField(max_length=253, help_text="As `stats.providers` names it, or a domain.")
    max_connections = models.PositiveIntegerField(null=True, blank=True, help_text="Over all workers.")
    mails_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Over all workers.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["router", "provider"], name="limit_once_per_provider")]


class WarmUp(models.Model):
    """How many mails a day a new sending domain gives each provider: more each day, until the plan is over."""

    domain = models.OneToOneField(Domain, on_delete=models.CASCADE, related_name="warm_up")
    started_on = models.DateField(help_text="UTC.")
    first_day = models.PositiveIntegerField(default=50, help_text="Mails to each provider on the first day.")
    growth_percent = models.PositiveIntegerField(default=50, help_text="More than on the day before.")
    days = models.PositiveIntegerField(default=30)


class WarmUpDay(models.Model):
    """What a plan let through on one day."""

    plan = models.ForeignKey(WarmUp, on_delete=models.CASCADE, related_name="spent")
    provider = models.CharField(max_length=32)
    day = models.DateField()
    mails = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "provider", "day"], name="warm_up_day_once")]


class Shape(models.Model):
    """The pace of one (router, provider), shared by all workers: slowed by refusals, recovering by itself."""

    router = models.ForeignKey(Router, on_delete=models.CASCADE, related_name="shapes")
    provider = models.CharField(max_length=253, help_text="`*`: all.")
    #: A router that cannot be reached rests until then; its mails lose no try.
    deferred_until = models.DateTimeField(null=True, blank=True)
    faults = models.PositiveIntegerField(default=0, help_text="Connection faults in a row.")
    last_fault = models.CharField(max_length=500, blank=True)
    #: Mails that may be claimed at once, as of `refilled_at`.
    allowance = models.FloatField(default=0)
    refilled_at = models.DateTimeField(default=timezone.now)
    #: Share of the router's rate in force, in per mille.
    pace = models.PositiveIntegerField(default=1000)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["router", "provider"], name="shape_once_per_provider")]


class ConnectionSlot(models.Model):
    """The right to hold connections to a router, leased by one drain."""

    router = models.ForeignKey(Router, on_delete=models.CASCADE, related_name="slots")
    #: The part of a router that has limits of its own; `*`: all of it.
    provider = models.CharField(max_length=253, default="*")
    worker = models.CharField(max_length=32)
    connections = models.PositiveIntegerField()
    leased_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["router", "provider", "worker"], name="slot_once_per_worker")
        ]
