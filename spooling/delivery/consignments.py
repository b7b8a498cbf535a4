"""What travels between the threads of a drain: claimed mails on their way out, results on their way back."""

from __future__ import annotations

from dataclasses import dataclass, field

from spooling.delivery import smtp
from spooling.delivery.letters import Compiled
from spooling.errors import ContentUnusable
from spooling.outbox.values import Claimed, Result
from spooling.routers import Destination
from spooling.suppressions import Refusal


@dataclass(slots=True)
class Parcel:
    """A claimed mail that may be sent."""

    mail: Claimed
    claim_id: int
    destination: Destination
    content: Compiled
    #: Connections that were lost under it before its body was out.
    untouched: int = 0
    #: What was last said at its own command before the connection was lost: then this mail may be the reason.
    blamed: str = ""
    #: Made ahead, or why it cannot be.
    message: smtp.Message | ContentUnusable | None = None


@dataclass(slots=True)
class Delivery:
    """One claimed batch as the supply hands it over: what may be sent, and what a step before sending decided."""

    claim_id: int
    size: int
    parcels: list[Parcel]
    decided: list[Result]


@dataclass(slots=True)
class Returns:
    """Results of one router that are ready to be settled."""

    destination: Destination | None
    results: list[Result] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    #: Set when the router could not be reached: how its last connection failed.
    fault: str = ""
