"""A mail that is sent once more, as it was."""

from __future__ import annotations

from datetime import datetime

from spooling import attempts_mail, errors
from spooling.models import Mail
from spooling.outbox import intake
from spooling.outbox.drafts import Accepted, NewMail, NewSend, NewSubmission


def once_more(mail: Mail, *, wire: str, now: datetime) -> Accepted:
    """A new mail in the account's standing stream that says the same to the same address, from the same domain.

    Raises ContentUnusable where something of it is erased or it is of a handed-over message, and LimitReached.
    """
    if mail.submission.wire == attempts_mail.WIRE:
        # Who wrote it is found by its attempt or thread when all that tells of that person is to be erased.
        raise errors.ContentUnusable(
            "A handed-over message goes out once more by another attempt of its own."
        )
    if mail.erased_at is not None or mail.content.erased_at is not None:
        raise errors.ContentUnusable("It is erased.")
    send = NewSend(
        content_id=mail.content_id,
        mails=(NewMail(mail.email, mail.name, mail.variables, tags=tuple(mail.tags or ())),),
        domain_id=mail.domain_id,
    )
    submission = NewSubmission(
        account_id=mail.account_id,
        wire=wire,
        tags=tuple(mail.submission.tags),
        metadata=mail.submission.metadata,
        # They were taken once.
        bounded=False,
    )
    (accepted,) = intake.accept(submission, [send], now=now)
    return accepted
