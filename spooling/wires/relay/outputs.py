"""Documents that every resource of the wire needs: results and pages (contract §1.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from spooling.wires.relay import dates, relations
from spooling.wires.relay.inputs import Page
from spooling.wires.relay.relations import Link

#: What a link of a page keeps of a query is all of it but these.
_OWN = ("api_key", "page", "per_page", "to")


def created(id: str, message: str, links: Sequence[Link]) -> dict[str, Any]:
    """A `creation-result`."""
    return {"createdResourceId": id, "message": message, "_links": list(links)}


def done(message: str, links: Sequence[Link]) -> dict[str, Any]:
    """A `message-result`."""
    return {"message": message, "_links": list(links)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection that is shown by pages: where it is, its relation, and what was asked."""

    href: str
    relation: str
    page: Page
    query: Mapping[str, str] = field(default_factory=dict)
    #: Pinned in the links (quirk 7), where the collection is bounded by time.
    end: datetime | None = None

    def document(self, items: Sequence[Any], count: int, links: Sequence[Link]) -> dict[str, Any]:
        """The page that holds `items` of `count`, with `links` and those that lead to other pages."""
        pages = math.ceil(count / self.page.size)
        return {
            "items": list(items),
            "pageSize": self.page.size,
            "itemsCount": count,
            "currentPage": self.page.number,
            "pagesCount": pages,
            "_links": [*links, *self._turns(pages)],
        }

    def _turns(self, pages: int) -> list[Link]:
        number = self.page.number
        if pages < 2:
            return []
        turns = {"first": 1, "last": pages}
        if number > 1:
            turns["previous"] = min(number - 1, pages)
        if number < pages:
            turns["next"] = number + 1
        return [relations.link(self._at(turn), self.relation, word) for word, turn in turns.items()]

    def _at(self, number: int) -> str:
        kept = {name: value for name, value in self.query.items() if name not in _OWN and value}
        end = {} if self.end is None else {"to": dates.written(self.end)}
        return f"{self.href}?{urlencode(kept | end | {'page': number, 'per_page': self.page.size})}"
