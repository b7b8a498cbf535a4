"""`/` and `/accounts/{account}`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from earwig.models import Account
from spooling.wires.relay import relations, wire


class IndexView(wire.PageView):
    """Where everything begins; no key is needed."""

    #: What the product says of itself at the same place.
    product: ClassVar[Mapping[str, Any]] = {}

    def get(self, request: Request) -> HttpResponse:
        links = [
            relations.link("/", "get-index", "self"),
            relations.NO_ACCOUNT_HOME,
            relations.link("/user", "get-user"),
            relations.link("/reports/reportrequests", "get-report-request-collection"),
        ]
        return self.answer({**self.product, "_links": links}, schema="index")


class AccountView(wire.WireView):
    """The account's home; clients try a key here."""

    scopes = wire.READS

    def get(self, request: Request) -> HttpResponse:
        account = Account.objects.only("slug").get(pk=self.account_id)
        links = [relations.link(self.home, "get-account-home", "self")]
        links += [relations.link(self.home + path, *names) for path, names in PLACES]
        document = {"accountId": account.pk, "accountName": account.slug, "_links": [*links, relations.INDEX]}
        return self.answer(document, schema="account")


#: What an account's home leads to.
PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/templates", ("get-template-collection", "experimental")),
    ("/templates", ("create-template",)),
    ("/messages", ("get-message-collection",)),
    ("/messages", ("create-message",)),
    ("/deliveries", ("get-delivery-collection",)),
    ("/deliveries/aggregation", ("get-deliveries-aggregation",)),
    ("/events", ("get-event-collection",)),
    ("/statistics/deliveries/by_hour", ("get-deliveries-by-hour",)),
    ("/statistics/deliveries/by_day", ("get-deliveries-by-day",)),
    ("/statistics/events/by_hour", ("get-events-by-hour",)),
    ("/statistics/events/by_day", ("get-events-by-day",)),
    ("/domains", ("get-domain-collection",)),
    ("/status/limits", ("get-status-limits",)),
    ("/subscribers/{email}/resubscribe", ("resubscribe-subscriber",)),
    ("/files", ("get-file-collection",)),
)
