"""The certificate that the SMTP server shows."""

from __future__ import annotations

import ssl

from django.conf import settings


def load() -> ssl.SSLContext | None:
    """The server's; None without one. Raises OSError and ssl.SSLError for one that cannot be used."""
    if not settings.SMTPD_TLS_CERT:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    reload(context)
    return context


def reload(context: ssl.SSLContext) -> None:
    """Read the files again: connections from now on get what they hold. Raises as `load`."""
    context.load_cert_chain(settings.SMTPD_TLS_CERT, settings.SMTPD_TLS_KEY or None)
