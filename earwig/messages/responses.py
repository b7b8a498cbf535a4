"""What original senders say of the answers they got (handoff contract §8)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, QuerySet

from earwig.models import ContactDetail, DeliveryAttempt, Person, ResponseStatistic
from earwig.models.messages import ResponseKind

#: Rows that the page of one template shows and counts.
MOST_ROWS = 100


def say(attempt: DeliveryAttempt, *, kind: str, now: datetime) -> ResponseStatistic:
    """The sender's word on an attempt; a later word replaces the earlier."""
    response, _ = ResponseStatistic.objects.update_or_create(
        attempt=attempt, defaults={"kind": kind, "updated_at": now}
    )
    return response


def breakdown() -> dict[str, dict[str, int]]:
    """By template the number of answers of each kind; every template that any attempt used is there."""
    templates = DeliveryAttempt.objects.order_by("template").values_list("template", flat=True).distinct()
    figures = {template: dict.fromkeys(ResponseKind.values, 0) for template in templates}
    counted = ResponseStatistic.objects.values_list("attempt__template", "kind").annotate(Count("id"))
    for template, kind, number in counted:
        figures[template][kind] = number
    return figures


def latest(template: str, limit: int = MOST_ROWS) -> QuerySet[ResponseStatistic]:
    """The latest answers for one template, with attempt, contact and person."""
    return _rows().filter(attempt__template=template)[:limit]


def of_person(person: Person) -> QuerySet[ResponseStatistic]:
    """All answers on mail to one person, latest first."""
    return _rows().filter(attempt__recipient__person=person)


def of_contact(contact: ContactDetail) -> QuerySet[ResponseStatistic]:
    """All answers on mail to one contact, latest first."""
    return _rows().filter(attempt__contact=contact)


def _rows() -> QuerySet[ResponseStatistic]:
    return ResponseStatistic.objects.select_related(
        "attempt__contact", "attempt__recipient__person"
    ).order_by("-id")
