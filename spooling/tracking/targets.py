"""Targets that all recipients of a content share: stored with it, so that links work for as long as it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from spooling.models import ContentLink
from spooling.tracking.links import Numbers
from templates_app.rendering import LinkKind

Found = Sequence[tuple[LinkKind, str]]


def numbered(found: Mapping[int, Found]) -> dict[int, Numbers]:
    """The numbers of each content's links, by its id. Those that have none yet get one, by their first appearance.

    Whoever stores a number first is right: what nobody else stored keeps none, and its links carry their target.
    """
    wanted = {content_id: [link for link in links if link[1]] for content_id, links in found.items()}
    wanted = {content_id: links for content_id, links in wanted.items() if links}
    if not wanted:
        return {}
    known = _stored(wanted)
    if new := [row for content_id, links in wanted.items() for row in _new(content_id, links, known)]:
        ContentLink.objects.bulk_create(new, ignore_conflicts=True)
        known = _stored(wanted)
    return known


def _stored(content_ids: Iterable[int]) -> dict[int, Numbers]:
    stored: defaultdict[int, dict[tuple[LinkKind, str], int]] = defaultdict(dict)
    for row in ContentLink.objects.filter(content__in=list(content_ids)):
        stored[row.content_id][LinkKind(row.kind), row.target] = row.number
    return dict(stored)


def _new(content_id: int, links: Found, known: Mapping[int, Numbers]) -> list[ContentLink]:
    if content_id in known:
        return []
    return [
        ContentLink(content_id=content_id, number=number, kind=kind.value, target=target)
        for number, (kind, target) in enumerate(links, start=1)
    ]
