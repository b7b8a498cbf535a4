"""The account of an embedded installation's first minutes: made once, kept to be shown again."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from earwig import accounts, api_keys
from earwig.models import Account
from earwig.models.api_keys import Scope

SLUG = "demo"
EMAIL = "admin@example.org"
#: Of its campaigns. What the other wires send comes from elsewhere too.
DOMAIN = "example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAccount:
    """What a newcomer needs, in clear: the file it lives in is readable by its owner only."""

    url: str
    user: str
    password: str
    key: str

    def curl(self) -> str:
        """The line that sends the first mail."""
        mail = {
            "from": "Earwig <hello@example.org>",
            "to": ["you@example.net"],
            "subject": "The first mail",
            "text": "It went through the whole pipeline.",
        }
        return " ".join(
            (
                f"curl -sS {self.url}/api/v1/mails/",
                f"-H {shlex.quote(f'Authorization: Token {self.key}')}",
                "-H 'Content-Type: application/json'",
                f"-d {shlex.quote(json.dumps(mail))}",
            )
        )

    def greeting(self) -> str:
        return GREETING.format(demo=self, curl=self.curl())


GREETING = """
Earwig is ready.

  Admin     {demo.url}/admin/   user {demo.user}   password {demo.password}
  Mail trap {demo.url}/admin/spooling/trappedmail/
  API       {demo.url}/api/docs/   key {demo.key}

Send the first mail:

  {curl}

Ctrl-C stops everything.

"""


def of_installation(url: str) -> DemoAccount:
    """The demo account, made on the first call. A data folder without the file but with the account gets new
    secrets. The file's mode is 0600.
    """
    demo = replace(kept() or _make(url), url=url)
    _keep(demo)
    return demo


def kept() -> DemoAccount | None:
    """What `of_installation` kept; None before its first call."""
    path = _path()
    return DemoAccount(**json.loads(path.read_text())) if path.exists() else None


def _path() -> Path:
    return Path(settings.EARWIG_DATA) / "demo.json"


def _make(url: str) -> DemoAccount:
    password, now = secrets.token_urlsafe(12), timezone.now()
    account = Account.objects.filter(slug=SLUG).first()
    if account is None:
        account = accounts.open_account(SLUG, name="Demo", email=EMAIL, password=password, now=now)
        Account.objects.filter(pk=account.pk).update(any_from_domain=True)
    user = get_user_model().objects.get(memberships__account=account, memberships__role="staff")
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    issued = api_keys.issue(account, name="Demo", scopes=Scope.values, now=now)
    return DemoAccount(url=url, user=user.get_username(), password=password, key=issued.secret)


def _keep(demo: DemoAccount) -> None:
    path = _path()
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(demo), indent=2))
    draft.replace(path)
