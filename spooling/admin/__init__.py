"""The admin pages of `spooling`, one module a noun."""

from spooling.admin import claims, jobs, mails, routers, spoolers, suppressions, trap

__all__ = ["claims", "jobs", "mails", "routers", "spoolers", "suppressions", "trap"]
