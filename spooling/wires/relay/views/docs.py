"""`/schemas/`, `/docs/rels/` and `/docs/errors/`: what every form, relation and error is, made from their tables."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from spooling.wires.relay import errors, relations, wire


class SchemaView(wire.PageView):
    """The JSON Schema of a form."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return self.answer(_of(relations.SCHEMAS, name), schema="schema")


class RelationView(wire.PageView):
    """What a relation leads to."""

    def get(self, request: Request, name: str) -> HttpResponse:
        document = {"name": name, "description": _of(relations.RELATIONS, name), "_links": [relations.INDEX]}
        return self.answer(document, schema="relation")


class ErrorView(wire.PageView):
    """What a kind of error means."""

    def get(self, request: Request, name: str) -> HttpResponse:
        pages = {errors.page_of(number): number for number in errors.TITLES}
        type_ = f"/docs/errors/{name}"
        number = _of(pages, type_)
        document = {
            "status": number.status,
            # Clients take a member `errorCode` for a failure.
            "number": number.code,
            "title": errors.TITLES[number],
            "type": type_,
            "_links": [relations.INDEX],
        }
        return self.answer(document, schema="problem-kind")


def _of(table: dict[str, Any], name: str) -> Any:
    if name not in table:
        raise errors.NotFound
    return table[name]
