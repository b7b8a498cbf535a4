"""Variables that several mails of one call share: each is to have a copy, so they are bounded before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from earwig import variables
from earwig.web.errors import Problem, Rejected
from spooling import errors
from spooling.api.notes import Notes

#: Characters, as JSON, of the copies of all mails of one call.
MAX_COPIED = 32 * 1024 * 1024
_FIELD = "variables"


def read(values: Mapping[str, Any], notes: Notes, *, mails: int) -> Mapping[str, Any]:
    """Those of so many mails; none where they are too much. Raises Rejected for more than MAX_COPIED in the call."""
    if why := variables.flaw(values, variables.OF_A_MAIL):
        notes.add(_FIELD, errors.VariablesRefused.code, why)
        return {}
    notes.work.copied += len(variables.text(values)) * mails
    if notes.work.copied > MAX_COPIED:
        why = f"Each address gets a copy of them: at most {MAX_COPIED // 1024**2} MiB in one call."
        raise Rejected([Problem(notes.index, _FIELD, errors.VariablesRefused.code, why)])
    return values
