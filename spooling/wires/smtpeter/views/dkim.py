"""`dkimkey` and `dkimkeys`: the keys that sign a domain's mail (contract §6.5). Never their private halves."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import dkim_keys, dns_records
from earwig.models import DkimKey
from earwig.models.domains import Algorithm
from spooling.wires.smtpeter import errors, windows, wire
from spooling.wires.smtpeter.inputs import Properties
from spooling.wires.smtpeter.views.domains import DomainBase

#: What a part of a key is called in a path; no selector can be called so.
PARTS = {"publickey": "public", "algorithm": "algorithm", "selector": "selector"}
_ALGORITHMS = {Algorithm.RSA: "sha256", Algorithm.ED25519: "ed25519"}


class SigningKeyView(DomainBase):
    """The key that signs; with a part, that alone as a text."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, name: str, part: str = "") -> HttpResponse:
        keys = self.domain(name).dkim_keys.filter(active=True, algorithm=Algorithm.RSA)
        key = keys.first()
        if key is None:
            raise errors.NotFound("The domain has no signing key.")
        shown = {
            "selector": key.selector,
            "algorithm": _ALGORITHMS[Algorithm(key.algorithm)],
            "public": dkim_keys.public_pem(key),
        }
        return wire.text(shown[PARTS[part]]) if part else wire.answer(shown)


class OwnKeyView(DomainBase):
    """A key that the account brings along, or has made under its own selector."""

    http_method_names = ["post", "delete"]

    def post(self, request: Request, name: str, selector: str) -> HttpResponse:
        domain, properties = self.domain(name), self.properties()
        wanted = dkim_keys.Wanted(
            selector=selector.lower(),
            pem=properties.text("privatekey"),
            always=properties.flag("always", default=False),
            starts_at=_moment(properties, "start"),
            ends_at=_moment(properties, "end"),
        )
        if selector.lower() in PARTS:
            raise errors.Refused("A selector cannot be called so.")
        with transaction.atomic():
            key = dkim_keys.put(domain, wanted, now=timezone.now())
            self.note("domain.make_key", domain)
        return wire.answer([_shown(key)], status=HTTPStatus.CREATED)

    def delete(self, request: Request, name: str, selector: str) -> HttpResponse:
        domain = self.domain(name)
        key = _of(domain.dkim_keys.all(), selector).first()
        if key is None:
            raise errors.NotFound("The domain has no such key.")
        shown = _shown(key)
        with transaction.atomic():
            self.note("domain.remove_key", domain)
            dkim_keys.remove(key)
        return wire.answer([shown])


class KeysView(DomainBase):
    """All keys, of all domains or of one, or the one with a selector."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, name: str = "", selector: str = "") -> HttpResponse:
        keys = DkimKey.objects.filter(domain__account=self.account_id, domain__removed_at=None)
        if name:
            keys = keys.filter(domain=self.domain(name))
        if selector:
            keys = _of(keys, selector)
            if not keys.exists():
                raise errors.NotFound("The domain has no such key.")
        rows = keys.select_related("domain").order_by("domain__name", "id")
        return wire.answer([_shown(key) for key in rows])


def _of(keys: QuerySet[DkimKey], selector: str) -> QuerySet[DkimKey]:
    return keys.none() if "\0" in selector else keys.filter(selector=selector.lower())


def _moment(properties: Properties, name: str) -> datetime | None:
    text = properties.text(name).strip()
    moment = windows.moment_of(text) if text else None
    if text and moment is None:
        raise properties.invalid(name, "YYYY-MM-DD, or YYYY-MM-DD hh:mm:ss in UTC.")
    return moment


def _shown(key: DkimKey) -> dict[str, Any]:
    return {
        "domain": key.domain.name,
        "selector": key.selector,
        "hostname": dns_records.key_name(key.domain, key),
        "always": key.active and not key.has_time,
        "created": windows.written(key.created_at),
        "start": windows.written(key.starts_at) if key.starts_at else "",
        "end": windows.written(key.ends_at) if key.ends_at else "",
        "algorithm": _ALGORITHMS[Algorithm(key.algorithm)],
        "public": dkim_keys.public_pem(key),
    }
