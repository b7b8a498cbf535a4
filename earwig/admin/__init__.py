"""The admin pages of `earwig`, one module a noun."""

from earwig.admin import accounts, api_keys, audit, domains, messages, people, senders, users

__all__ = ["accounts", "api_keys", "audit", "domains", "messages", "people", "senders", "users"]
