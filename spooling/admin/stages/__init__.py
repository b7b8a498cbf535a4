"""The admin pages of stage-based messaging, one module a noun."""

from spooling.admin.stages import (
    behind,
    binary_contents,
    failures,
    message_sets,
    people,
    schedules,
    stage_messages,
    subscriptions,
)

__all__ = [
    "behind",
    "binary_contents",
    "failures",
    "message_sets",
    "people",
    "schedules",
    "stage_messages",
    "subscriptions",
]
