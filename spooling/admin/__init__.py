"""The admin pages of `spooling`, one module a noun."""

from spooling.admin import claims, jobs, mails, privacy, routers, spoolers, stages, suppressions, trap

__all__ = ["claims", "jobs", "mails", "privacy", "routers", "spoolers", "stages", "suppressions", "trap"]
