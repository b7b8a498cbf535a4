"""Mails as they go out, made as a spooler makes them."""

from spooling.delivery import letters
from spooling.models import Mail
from spooling.outbox import values


def of(mail_id):
    """The message of a mail that was spooled."""
    (claimed,) = values.claimed(Mail.objects.filter(pk=mail_id))
    loaded = letters.Letters()
    return loaded.message(claimed, loaded.load([claimed])[claimed.content_id], 0)
