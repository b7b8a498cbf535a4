"""The tables of `stats`, one module a noun."""

from stats.models.events import UNDELIVERED, CurrentTransaction, Event, EventKind, Reader, TransactionId
from stats.models.metrics import MetricSample
from stats.models.rollups import (
    Counters,
    DailyDestinationRollup,
    DailyRollup,
    RollupCursor,
    SpoolerDestinationRollup,
    SpoolerRollup,
)
from stats.models.webhooks import Webhook, WebhookDelivery, WebhookFormat, new_webhook_token

__all__ = [
    "Counters",
    "CurrentTransaction",
    "DailyDestinationRollup",
    "DailyRollup",
    "Event",
    "EventKind",
    "MetricSample",
    "Reader",
    "RollupCursor",
    "SpoolerDestinationRollup",
    "SpoolerRollup",
    "TransactionId",
    "UNDELIVERED",
    "Webhook",
    "WebhookDelivery",
    "WebhookFormat",
    "new_webhook_token",
]
