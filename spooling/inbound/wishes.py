"""Who wants to hear what became of a mail (RFC 3461 §4.1). Pure."""

from __future__ import annotations

from spooling.inbound.dsn import Action
from spooling.outbox.drafts import Handling

#: What a client calls what it wants to hear of; it hears of failures and delays unless it says otherwise.
_WORDS = {
    Action.FAILED: "FAILURE",
    Action.DELAYED: "DELAY",
    Action.DELIVERED: "SUCCESS",
    Action.RELAYED: "SUCCESS",
    Action.EXPANDED: "SUCCESS",
}
_USUAL = "FAILURE,DELAY"


def listener(handling: Handling, action: Action) -> str:
    """The envelope sender, where its client named one and wants to hear of such; else empty."""
    wanted = (handling.notify or _USUAL).upper().split(",")
    return handling.envelope_sender if _WORDS[action] in wanted else ""
