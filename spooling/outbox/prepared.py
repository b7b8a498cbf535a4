"""Statements that PostgreSQL parses and plans once per connection: for the largest that takes longer than running it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

_known: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()


class Statement:
    """SQL with named parameters (`%(name)s`), whose SQL types are given in order."""

    def __init__(self, name: str, sql: str, types: Mapping[str, str]) -> None:
        self.name = name
        self.sql = sql
        numbered = {parameter: f"${number}" for number, parameter in enumerate(types, 1)}
        self._prepare = f"PREPARE {name} ({', '.join(types.values())}) AS {sql % numbered}"
        self._execute = f"EXECUTE {name} ({', '.join(f'%({parameter})s' for parameter in types)})"

    def execute(self, cursor: CursorWrapper, parameters: Mapping[str, Any]) -> None:
        """Run it. Unprepared where a pooler changes the session under us (DISABLE_SERVER_SIDE_CURSORS)."""
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            cursor.execute(self.sql, parameters)
            return
        session = connection.connection
        names = _known.setdefault(session, set())
        if self.name not in names:
            # Belongs to the session, so it outlives a rollback of the transaction at hand.
            cursor.execute(self._prepare)
            names.add(self.name)
        cursor.execute(self._execute, parameters)
