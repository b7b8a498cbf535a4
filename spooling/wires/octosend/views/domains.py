"""`domains/…` and `domain/{d}/…`"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import domain_settings, domains
from earwig.errors import InvalidAddress
from earwig.models import Account
from spooling.campaigns import domains as sending_domains
from spooling.wires.octosend import filters, outputs, wire


class CountView(wire.WireView):
    """How many domains match."""

    scopes = wire.READS

    def post(self, request: Request) -> HttpResponse:
        return wire.answer(filters.domains(self.account_id, self.parameters()).count())

    get = post


class FetchView(wire.WireView):
    """The domains that match, by name."""

    scopes = wire.READS

    def post(self, request: Request) -> HttpResponse:
        parameters = self.parameters()
        page = parameters.page()
        rows = filters.domains(self.account_id, parameters).order_by("-name" if page.reverse else "name")
        return wire.answer([outputs.domain(row) for row in rows[page.rows]])


class DomainView(wire.WireView):
    """One domain."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return wire.answer(outputs.domain(self.domain(name)))


class CreateView(wire.WireView):
    """A new domain, or a removed one again (quirk 14)."""

    def post(self, request: Request) -> HttpResponse:
        name = self.parameters().text("domain", required=True)
        account = Account.objects.get(pk=self.account_id)
        with transaction.atomic():
            domain = domains.add_signed(account, name=name, now=timezone.now())
            self.note("add", domain)
        return wire.answer(outputs.domain(domain))


class DeleteView(wire.WireView):
    """Gives up a domain that nothing is sent from."""

    def post(self, request: Request) -> HttpResponse:
        domain = wire.named_domain(self.account_id, self.parameters())
        with transaction.atomic():
            sending_domains.remove(domain, now=timezone.now())
            self.note("delete", domain)
        return wire.answer(True)


class DraftAddressesView(wire.WireView):
    """The domain's remembered test recipients."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return wire.answer(self.domain(name).draft_addresses)

    def post(self, request: Request, name: str) -> HttpResponse:
        domain = self.domain(name)
        parameters = self.parameters()
        parameters.require("addresses")
        try:
            changed = domain_settings.change(domain, {"draft_addresses": parameters.texts("addresses")})
        except InvalidAddress as error:
            raise parameters.invalid("addresses", error.message) from None
        return wire.answer(changed.draft_addresses)
