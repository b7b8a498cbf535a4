"""Drains that run until nothing is left to do, however slow the machine is."""

import time

from django.utils import timezone

from spooling.delivery.drain import Drain
from spooling.models import Mail

#: After so long the test has failed.
SECONDS = 60.0


def run(lane):
    """Send all that is due on a lane. Raises AssertionError when it does not end."""
    over_at = time.monotonic() + SECONDS
    Drain(lane, seconds=SECONDS, stop=lambda: time.monotonic() > over_at or not undone(lane)).run()
    assert not undone(lane), "mail is left over"


def undone(lane):
    """Whether a mail is due or on its way."""
    mails = Mail.objects.filter(lane=lane, state__in=["waiting", "sending"], due_at__lte=timezone.now())
    return mails.exists()
