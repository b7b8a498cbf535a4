"""How log lines look: the constant message, then what it is about."""

from __future__ import annotations

import logging
import re

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request", "server_time"}
_ADDRESS = re.compile(r"[^\s/?&=]+(?:@|%40)[^\s/?&=]+")


def without_addresses(path: str) -> str:
    """A path that names a recipient, as some wires' do, without saying whom."""
    return _ADDRESS.sub("[address]", path) if "@" in path or "%40" in path else path


class Line(logging.Formatter):
    """Appends a record's `extra` as `name=value`."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        if record.name == "django.request":
            record.message = without_addresses(record.message)
        extra = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        return " ".join(
            [super().formatMessage(record), *(f"{name}={value!r}" for name, value in extra.items())]
        )
