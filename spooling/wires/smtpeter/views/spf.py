"""`spf`: who else sends in the name of a domain (contract §6.5)"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework.request import Request

from earwig import domain_settings, spf
from earwig.models import Domain
from spooling.wires.smtpeter import errors, wire
from spooling.wires.smtpeter.inputs import Properties
from spooling.wires.smtpeter.views.domains import DomainBase

#: Of a domain; and characters of all of them: a record has to fit one answer of a name server.
MOST, LONGEST = 20, 400


class SpfView(DomainBase):
    """Mechanisms as a record has them, in its order, beside the one that lets us send."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return wire.answer(self.domain(name).spf_mechanisms)

    @transaction.atomic
    def post(self, request: Request, name: str) -> HttpResponse:
        """Adds to what is there."""
        domain = self._held(name)
        told = _mechanisms(self.properties())
        mechanisms = list(dict.fromkeys((*domain.spf_mechanisms, *told)))
        if len(mechanisms) > MOST or len(" ".join(mechanisms)) > LONGEST:
            raise errors.Refused(f"A domain has at most {MOST} mechanisms of {LONGEST} characters together.")
        return self._stored(domain, mechanisms)

    @transaction.atomic
    def delete(self, request: Request, name: str) -> HttpResponse:
        """None but ours is left."""
        return self._stored(self._held(name), [])

    def _held(self, name: str) -> Domain:
        return Domain.objects.select_for_update().get(pk=self.domain(name).pk)

    def _stored(self, domain: Domain, mechanisms: list[str]) -> HttpResponse:
        self.note("change", domain, ("spf",))
        domain_settings.change(domain, {"spf_mechanisms": mechanisms})
        return wire.answer(mechanisms)


def _mechanisms(properties: Properties) -> list[str]:
    """Of an object with a value, or several, for each mechanism. Raises InvalidField."""
    found = []
    for name in properties.values:
        if name not in spf.MECHANISMS:
            raise properties.invalid(name[:50], f"One of {', '.join(spf.MECHANISMS)}.")
        found += [_mechanism(properties, name, value) for value in _values(properties, name)]
    return found


def _values(properties: Properties, name: str) -> list[str]:
    """Without a host where none is given, or a flag is."""
    value: Any = properties.values[name]
    return [""] if value is True or value in (None, "") else properties.texts(name)


def _mechanism(properties: Properties, name: str, target: str) -> str:
    try:
        return spf.mechanism(name, target.strip().lower())
    except ValueError as error:
        raise properties.invalid(name, str(error)[:200]) from None
