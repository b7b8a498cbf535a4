"""The admin pages of `spooling`, one module a noun."""

from spooling.admin import (
    claims,
    jobs,
    mails,
    metrics,
    privacy,
    routers,
    spoolers,
    stages,
    suppressions,
    trap,
)

__all__ = [
    "claims",
    "jobs",
    "mails",
    "metrics",
    "privacy",
    "routers",
    "spoolers",
    "stages",
    "suppressions",
    "trap",
]
