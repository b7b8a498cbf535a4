"""`user/apikeys` (contract §7.4)"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from earwig import api_keys, users
from earwig.models import ApiKey
from spooling.wires.relay import relations, sessions, wire

#: Of keys only their beginning is known.
MASK = "*" * (users.KEY_LENGTH - api_keys.PREFIX_LENGTH)
MOST_SHOWN = 100
#: Keys that sessions stand on are none that a program would be given.
_OF_SESSIONS = (
    *(sessions.KEY_NAME, sessions.IMPERSONATION_NAME),
    *(users.STABLE_NAME, users.LOGIN_NAME, users.TOKEN_NAME),
)
NAME = "relay api key"


class KeysView(wire.WireView):
    """The keys of the caller's user, or the account's where it has none: masked, and whole only when they are new."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: Request) -> HttpResponse:
        own = ApiKey.objects.usable(timezone.now()).filter(
            account=self.account_id, user=self.credential.user_id
        )
        prefixes = own.exclude(name__in=_OF_SESSIONS).order_by("-id").values_list("prefix", flat=True)
        shown = [{"api_key": prefix + MASK} for prefix in prefixes[:MOST_SHOWN]]
        links = [
            relations.link("/user/apikeys", "get-api-keys", "self"),
            relations.link("/user/apikeys", "create-api-key"),
            relations.link("/user", "get-user"),
            relations.INDEX,
        ]
        return self.answer({"api_keys": shown, "_links": links}, schema="api-key-collection")

    def post(self, request: Request) -> HttpResponse:
        issued = users.mint_own(self.credential, name=NAME, now=timezone.now())
        return self.answer({"api_key": issued.secret}, schema="api-key", status=201)
