"""`tokens`, `tokens/impersonate` and `user` (contract §7.4)"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import audit, logins
from earwig.models import Account, Domain, Membership
from earwig.models.accounts import Role
from earwig.web import origins
from spooling.wires.relay import errors, inputs, relations, sessions, wire

LONGEST_NAME, LONGEST_PASSWORD = 254, 4096


class TokensView(wire.OpenView):
    """A user's name and password for a session."""

    reads = "login"
    http_method_names = ["post", "options"]

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        membership = self._member(fields)
        return self.answer({"access_token": sessions.issue(membership, now=timezone.now())}, schema="token")

    def _member(self, fields: inputs.Fields) -> Membership:
        """Raises Invalid, WrongLogin, TooManyLogins."""
        username = fields.text("username", required=True, most=LONGEST_NAME)
        password = fields.text("password", required=True, most=LONGEST_PASSWORD)
        fields.finish()
        ip = origins.client_ip(self.request._request)
        return logins.member(username, password, ip=ip, now=timezone.now())


class ImpersonateView(TokensView):
    """A session of another user of the account, for its staff."""

    def post(self, request: Request) -> HttpResponse:
        fields = self.fields()
        wanted = fields.text("userToImpersonate", required=True, most=LONGEST_NAME)
        staff = self._member(fields)
        if staff.role != Role.STAFF:
            raise errors.ImpersonationRefused
        other = _member_of(staff.account_id, wanted)
        now = timezone.now()
        with transaction.atomic():
            token = sessions.issue(other, now=now, impersonated_by=sessions.email_of(staff))
            audit.record("impersonate", other.user, now=now, account=staff.account, user=staff.user)
        return self.answer({"access_token": token}, schema="token")


def _member_of(account_id: int, name: str) -> Membership:
    """Raises NotFound, and ImpersonationRefused for who administers the installation."""
    called = Q(user__username=name) | Q(user__email=name)
    members = Membership.objects.filter(called, account=account_id, user__is_active=True)
    member = members.select_related("user", "account").order_by("id").first()
    if member is None:
        raise errors.NotFound
    if member.user.is_staff or member.user.is_superuser:
        raise errors.ImpersonationRefused
    return member


class UserView(wire.WireView):
    """Whose the key is; one that is nobody's shows its account."""

    scopes: ClassVar[dict[str, str]] = wire.READS
    http_method_names = ["get", "head", "options"]

    def get(self, request: Request) -> HttpResponse:
        account = Account.objects.get(pk=self.account_id)
        member = Membership.objects.select_related("user").filter(
            account=account, user=self.credential.user_id
        )
        default = Domain.objects.filter(account=account, default=True, removed_at=None)
        document = _user(member.first()) | {
            "account_name": account.slug,
            "pending_activation": False,
            "domain": default.values_list("name", flat=True).first() or "",
            "company_name": account.name,
            "_links": [
                relations.link("/user", "get-user", "self"),
                relations.link("/user/apikeys", "get-api-keys"),
                relations.account_home(f"/accounts/{account.slug}"),
                relations.INDEX,
            ],
        }
        return self.answer(document, schema="user")


def _user(member: Membership | None) -> dict[str, Any]:
    user = member.user if member else None
    return {
        "user_email": sessions.email_of(member) if member else "",
        "user_id": user.pk if user else None,
        "firstName": user.first_name if user else "",
        "lastName": user.last_name if user else "",
        "password_empty": not user.has_usable_password() if user else True,
        # Kept by the original of its customers, and by us of nobody.
        **dict.fromkeys(("phone_number", "country_code", "industry_code"), ""),
        "terms_and_conditions_version": None,
    }
