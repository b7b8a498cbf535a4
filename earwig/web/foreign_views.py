"""What the views of foreign wires have in common: one URL each, whose verb and key are checked before all else."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, ClassVar

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from earwig import audit
from earwig.credentials import Credential


class ForeignView(APIView):
    """One URL of a wire. DRF neither authenticates nor parses: the wire does, in `admit` and in its handlers."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    schema = None
    #: By verb, what the key may do.
    scopes: ClassVar[dict[str, str]]
    credential: Credential

    @property
    def account_id(self) -> int:
        return self.credential.account_id

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises MethodNotAllowed, and what `admit` raises."""
        verb = str(request.method)
        if verb.lower() not in self.http_method_names or not hasattr(self, verb.lower()):
            raise exceptions.MethodNotAllowed(verb)
        self.admit(request._request)

    def admit(self, request: HttpRequest) -> None:
        """Sets `credential`, or raises."""
        raise NotImplementedError

    def note(self, action: str, row: Model, fields: Iterable[str] = ()) -> None:
        """Append to the audit trail that the key did this. Belongs into the transaction that does it."""
        audit.note(self.credential, action, row, fields=fields, now=timezone.now())

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        # A view and its request refer to each other: large bodies would wait for the collector.
        self.request.parser_context.clear()
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            del response["Allow"]
        return response
