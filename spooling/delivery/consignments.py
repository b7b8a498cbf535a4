"""What travels between the threads of a drain: claimed mails on their way out, results on their way back."""

from __future__ import annotations

from dataclasses import dataclass, field

from spooling.delivery import smtp
from spooling.delivery.compiled import Compiled
from spooling.delivery.exchanges import Exchange
from spooling.errors import ContentUnusable
from spooling.outbox.values import Claimed, Result
from spooling.routers import Destination
from spooling.suppressions import Refusal
from spooling.warm_ups import Spent

#: What tells lines apart: a router, or a site of a direct one with the part of the router that it belongs to.
Key = int | tuple[int, str, str]
#: What connections are leased for: a router, or a part of a direct one.
Holder = int | tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The servers that some domains share, by a direct router; `part` is what its limits are of."""

    router_id: int
    part: str
    name: str
    provider: str
    exchanges: tuple[Exchange, ...]

    @property
    def holder(self) -> tuple[int, str]:
        return self.router_id, self.part

    @property
    def key(self) -> tuple[int, str, str]:
        return self.router_id, self.part, self.name


@dataclass(slots=True)
class Parcel:
    """A claimed mail that may be sent."""

    mail: Claimed
    claim_id: int
    destination: Destination
    content: Compiled
    #: Of a direct router, where it leads.
    site: Site | None = None
    #: The day's quota that it was counted to.
    spent: Spent | None = None
    #: Connections that were lost under it before its body was out.
    untouched: int = 0
    #: What was last said at its own command before the connection was lost: then this mail may be the reason.
    blamed: str = ""
    #: Made ahead, or why it cannot be.
    message: smtp.Message | ContentUnusable | None = None


@dataclass(slots=True)
class Delivery:
    """What the supply hands over: what may be sent, and what a step before sending decided.

    `size` counts the mails of the claim that were not handed over before; a part of them may still be looked up.
    """

    claim_id: int
    size: int
    parcels: list[Parcel] = field(default_factory=list)
    decided: list[Result] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    unspent: list[Spent] = field(default_factory=list)


@dataclass(slots=True)
class Returns:
    """Results of one line that are ready to be settled."""

    destination: Destination | None
    results: list[Result] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    unspent: list[Spent] = field(default_factory=list)
    site: Site | None = None
    #: Set when the router, or the site, could not be reached: how its last connection failed.
    fault: str = ""
