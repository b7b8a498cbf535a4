"""Outages of the database, as a drain logs them: by kind and code, never by the words, which may hold values."""

from __future__ import annotations


def fault_of(error: Exception) -> dict[str, str]:
    """The `extra` of a log line: the class, and the SQLSTATE where the server gave one."""
    return {"error": type(error).__name__, "sqlstate": getattr(error.__cause__, "pgcode", None) or ""}
