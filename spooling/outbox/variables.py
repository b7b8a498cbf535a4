"""The variables of new mails as JSON, and their bound for every wire: the text that is stored anyway shows cheaply
that they are within it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from earwig import variables
from spooling import errors
from spooling.outbox.drafts import NewMail


def texts(mails: Sequence[NewMail], *, bounded: bool = True) -> list[str]:
    """Each mail's, on one line, in order. Raises VariablesRefused where they are `bounded`, naming the first mail."""
    try:
        made = [orjson.dumps(mail.variables).decode() for mail in mails]
    except TypeError:
        # Numbers beyond 64 bits, and what is nested too deep.
        if bounded:
            _check(mails, range(len(mails)))
        return [variables.text(mail.variables) for mail in mails]
    if bounded and max(map(len, made), default=0) > variables.SURELY_SMALL:
        _check(mails, (place for place, text in enumerate(made) if len(text) > variables.SURELY_SMALL))
    return made


def _check(mails: Sequence[NewMail], places: Iterable[int]) -> None:
    for place in places:
        if why := variables.flaw(mails[place].variables, variables.OF_A_MAIL):
            raise errors.VariablesRefused(why, place=place)
