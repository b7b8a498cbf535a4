"""System checks of the secrets that `earwig` keeps and hashes with."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from earwig import resolving, salts


@checks.register
def check_keys(**_: Any) -> list[checks.CheckMessage]:
    """E001, E002: the ring is there and consists of Fernet keys."""
    if not settings.EARWIG_KEYS:
        return [
            checks.Error(
                "EARWIG_KEYS is missing: secrets cannot be sealed.", hint=_MAKE_KEY, id="earwig.E001"
            )
        ]
    broken = [position for position, key in enumerate(settings.EARWIG_KEYS, 1) if not _is_fernet_key(key)]
    return [
        checks.Error(f"Key {position} of EARWIG_KEYS is not a Fernet key.", hint=_MAKE_KEY, id="earwig.E002")
        for position in broken
    ]


@checks.register
def check_salt(**_: Any) -> list[checks.CheckMessage]:
    """E003: the salt is there."""
    if settings.EARWIG_SENDER_SALT:
        return []
    hint = "A long random text, or the salt of the installation that you come from. It never changes."
    return [
        checks.Error(
            "EARWIG_SENDER_SALT is missing: addresses cannot be hashed.", hint=hint, id="earwig.E003"
        )
    ]


@checks.register
def check_dns_servers(**_: Any) -> list[checks.CheckMessage]:
    """E005: every name server is an address, with a port or without."""
    hint = "Addresses, for example 192.0.2.1 or 192.0.2.1:5353"
    return [
        checks.Error(f"{server!r} in EARWIG_DNS_SERVERS is no address.", hint=hint, id="earwig.E005")
        for server in settings.EARWIG_DNS_SERVERS
        if not _is_server(server)
    ]


@checks.register(checks.Tags.database)
def check_same_salt(*, databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """E004: the salt is the one that the stored hashes were made with."""
    if not databases or not _salt_changed():
        return []
    hint = "Set the earlier salt again, or give up the link to stored senders: manage.py accept_salt --force"
    return [
        checks.Error(
            "EARWIG_SENDER_SALT is not what stored senders were hashed with.", hint=hint, id="earwig.E004"
        )
    ]


_MAKE_KEY = (
    "Make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


def _salt_changed() -> bool:
    try:
        return salts.changed()
    except DatabaseError:
        # Before the first migration there is no table, and nothing hashed.
        return False


def _is_server(text: str) -> bool:
    try:
        ipaddress.ip_address(resolving.server_of(text)[0])
    except ValueError:
        return False
    return True


def _is_fernet_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True
