"""System checks of settings that need each other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.management.base import SystemCheckError

from spooling import routers
from spooling.smtpd import certificates

HANDOFF_KEYS = ("all", "message-only", "default-application")


def refuse_broken_settings() -> None:
    """For processes that manage.py does not start. Raises SystemCheckError when a check finds an error."""
    errors = [message for message in checks.run_checks() if message.is_serious()]
    if errors:
        raise SystemCheckError("\n".join(str(message) for message in errors))


@checks.register
def check_grown(**_: Any) -> list[checks.CheckMessage]:
    """E001, E002: what an embedded installation makes for itself is given."""
    found: list[checks.CheckMessage] = []
    if settings.SECRET_KEY == "missing":
        found.append(checks.Error("SECRET_KEY is missing.", hint="A long random text.", id="config.E001"))
    if not settings.CELERY_BROKER_URL:
        hint = "With DATABASE_URL there is a broker too, for example redis://127.0.0.1:6379/0."
        found.append(checks.Error("CELERY_BROKER_URL is missing.", hint=hint, id="config.E002"))
    return found


@checks.register
def check_handoff(**_: Any) -> list[checks.CheckMessage]:
    """E003, E004: the policy on keys is known, and keyless calls have an account where they are let in."""
    if settings.EARWIG_HANDOFF_KEYS not in HANDOFF_KEYS:
        hint = f"One of {', '.join(HANDOFF_KEYS)}."
        return [checks.Error("EARWIG_HANDOFF_KEYS has an unknown value.", hint=hint, id="config.E003")]
    if settings.EARWIG_HANDOFF_KEYS == "default-application" and not settings.EARWIG_HANDOFF_ACCOUNT:
        hint = "The slug of the account that calls without a key are booked to."
        return [
            checks.Error(
                "EARWIG_HANDOFF_ACCOUNT is missing: EARWIG_HANDOFF_KEYS is default-application.",
                hint=hint,
                id="config.E004",
            )
        ]
    return []


@checks.register
def check_urls(**_: Any) -> list[checks.CheckMessage]:
    """E005, E006: the URLs can be read. Their values may hold a password and are not shown."""
    found: list[checks.CheckMessage] = []
    if not _is_url(settings.PUBLIC_URL, ("http", "https")):
        hint = "Scheme and host, for example https://mail.example.org"
        found.append(checks.Error("PUBLIC_URL is not a URL.", hint=hint, id="config.E005"))
    if settings.SMTP_URL and not _is_way_out(settings.SMTP_URL):
        schemes = ", ".join(f"{name}://" for name in routers.TLS_OF_SCHEME)
        hint = f"mx://, or user:password@host:port behind one of {schemes}"
        found.append(checks.Error("SMTP_URL is not a URL.", hint=hint, id="config.E006"))
    return found


def _is_way_out(url: str) -> bool:
    direct = re.fullmatch(rf"{routers.DIRECT_SCHEME}:(//(:\d{{1,5}})?/?)?", url)
    return direct is not None or _is_url(url, routers.TLS_OF_SCHEME)


@checks.register
def check_proxies(**_: Any) -> list[checks.CheckMessage]:
    """E007: every proxy is an address or a network."""
    hint = "Addresses or networks, for example 10.0.0.1,10.1.0.0/16"
    return [
        checks.Error(f"{proxy!r} in TRUSTED_PROXIES is no network.", hint=hint, id="config.E007")
        for proxy in settings.TRUSTED_PROXIES
        if not _is_network(proxy)
    ]


@checks.register
def check_private_targets(**_: Any) -> list[checks.CheckMessage]:
    """E013: the private networks that may be called are networks."""
    hint = "Addresses or networks, for example 10.0.0.0/8,fd00::/8"
    return [
        checks.Error(f"{text!r} in EARWIG_ALLOW_PRIVATE_TARGETS is no network.", hint=hint, id="config.E013")
        for text in settings.EARWIG_ALLOW_PRIVATE_TARGETS
        if not _is_network(text)
    ]


@checks.register
def check_smtpd(**_: Any) -> list[checks.CheckMessage]:
    """E014, E015: the SMTP server's ports are ports, and its certificate can be used."""
    found: list[checks.CheckMessage] = []
    for name in ("SUBMISSION_PORTS", "SUBMISSION_TLS_PORTS", "INBOUND_PORTS"):
        if not all(0 < port < 65_536 for port in getattr(settings, name)):
            hint = "Numbers up to 65535, for example 587,2525"
            found.append(checks.Error(f"{name} are no ports.", hint=hint, id="config.E014"))
    lmtp = settings.SMTPD_LMTP
    if lmtp and not lmtp.startswith("unix:/") and not lmtp.isdecimal():
        hint = "A port, or for example unix:/run/earwig/lmtp"
        found.append(checks.Error("SMTPD_LMTP is no place to listen.", hint=hint, id="config.E014"))
    try:
        certificates.load()
    except OSError as error:
        hint = "PEM files; the certificate's chain may stand behind it, the key in a file of its own."
        text = f"SMTPD_TLS_CERT and SMTPD_TLS_KEY cannot be used: {type(error).__name__}."
        found.append(checks.Error(text, hint=hint, id="config.E015"))
    return found


@checks.register
def check_stages(**_: Any) -> list[checks.CheckMessage]:
    """E008 to E011: the settings of stage-based messaging can be read, and the identity store has its token."""
    found: list[checks.CheckMessage] = []
    if settings.IDENTITY_STORE_URL and not _is_url(settings.IDENTITY_STORE_URL, ("http", "https")):
        hint = "Scheme, host and path, for example https://identities.example.org/api/v1"
        found.append(checks.Error("IDENTITY_STORE_URL is not a URL.", hint=hint, id="config.E008"))
    if settings.IDENTITY_STORE_URL and not settings.IDENTITY_STORE_TOKEN:
        hint = "The token that the identity store gave to this installation."
        found.append(checks.Error("IDENTITY_STORE_TOKEN is missing.", hint=hint, id="config.E009"))
    if not all(isinstance(number, int) for number in settings.DRY_RUN_MESSAGESETS):
        hint = "Ids of message sets, for example 3,4"
        found.append(checks.Error("DRY_RUN_MESSAGESETS is no list of ids.", hint=hint, id="config.E010"))
    if settings.SUBSCRIPTION_LOCK_TIMEOUT < 120:
        hint = "120 seconds at least: calls to other services take up to 80."
        found.append(checks.Error("SUBSCRIPTION_LOCK_TIMEOUT is too short.", hint=hint, id="config.E011"))
    return found


@checks.register
def check_metrics(**_: Any) -> list[checks.CheckMessage]:
    """E012: the metrics can be pushed."""
    if not settings.METRICS_URL or _is_url(settings.METRICS_URL, ("http", "https")):
        return []
    hint = "Scheme, host and path, for example https://metrics.example.org/api/v1/metrics/"
    return [checks.Error("METRICS_URL is not a URL.", hint=hint, id="config.E012")]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_url(text: str, schemes: Container[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
