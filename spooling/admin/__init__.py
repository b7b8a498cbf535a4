"""The admin pages of `spooling`, one module a noun."""

from spooling.admin import claims, jobs, mails, privacy, routers, spoolers, suppressions, trap

__all__ = ["claims", "jobs", "mails", "privacy", "routers", "spoolers", "suppressions", "trap"]
