"""`domain` and `domains`: sending domains, their proof, their hosts and their policy (contract §6.5)"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import dns_records, domain_settings, domains
from earwig import errors as earwig_errors
from earwig.models import Account, Domain
from spooling.campaigns import domains as sending_domains
from spooling.wires.smtpeter import domain_policies, errors, wire
from spooling.wires.smtpeter.inputs import Properties


class DomainBase(wire.WireView):
    """Something of one of the account's domains."""

    def domain(self, name: str) -> Domain:
        """Raises NotFound."""
        found = None if "\0" in name else domains.find(self.account_id, name)
        if found is None:
            raise errors.NotFound("There is no such domain.")
        return found


class DomainsView(wire.WireView):
    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        rows = Domain.objects.filter(account=self.account_id, removed_at=None).order_by("name")
        return wire.answer([domain_policies.shown(domain) for domain in rows])


class DomainView(DomainBase):
    """The first POST answers the record that proves the domain, a later one approves it (quirk 20)."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return wire.answer(domain_policies.shown(self.domain(name)))

    def post(self, request: Request, name: str) -> HttpResponse:
        properties = self.properties()
        found = None if "\0" in name else domains.find(self.account_id, name)
        if found is None:
            domain = self._add(name, properties)
            return wire.answer(_proof(domain), status=HTTPStatus.CREATED)
        domain = self._change(found, properties)
        # Asks name servers, so in no transaction.
        domain = domain_settings.adopt_hosts(
            domain, domain_policies.missing_hosts(domain), now=timezone.now()
        )
        domain.refresh_from_db()
        approved = domain.verified_at is not None
        return wire.answer(domain_policies.shown(domain) if approved else _proof(domain))

    def delete(self, request: Request, name: str) -> HttpResponse:
        domain = self.domain(name)
        with transaction.atomic():
            self.note("delete", domain)
            sending_domains.remove(domain, now=timezone.now())
        return wire.answer({"name": domain.name})

    @transaction.atomic
    def _add(self, name: str, properties: Properties) -> Domain:
        account = Account.objects.get(pk=self.account_id)
        domain = domains.add_signed(account, name=name, now=timezone.now())
        self.note("add", domain, _told(properties))
        return _changed(domain, properties)

    @transaction.atomic
    def _change(self, domain: Domain, properties: Properties) -> Domain:
        held = Domain.objects.select_for_update().get(pk=domain.pk)
        if told := _told(properties):
            self.note("change", held, told)
        return _changed(held, properties)


class ReportAddressView(DomainBase):
    """An address that gets reports on DMARC."""

    http_method_names = ["delete"]

    @transaction.atomic
    def delete(self, request: Request, name: str, email: str) -> HttpResponse:
        domain = Domain.objects.select_for_update().get(pk=self.domain(name).pk)
        policy = domain_policies.without_address(domain.dmarc_policy, email)
        domain_settings.change(domain, {"dmarc_policy": policy})
        self.note("change", domain, ("address",))
        return wire.answer({"name": domain.name})


def _told(properties: Properties) -> list[str]:
    return [name for name in domain_policies.NAMES if name in properties]


def _changed(domain: Domain, properties: Properties) -> Domain:
    try:
        return domain_settings.change(domain, domain_policies.settings(properties, domain))
    except earwig_errors.InvalidDomain as error:
        raise errors.Refused(f"bounces, tracking: {error.message}") from None


def _proof(domain: Domain) -> dict[str, Any]:
    record = dns_records.ownership(domain)
    return {"name": record.name, "type": record.type, "value": record.value}
