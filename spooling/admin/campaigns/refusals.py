"""What a verb of campaigns refuses, as one sentence for the page."""

from __future__ import annotations

from earwig.errors import EarwigError
from spooling.errors import FieldsRefused, SpoolerStateConflict
from spooling.models import Spooler


def sentence(refused: EarwigError, spooler: Spooler) -> str:
    """With the fields it is about, or the state that somebody else brought the spooler to meanwhile."""
    if isinstance(refused, FieldsRefused):
        told = "; ".join(f"{name}: {flaw}" for name, flaw in refused.fields.items())
        return f"{refused.message} {told}".strip()
    # Not of what is derived from it: that says all there is.
    if type(refused) is SpoolerStateConflict:
        spooler.refresh_from_db()
        return f"{refused.message} It is {spooler.get_state_display().lower()} by now."
    return refused.message
