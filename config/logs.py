"""How log lines look: the constant message, then what it is about."""

from __future__ import annotations

import logging

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request", "server_time"}


class Line(logging.Formatter):
    """Appends a record's `extra` as `name=value`."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        extra = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        return " ".join(
            [super().formatMessage(record), *(f"{name}={value!r}" for name, value in extra.items())]
        )
