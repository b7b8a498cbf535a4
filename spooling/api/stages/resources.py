"""What the resources have in common: rows of the account, written under a lock, in the audit trail."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db import models, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from earwig.models.api_keys import Scope
from earwig.web.seed import SeedView

ROOT = "/api/v1"
#: Of views that send.
SENDING = {**SeedView.scopes, "POST": Scope.SEND}

_LIST: dict[str, Any] = {"get": "list", "post": "create"}
_DETAIL: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}


class Bodiless(SeedView):
    """A view that reads no body: clients send none, `null`, or whatever their scheduler kept."""

    def payload(self) -> None:
        return None


class Resource(SeedView, ReadOnlyModelViewSet):
    """GET, POST, PUT, PATCH and DELETE. A resource says what `make`, `change` and `remove` do."""

    repeatable = ("create",)

    @classmethod
    def as_list(cls) -> Any:
        return cls.as_view(_LIST)

    @classmethod
    def as_detail(cls) -> Any:
        return cls.as_view(_DETAIL)

    def create(self, request: Request) -> HttpResponse:
        return self.once(self._create)

    def update(self, request: Request, pk: str) -> Response:
        return self._update(partial=False)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self._update(partial=True)

    @transaction.atomic
    def destroy(self, request: Request, pk: str) -> Response:
        row = self.locked()
        self.note("delete", row)
        self.remove(row)
        return Response(status=HTTPStatus.NO_CONTENT)

    def locked(self) -> Any:
        """The row, which nobody else changes until the transaction's end. Raises Http404."""
        rows = self.get_queryset().select_for_update(of=("self",))
        return get_object_or_404(rows, **{self.lookup_field: self.kwargs["pk"]})

    def make(self, data: dict[str, Any]) -> models.Model:
        """Store a new row of the account."""
        raise NotImplementedError

    def change(self, row: Any, data: dict[str, Any]) -> None:
        """Write what is given, and only that: what the sending wrote meanwhile stays."""
        for name, value in data.items():
            setattr(row, name, value)
        row.updated_at = timezone.now()
        row.save(update_fields=[*data, "updated_at"])

    def remove(self, row: Any) -> None:
        """Delete the row. Raises InUse."""
        row.delete()

    @transaction.atomic
    def _create(self) -> tuple[int, Any]:
        asked = self.get_serializer(data=self.request.data)
        asked.is_valid(raise_exception=True)
        row = self.make(asked.validated_data)
        self.note("add", row, fields=asked.validated_data)
        return HTTPStatus.CREATED, self.get_serializer(row).data

    @transaction.atomic
    def _update(self, *, partial: bool) -> Response:
        row = self.locked()
        asked = self.get_serializer(row, data=self.request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        self.change(row, asked.validated_data)
        self.note("change", row, fields=asked.validated_data)
        return Response(self.get_serializer(row).data)
