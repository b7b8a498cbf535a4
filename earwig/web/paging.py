"""`limit` and `offset` paging: `count`, `next`, `previous`, `results`."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

from earwig.web import errors

#: A deeper offset costs as much as all rows before it; filters reach the same rows cheaply.
MAX_OFFSET = 100_000


class Paging(LimitOffsetPagination):
    """100 by default, 1,000 at most. A view with a `count(queryset)` is asked instead of the database."""

    default_limit = 100
    max_limit = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.view = view
        return super().paginate_queryset(queryset, request, view)

    def get_count(self, queryset: Any) -> int:
        count = getattr(self.view, "count", None)
        return int(count(queryset)) if count else super().get_count(queryset)

    def get_limit(self, request: Request) -> int:
        return min(number(request, "limit", self.default_limit, lowest=1), self.max_limit)

    def get_offset(self, request: Request) -> int:
        offset = number(request, "offset", 0, lowest=0)
        if offset > MAX_OFFSET:
            raise _refused("offset", f"At most {MAX_OFFSET}; use filters to reach older rows.")
        return offset


def number(request: Request, name: str, default: int, *, lowest: int) -> int:
    """A whole number of the query. Raises Rejected."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) >= lowest):
        raise _refused(name, f"A whole number from {lowest} on.")
    return int(text)


def _refused(field: str, message: str) -> errors.Rejected:
    return errors.Rejected([errors.Problem(None, field, "invalid", message)])
