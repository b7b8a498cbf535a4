"""Who may send from which domain: on this wire, accounts from domains that were approved (quirk 12)."""

from __future__ import annotations

from earwig import addresses, domains
from earwig.credentials import Credential
from earwig.models import Domain
from spooling import raw_messages
from spooling.outbox.drafts import NewContent
from spooling.wires.smtpeter import errors


class Senders:
    """The domains of one call, each looked up once."""

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self._known: dict[str, int] = {}

    def domain_of(self, content: NewContent) -> int:
        """The id of the domain that signs. Raises DomainNotConfigured for the author's domain or the sender's, and
        DomainNotAllowed where bounces would go straight to another account's.
        """
        handling = content.handling
        if handling.envelope_sender and not handling.track_bounces:
            domains.require_free(self.credential.account_id, handling.envelope_sender)
        if content.raw and (sender := raw_messages.sender_of(content)):
            self._domain(addresses.domain_of(sender))
        return self._domain(addresses.domain_of(content.from_email))

    def _domain(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = self._approved(name)
        return self._known[name]

    def _approved(self, name: str) -> int:
        allowed = self.credential.allowed_sender_domains
        own = Domain.objects.filter(account=self.credential.account_id, name=name, removed_at=None)
        approved = own.filter(disabled=False, verified_at__isnull=False)
        found = approved.values_list("pk", flat=True).first()
        if found is None or (allowed and name not in allowed):
            raise errors.DomainNotConfigured(name)
        return int(found)
