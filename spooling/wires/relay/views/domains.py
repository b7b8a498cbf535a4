"""`domains`, `domains/{d}` and `domains/default` (contract §7.2)"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import addresses, dns_records, domain_settings, domains
from earwig.errors import InvalidDomain
from earwig.models import Account, Domain
from spooling.campaigns import domains as sending_domains
from spooling.wires.relay import errors, readiness, relations, wire


class DomainsView(wire.WireView):
    """The collection, whole."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        found = list(_of(self.account_id).prefetch_related("dkim_keys").order_by("name"))
        default = [domain.name for domain in found if domain.default]
        document: dict[str, Any] = {"domains": [_item(self.home, domain) for domain in found]}
        if default:
            document["default"] = default[0]
        links = [
            relations.link(f"{self.home}/domains", "get-domain-collection", "self"),
            relations.link(f"{self.home}/domains/default", "edit-default-domain"),
            *self.ways_home(),
        ]
        return self.answer(document | {"_links": links}, schema="domain-collection")


class DomainView(wire.WireView):
    """One of them."""

    reads = "domain"

    def get(self, request: Request, id: str) -> HttpResponse:
        domain = _find(self.account_id, id)
        key = readiness.signing_key(domain)
        ours = dns_records.installation_tracking_host()
        document = _item(self.home, domain) | {
            "dkim_selector": key.selector if key else "",
            "dkim_public_key": key.public_record.partition("p=")[2] if key else "",
            "tracking_domain": domain.tracking_host or ours,
            "canonical_tracking_domain": ours,
        }
        document["_links"] += self.ways_home()
        return self.answer(document, schema="domain")

    def put(self, request: Request, id: str) -> HttpResponse:
        fields = self.fields(needed=False)
        disabled = fields.flag("disabled")
        fields.finish()
        known = _known(self.account_id, id)
        if known is None:
            self._add(id, disabled)
            return self._done(id, status=201)
        if disabled and known.default:
            raise errors.DomainConflict
        with transaction.atomic():
            domain_settings.change(known, {"disabled": disabled})
            self.note("change", known, fields=["disabled"])
        return self._done(known.name)

    def delete(self, request: Request, id: str) -> HttpResponse:
        domain = _find(self.account_id, id)
        if domain.default:
            raise errors.DomainConflict
        with transaction.atomic():
            sending_domains.remove(domain, now=timezone.now())
            self.note("delete", domain)
        return self._done(None)

    @transaction.atomic
    def _add(self, name: str, disabled: bool) -> None:
        """Raises Invalid, DomainTaken, DomainExists, DomainConflict."""
        account = Account.objects.get(pk=self.account_id)
        try:
            domain = domains.add_signed(account, name=name, now=timezone.now())
        except InvalidDomain as error:
            raise errors.invalid("name", error.message) from None
        if disabled and domain.default:
            raise errors.DomainConflict
        # A domain that was deleted comes back as it was.
        domain_settings.change(domain, {"disabled": disabled})
        self.note("add", domain)

    def _done(self, name: str | None, *, status: int = 200) -> HttpResponse:
        links = [relations.link(f"{self.home}/domains", "get-domain-collection"), *self.ways_home()]
        if name is not None:
            links.insert(0, relations.link(f"{self.home}/domains/{name}", "get-domain", "related"))
        return self.answer({"result": True, "_links": links}, schema="domain-result", status=status)


class DefaultView(wire.WireView):
    """Which of them signs for authors from anywhere else."""

    reads = "default-domain"
    http_method_names = ["put", "options"]

    def put(self, request: Request) -> HttpResponse:
        fields = self.fields()
        name = fields.text("name", required=True)
        fields.finish()
        domain = _find(self.account_id, name)
        try:
            with transaction.atomic():
                domain_settings.change(domain, {"default": True, "disabled": False})
                self.note("change", domain, fields=["default"])
        except IntegrityError:
            raise errors.DomainConflict("Another domain became the default one at the same time.") from None
        links = [
            relations.link(f"{self.home}/domains/{domain.name}", "get-domain", "related"),
            *self.ways_home(),
        ]
        return self.answer({"result": True, "_links": links}, schema="domain-result")


def _of(account_id: int) -> QuerySet[Domain]:
    return Domain.objects.filter(account=account_id, removed_at=None)


def _find(account_id: int, name: str) -> Domain:
    """Raises NotFound."""
    domain = _known(account_id, name)
    if domain is None:
        raise errors.NotFound
    return domain


def _known(account_id: int, name: str) -> Domain | None:
    """What is no name of a domain may be what no database takes."""
    return domains.find(account_id, name) if addresses.is_domain(addresses.canonical_domain(name)) else None


def _item(home: str, domain: Domain) -> dict[str, Any]:
    ready, href = readiness.of(domain), f"{home}/domains/{domain.name}"
    return {
        "name": domain.name,
        "disabled": domain.disabled,
        "dkim_ready": ready.dkim,
        "spf_ready": ready.spf,
        "dmarc_ready": ready.dmarc,
        "tracking_domain_ready": ready.tracking,
        "_links": [
            relations.link(href, "get-domain"),
            relations.link(href, "edit-domain"),
            relations.link(href, "delete-domain"),
        ],
    }
