"""The lines of one drain: opened as mail for them comes, and how much more each may take.

A direct router has one for each site. They share the router's connections, and those of their part of it; lines on which
nothing is under way are closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from spooling.delivery import lines, smtp
from spooling.delivery.consignments import Holder, Key, Parcel
from spooling.delivery.lines import Line
from spooling.routers import Destination
from stats import providers

#: Of one line, how many waiting mails count when it is asked how much room there is for mails of any domain: a site that
#: takes nothing does not keep the others from being sent to.
MOST_COUNTED = 10

Feed = Callable[[Line], smtp.Message | None]


class Lines:
    """Turned by the drain's thread; the supply's asks `room`, `full`, `waiting` and `parts`."""

    def __init__(self, loop: smtp.Loop, batch: int, feed: Feed, granted: Mapping[Holder, int]) -> None:
        self._loop, self._batch, self._feed, self._granted = loop, batch, feed, granted
        self._lines: dict[Key, Line] = {}
        self._budgets: dict[Holder, smtp.Budget] = {}

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())

    def of(self, parcel: Parcel) -> Line:
        """The line that it leaves by, opened where it is not."""
        if parcel.site is not None:
            return self._site_line(parcel)
        destination = parcel.destination
        line = self._lines.get(destination.id)
        if line is None:
            line = self._lines[destination.id] = Line(destination)
        connections = self._granted.get(destination.id) or 1
        if line.pool is None:
            line.pool = self._open(line, connections)
        elif line.connections != connections:
            line.pool.resize(connections)
        line.connections = connections
        return line

    def room(self, destination: Destination, provider: str) -> int:
        """How many mails to claim for this router: a batch, or none while one still waits."""
        if destination.direct:
            return self._direct_room(destination.id, provider)
        line = self._lines.get(destination.id)
        return self._batch if line is None or len(line.parcels) < self._batch else 0

    def full(self) -> bool:
        """Whether no line has room."""
        found = list(self._lines.values())
        direct = {line.site.router_id for line in found if line.site}
        return (
            bool(found)
            and all(line.site or len(line.parcels) >= self._batch for line in found)
            and not any(self._direct_room(router_id, providers.OTHER) for router_id in direct)
        )

    def waiting(self, key: Key) -> int:
        """Mails that wait for a connection."""
        line = self._lines.get(key)
        return len(line.parcels) if line else 0

    def parts(self, router_id: int) -> set[str]:
        """Parts of a direct router to which mail is under way."""
        sites = [line.site for line in list(self._lines.values()) if line.site]
        return {site.part for site in sites if site.router_id == router_id}

    def tidy(self) -> None:
        """Close sites to which nothing is under way, and give the others the connections that are leased now."""
        for key, line in [each for each in self._lines.items() if each[1].site and each[1].idle]:
            assert line.pool is not None
            line.pool.close()
            del self._lines[key]
        self._forget_budgets()
        self._resize()

    def _forget_budgets(self) -> None:
        sites = [line.site for line in self if line.site]
        in_use = {site.router_id for site in sites} | {site.holder for site in sites}
        for holder in [holder for holder in self._budgets if holder not in in_use]:
            del self._budgets[holder]

    def _resize(self) -> None:
        for holder, budget in self._budgets.items():
            budget.size = self._granted.get(holder, 0)
        sharing = Counter(line.site.holder for line in self if line.site)
        for line in self:
            if line.site and line.pool:
                whole, part = self._budget(line.site.router_id), self._budget(line.site.holder)
                size = min(part.size, max(1, part.size // sharing[line.site.holder]))
                if whole.used > whole.size:
                    size = min(size, max(1, line.pool.connections_open * whole.size // whole.used))
                line.pool.resize(size)

    def _site_line(self, parcel: Parcel) -> Line:
        site = parcel.site
        assert site is not None
        line = self._lines.get(site.key)
        if line is None:
            line = self._lines[site.key] = Line(parcel.destination, site)
            part = self._budget(site.holder)
            share = smtp.Share((self._budget(site.router_id), part), line.parcels)
            line.pool = self._open(line, part.size, share)
        elif line.site != site:
            # Its domain names other servers, or addresses, than before.
            assert line.pool is not None
            line.site, line.pool.server = site, lines.server_of(parcel.destination, site)
        return line

    def _budget(self, holder: Holder) -> smtp.Budget:
        if holder not in self._budgets:
            self._budgets[holder] = smtp.Budget(self._granted.get(holder, 0))
        return self._budgets[holder]

    def _open(self, line: Line, connections: int, share: smtp.Share = smtp.ALONE) -> smtp.Pool:
        server = lines.server_of(line.destination, line.site)
        return self._loop.open(server, connections=connections, feed=lambda: self._feed(line), share=share)

    def _direct_room(self, router_id: int, provider: str) -> int:
        most = MOST_COUNTED if provider == providers.OTHER else self._batch
        waiting = sum(
            min(len(line.parcels), most)
            for line in list(self._lines.values())
            if line.site and line.site.router_id == router_id and line.site.provider == provider
        )
        return self._batch if waiting < self._batch else 0
