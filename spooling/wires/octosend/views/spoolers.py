"""`spoolers/…` and the properties of `spooler/{t}`"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig.models import Account
from spooling import errors, spoolers
from spooling.campaigns import compositions, properties
from spooling.campaigns.properties import Properties
from spooling.models import Spooler
from spooling.wires.octosend import entries, filters, inputs, outputs, wire

MOST_NAME = 2000


def representation(spooler: Spooler) -> HttpResponse:
    """What every call about a spooler answers."""
    return wire.answer(outputs.spooler(spooler, now=timezone.now()))


class CreateView(wire.WireView):
    """A new spooler."""

    def post(self, request: Request) -> HttpResponse:
        parameters = self.parameters()
        parameters.require("domain", "type")
        lane = outputs.LANES.get(parameters.text("type"))
        if lane is None:
            raise parameters.invalid("type", "“marketing” or “transactional”.")
        domain = wire.named_domain(self.account_id, parameters)
        with transaction.atomic():
            account = Account(pk=self.account_id)
            spooler = spoolers.open_campaign(account, lane=lane, domain=domain, now=timezone.now())
            self.note("add", spooler)
        return representation(spooler)


class CountView(wire.WireView):
    """How many spoolers match."""

    scopes = wire.READS

    def post(self, request: Request) -> HttpResponse:
        rows = filters.spoolers(self.account_id, self.parameters(), now=timezone.now())
        return wire.answer(rows.count())

    get = post


class FetchView(wire.WireView):
    """The spoolers that match, in the order of their creation."""

    scopes = wire.READS

    def post(self, request: Request) -> HttpResponse:
        parameters, now = self.parameters(), timezone.now()
        page = parameters.page()
        rows = filters.spoolers(self.account_id, parameters, now=now).order_by(
            "-id" if page.reverse else "id"
        )
        return wire.answer([outputs.spooler(row, now=now) for row in rows[page.rows]])


class SpoolerView(wire.WireView):
    """One spooler."""

    def get(self, request: Request, token: str) -> HttpResponse:
        return representation(self.spooler(token))


class SetterView(wire.WireView):
    """Properties of a spooler that is not ready yet."""

    def post(self, request: Request, token: str) -> HttpResponse:
        spooler = self.spooler(token)
        values = self.values(spooler, self.parameters())
        with transaction.atomic():
            properties.change(spooler, **values)
            self.note("change", spooler, fields=values)
        return representation(spooler)

    def values(self, spooler: Spooler, parameters: inputs.Parameters) -> Properties:
        """What to set. Raises MissingField, InvalidField."""
        raise NotImplementedError


class NameView(SetterView):
    """What it is called."""

    def values(self, spooler: Spooler, parameters: inputs.Parameters) -> Properties:
        return {"name": parameters.text("name", required=True, most=MOST_NAME)}


class StartView(SetterView):
    """When it starts; 0 is as soon as it is ready (quirk 11)."""

    def values(self, spooler: Spooler, parameters: inputs.Parameters) -> Properties:
        parameters.require("start")
        seconds = parameters.integer("start", 0, least=0, most=inputs.LAST_SECOND)
        start_at = inputs.moment_of(seconds) if seconds else spooler.created_at
        if seconds and start_at == spooler.created_at:
            # The moment of creation itself would mean that none is set.
            start_at += timedelta(microseconds=1)
        return {"start_at": start_at}


class TagsView(SetterView):
    """Words that it is found by."""

    def values(self, spooler: Spooler, parameters: inputs.Parameters) -> Properties:
        parameters.require("tags")
        return {"tags": list(entries.tags(parameters))}


class HeadersView(SetterView):
    """Header fields of all its mails."""

    def get(self, request: Request, token: str) -> HttpResponse:
        return wire.answer(self.spooler(token).headers)

    def values(self, spooler: Spooler, parameters: inputs.Parameters) -> Properties:
        parameters.require("headers")
        headers = parameters.mapping("headers")
        if flaws := compositions.header_flaws(headers):
            raise errors.FieldsRefused(fields=flaws)
        return {"headers": headers}


class VariablesView(SetterView):
    """Values of placeholders in all its mails."""

    def get(self, request: Request, token: str) -> HttpResponse:
        return wire.answer(self.spooler(token).variables)

    def values(self, spooler: Spooler, parameters: inputs.Parameters) -> Properties:
        parameters.require("variables")
        return {"variables": parameters.mapping("variables")}
