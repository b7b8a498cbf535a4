"""Puts mails where a test needs them, past the outbox's verbs but with all that belongs to the state."""

from spooling.models import Mail, Pending
from spooling.models.mails import PENDING
from spooling.outbox import pending


def put(mails=None, **fields):
    """Change these mails, or all, and leave those that wait or are in doubt to be found."""
    ids = list((Mail.objects.all() if mails is None else mails).values_list("pk", flat=True))
    Mail.objects.filter(pk__in=ids).update(**fields)
    Pending.objects.filter(mail__in=ids).delete()
    pending.leave(Mail.objects.filter(pk__in=ids, state__in=PENDING))
