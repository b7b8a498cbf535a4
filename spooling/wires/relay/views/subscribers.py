"""`subscribers/{email}/resubscribe` (contract §7.5)"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import addresses, mailboxes
from earwig.errors import InvalidAddress
from spooling.wires.relay import errors, outputs, relations, resubscriptions, wire

LONGEST_REASON = 1000


class ResubscribeView(wire.WireView):
    """Sends to an address again that is suppressed for one of the account's sending domains."""

    reads = "resubscription"
    http_method_names = ["post", "options"]

    def post(self, request: Request, id: str) -> HttpResponse:
        fields = self.fields()
        # Wanted, so that somebody thinks of one; it may tell of people and is not kept.
        fields.text("reason", required=True, most=LONGEST_REASON)
        domain = fields.text("domain", required=True)
        try:
            # A plus that came unencoded stays one in a path.
            address = mailboxes.normal(id.strip())
        except InvalidAddress as error:
            fields.refuse("email", error.message)
        fields.finish()
        if not addresses.is_domain(addresses.canonical_domain(domain)):
            raise errors.DomainNotConfigured
        resubscriptions.resubscribe(self.credential, address, domain=domain, now=timezone.now())
        links = [
            relations.link(f"{self.home}/domains", "get-domain-collection", "related"),
            *self.ways_home(),
        ]
        return self.answer(
            outputs.done("Subscriber successfully resubscribed", links), schema="message-result"
        )
