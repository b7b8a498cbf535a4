"""`authenticate`"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import logins, users
from earwig.web import origins
from spooling.wires.octosend import wire


class AuthenticateView(wire.WireView):
    """A user's name and password for a key (quirk 10)."""

    http_method_names = ["post"]

    def admit(self, request: HttpRequest) -> None:
        """Anybody; a key that comes along is ignored."""

    def post(self, request: Request) -> HttpResponse:
        parameters = self.parameters()
        parameters.require("username", "password")
        username, password = parameters.text("username"), parameters.text("password")
        now = timezone.now()
        ip = origins.client_ip(request._request)
        membership = logins.member(username, password, ip=ip, now=now)
        key = users.stable_key(membership, now=now)
        entity, user = membership.account.name, membership.user.get_username()
        return wire.answer({"api-key": key, "entity": entity, "username": user})
