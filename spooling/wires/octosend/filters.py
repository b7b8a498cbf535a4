"""Criteria of lists to querysets (contract §4 to §6, §16)."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from earwig import addresses, media_types
from earwig.models import Domain
from spooling.models import Spooler
from spooling.models.spoolers import SpoolerState
from spooling.wires.octosend import outputs
from spooling.wires.octosend.inputs import Parameters
from templates_app.models import Template, TemplateVersion
from templates_app.templates import IS_CURRENT

#: The start was never set (quirk 11).
_NO_START = Q(start_at=F("created_at"))


def domains(account_id: int, parameters: Parameters) -> QuerySet[Domain]:
    """Of the account, but removed ones (quirk 14)."""
    rows = Domain.objects.filter(account=account_id, removed_at=None)
    return rows.filter(contains("name", parameters, "nameContains"))


def spoolers(account_id: int, parameters: Parameters, *, now: datetime) -> QuerySet[Spooler]:
    """Campaigns of the account."""
    criteria = [
        contains("name", parameters, "nameContains"),
        within("created_at", parameters, "created"),
        _start(parameters),
        within("ended_at", parameters, "end"),
        _domains(parameters.texts("domains")),
        _types(parameters.texts("types")),
        _states(parameters.texts("states"), now),
    ]
    rows = Spooler.objects.campaigns_of(account_id).filter(*criteria)
    return rows.select_related("domain")


def templates(domain: Domain, parameters: Parameters) -> QuerySet[Any]:
    """Of the domain, each with `is_html`: of which of the two types it is."""
    says_html = TemplateVersion.objects.filter(IS_CURRENT, template=OuterRef("pk")).exclude(html="")
    rows = Template.objects.filter(account=domain.account_id, domain=domain).annotate(
        is_html=Exists(says_html)
    )
    wanted = {media_types.bare(kind) for kind in parameters.texts("types")}
    if wanted:
        kinds = [kind == outputs.HTML for kind in (outputs.HTML, outputs.TEXT) if kind in wanted]
        rows = rows.filter(is_html__in=kinds)
    return rows.filter(contains("name", parameters, "nameContains"))


def contains(column: str, parameters: Parameters, name: str) -> Q:
    """A part of it, in any case; an empty one is no filter."""
    part = parameters.text(name)
    return Q(**{f"{column}__icontains": part}) if part else Q()


def within(column: str, parameters: Parameters, stem: str) -> Q:
    """`…After` and `…Before`, both inclusive; what is not set fails each bound but 0."""
    after, until = parameters.moment(f"{stem}After"), parameters.until(f"{stem}Before")
    bounds = Q()
    if after is not None:
        bounds &= Q(**{f"{column}__gte": after})
    if until is not None:
        bounds &= Q(**{f"{column}__lt": until})
    return bounds


def _start(parameters: Parameters) -> Q:
    """A start that was never set is 0: before every bound."""
    after, until = parameters.moment("startAfter"), parameters.until("startBefore")
    bounds = Q()
    if after is not None:
        bounds &= Q(start_at__gte=after) & ~_NO_START
    if until is not None:
        bounds &= Q(start_at__lt=until) | _NO_START
    return bounds


def any_of(conditions: Iterable[Q]) -> Q:
    """One of them at least; of none, nothing."""
    return reduce(operator.or_, conditions, Q(pk__in=()))


def _domains(names: list[str]) -> Q:
    return Q(domain__name__in=[addresses.canonical_domain(name) for name in names]) if names else Q()


def _types(words: list[str]) -> Q:
    return Q(lane__in=[outputs.LANES[word] for word in words if word in outputs.LANES]) if words else Q()


def _states(words: list[str], now: datetime) -> Q:
    """`outputs.state_of` as SQL."""
    if not words:
        return Q()
    ready = Q(state=SpoolerState.READY)
    closing = Q(state=SpoolerState.FINISHED)
    states = {
        outputs.NEW: Q(state=SpoolerState.PENDING),
        outputs.PENDING: Q(state=SpoolerState.PAUSED) | ready & Q(start_at__gt=now),
        outputs.RUNNING: ready & Q(start_at__lte=now) | closing & Q(ended_at=None),
        outputs.FINISHED: closing & Q(ended_at__isnull=False),
        outputs.CANCELLED: Q(state=SpoolerState.CANCELLED),
    }
    return any_of(states[word] for word in set(words) & states.keys())
