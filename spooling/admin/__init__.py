"""The admin pages of `spooling`, one module a noun."""

from spooling.admin import (
    claims,
    incoming,
    jobs,
    mails,
    metrics,
    privacy,
    routers,
    spoolers,
    stages,
    suppressions,
    trap,
    warm_ups,
    webhooks,
)

__all__ = [
    "claims",
    "incoming",
    "jobs",
    "mails",
    "metrics",
    "privacy",
    "routers",
    "spoolers",
    "stages",
    "suppressions",
    "trap",
    "warm_ups",
    "webhooks",
]
