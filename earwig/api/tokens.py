"""`/api/v1/user/token/` and `/api/token-auth/`: tokens of users (Seed contract §1, §2)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from earwig import errors, logins, users
from earwig.web import origins
from earwig.web.errors import Problem, Rejected
from earwig.web.seed import SeedView

#: What the original says, whatever was wrong.
_NO_LOGIN = "Unable to log in with provided credentials."


class TokenRequest(serializers.Serializer):
    email = serializers.EmailField(max_length=users.LONGEST_EMAIL)


class Login(serializers.Serializer):
    username = serializers.CharField(max_length=254, write_only=True)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class Token(serializers.Serializer):
    token = serializers.CharField(help_text="40 hex digits, shown this once.")


class UserTokenView(SeedView):
    """A token for a user of the account, who is made if there is none. For staff of the account."""

    staff_only = True

    @extend_schema(summary="Issue a user's token", request=TokenRequest, responses={201: Token})
    def post(self, request: Request) -> Response:
        asked = TokenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            issued = users.mint(self.credential, email=asked.validated_data["email"], now=timezone.now())
        except (errors.UserProtected, errors.UserClosed) as refused:
            raise Rejected([Problem(None, "email", refused.code, refused.message)]) from None
        return Response({"token": issued.secret}, status=201)


class LoginView(SeedView):
    """A token for whoever knows a user's name and password. Each call gives another one; the newest twenty work."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    @extend_schema(summary="Log in for a token", request=Login, responses={200: Token})
    def post(self, request: Request) -> Response:
        asked = Login(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response({"token": _log_in(request._request, **asked.validated_data)})


def _log_in(request: HttpRequest, username: str, password: str) -> str:
    now = timezone.now()
    try:
        membership = logins.member(username, password, ip=origins.client_ip(request), now=now)
    except errors.WrongLogin:
        raise Rejected([Problem(None, None, "invalid", _NO_LOGIN)]) from None
    return users.log_in(membership, now=now).secret
