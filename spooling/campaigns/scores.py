"""What `stats.scoring` says of messages that are about to be sent."""

from __future__ import annotations

from earwig.models import DkimKey
from spooling.campaigns import messages
from spooling.models import Spooler
from spooling.models.spoolers import Lane
from spooling.outbox.drafts import NewContent
from stats import scoring

#: Of a campaign that says nothing yet.
NO_MESSAGE = scoring.Score(
    score=0,
    block=True,
    details=(scoring.Finding("no-message", -scoring.BEST, "The campaign has no message yet."),),
)


def of_spooler(spooler: Spooler) -> scoring.Score:
    """The score of what a campaign's mails say. Raises UnknownResource, AttachmentTooLarge, InvalidAddress."""
    content = messages.compose(spooler)
    if not (content.subject or content.html or content.text):
        return NO_MESSAGE
    return of_content(content, domain_id=spooler.domain_id, lane=spooler.lane)


def of_content(content: NewContent, *, domain_id: int | None, lane: str) -> scoring.Score:
    """The score of a content that the domain, None: nobody, signs."""
    return scoring.score(
        scoring.Message(
            subject=content.subject,
            html=content.html,
            text=content.text,
            headers=content.headers,
            sender=content.from_email,
            size=_size(content),
            signed=DkimKey.objects.filter(domain=domain_id, active=True).exists(),
            bulk=lane == Lane.BULK,
        )
    )


def _size(content: NewContent) -> int:
    """Bytes of the mail, its files as base64 (RFC 2045 §6.8: lines of 76 for 57 bytes)."""
    texts = (content.subject, content.text, content.html)
    bodies = sum(len(text.encode("utf-8", "replace")) for text in texts)
    return bodies + sum(len(file.data) * 78 // 57 for file in content.files)
