"""What of the installation the OpenAPI document describes."""

from __future__ import annotations

from typing import Any

Endpoint = tuple[str, str, str, Any]


def native_only(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Foreign wires have documents of their own; a path with `.json` is the path without it."""
    paths = (endpoint for endpoint in endpoints if not endpoint[0].endswith(".json"))
    return [endpoint for endpoint in paths if endpoint[0].startswith("/api/")]
