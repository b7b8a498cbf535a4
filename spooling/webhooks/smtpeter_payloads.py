"""SMTPeter's webhooks: one event a call, in the words of its clients, signed by the sending domain's DKIM key (SMTPeter
contract §6.4, draft-cavage-http-signatures).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.db import models

from earwig import domains, fetching
from earwig.models import Domain
from earwig.models.domains import Algorithm
from spooling import received
from spooling.inbound import originals
from spooling.models import Content, Mail
from spooling.outbox import public_ids
from spooling.webhooks.parcels import Parcel
from stats.models import Event, EventKind, Webhook


class Encoding(models.TextChoices):
    """Of the body."""

    JSON = "json"
    FORM = "form"


#: Type of a webhook → what it is told of.
KINDS: dict[str, tuple[str, ...]] = {
    "open": (EventKind.OPEN,),
    "click": (EventKind.CLICK,),
    "bounce": (EventKind.BOUNCE,),
    "failure": (EventKind.FAILED, EventKind.EXPIRED, EventKind.BOUNCE),
    "delivery": (EventKind.DELIVERED,),
    "abuse": (EventKind.COMPLAINT,),
}
#: Names of the keys in a webhook's settings.
TYPE, ENCODING = "type", "encoding"
_CONTENT_TYPES = {Encoding.JSON: "application/json", Encoding.FORM: "application/x-www-form-urlencoded"}
#: What is signed, in this order.
_SIGNED = "(request-target) host date content-length content-type x-copernica-id digest x-nonce"
#: RFC 3463 §2, behind the code of a reply.
_EXTENDED = re.compile(r"(?:[245]\d\d[ -])?([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An event and the mail that it speaks of, None where that is gone."""

    event: Event
    mail: Mail | None
    envelope: str
    incoming: bytes

    @property
    def recipient(self) -> str:
        return self.mail.email if self.mail else ""

    @property
    def tags(self) -> str:
        """As one text: so they are in all other answers."""
        return ";".join(self.mail.tags or self.mail.submission.tags or ()) if self.mail else ""

    @property
    def moment(self) -> dict[str, Any]:
        return {
            "timestamp": self.event.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "time": int(self.event.at.timestamp()),
        }

    @property
    def mime(self) -> str:
        return self.incoming.decode("utf-8", "replace")


def parcels(webhook: Webhook, events: Sequence[Event], *, replay: bool, now: datetime) -> Iterator[Parcel]:
    """A call for each event. Its clients know no replays: told again, an event looks the same. Raises Unsealable."""
    mails = _mails(events)
    envelopes = _envelopes(mails.values())
    write = _WRITERS[webhook.settings[TYPE]]
    for event in events:
        mail = mails.get(event.mail_id)
        envelope = envelopes.get(mail.content_id, "") if mail else ""
        told = _Told(event=event, mail=mail, envelope=envelope, incoming=originals.of_event(event))
        public_id = public_ids.letter_first(mail.public_id) if mail else ""
        yield _parcel(webhook, {"id": public_id, "type": webhook.settings[TYPE], **write(told)}, event, now)


def test(webhook: Webhook, *, now: datetime) -> Parcel:
    """A call of a type that no event has. Raises Unsealable."""
    return _parcel(webhook, {"id": webhook.token, "type": "test"}, None, now)


def _mails(events: Sequence[Event]) -> dict[int, Mail]:
    ids = {event.mail_id for event in events}
    columns = ("public_id", "email", "tags", "content_id", "submission__tags")
    rows = Mail.objects.filter(pk__in=ids).select_related("submission").only(*columns)
    return {mail.pk: mail for mail in rows}


def _envelopes(mails: Iterable[Mail]) -> dict[int, str]:
    """The envelope senders that clients asked for, by content."""
    contents = Content.objects.filter(pk__in={mail.content_id for mail in mails}, handling__isnull=False)
    return {
        number: (handling or {}).get("envelope_sender") or ""
        for number, handling in contents.values_list("id", "handling")
    }


def _of_open(told: _Told) -> dict[str, Any]:
    return {"recipient": told.recipient, "time": told.moment["time"], **_visitor(told)}


def _of_click(told: _Told) -> dict[str, Any]:
    original = told.event.detail.get("url", "")
    return {**told.moment, "recipient": told.recipient, "original": original, **_visitor(told)}


def _visitor(told: _Told) -> dict[str, Any]:
    detail = told.event.detail
    optional = {name: detail[name] for name in ("useragent", "referer") if detail.get(name)}
    return {"ip": detail.get("ip", ""), **optional, "tags": told.tags}


def _of_bounce(told: _Told) -> dict[str, Any]:
    addresses = {"recipient": told.recipient, "envelope": told.envelope}
    return {**told.moment, **addresses, "mime": told.mime, "tags": told.tags}


def _of_failure(told: _Told) -> dict[str, Any]:
    asynchronous = told.event.kind == EventKind.BOUNCE
    state = "bounce" if asynchronous else str(told.event.detail.get("stage", ""))
    action = "failed" if asynchronous else "failure"
    optional = {name: value for name, value in reply_of(told.event).items() if value}
    return {
        **told.moment,
        "recipient": told.recipient,
        "action": action,
        "state": state,
        **optional,
        "tags": told.tags,
    }


def _of_delivery(told: _Told) -> dict[str, Any]:
    return {"recipient": told.recipient, **told.moment, **reply_of(told.event), "tags": told.tags}


def _of_abuse(told: _Told) -> dict[str, Any]:
    headers = received.read(told.incoming).headers if told.incoming else ()
    sender = next((value for name, value in headers if name.lower() == "from"), "")
    return {"emailfrom": sender, "mime": told.mime}


def reply_of(event: Event) -> dict[str, Any]:
    """The server's words in three parts."""
    words = str(event.detail.get("reply") or event.detail.get("why", ""))
    extended = _EXTENDED.match(words)
    status = event.detail.get("status", "")
    return {
        "code": event.detail.get("code") or "",
        "extended": extended[1] if extended else status,
        "description": words,
    }


_WRITERS: dict[str, Callable[[_Told], dict[str, Any]]] = {
    "open": _of_open,
    "click": _of_click,
    "bounce": _of_bounce,
    "failure": _of_failure,
    "delivery": _of_delivery,
    "abuse": _of_abuse,
}


def _parcel(webhook: Webhook, document: Mapping[str, Any], event: Event | None, now: datetime) -> Parcel:
    encoding = Encoding(webhook.settings.get(ENCODING, Encoding.JSON))
    text = json.dumps(document) if encoding == Encoding.JSON else urlencode(document, errors="replace")
    body = text.encode()
    headers = {
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "Content-Type": _CONTENT_TYPES[encoding],
        "X-Copernica-ID": f"environment-{webhook.account_id}",
        "Digest": f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}",
        "X-Nonce": secrets.token_hex(16),
    }
    key = _key_of(webhook.account_id, event.domain_id if event else None, now)
    signature = _signature(webhook, key, headers, len(body))
    return Parcel(headers=headers | signature, body=body, events=[event] if event else [])


def _signature(webhook: Webhook, key: _Key | None, headers: Mapping[str, str], length: int) -> dict[str, str]:
    """Nothing where the account has no domain whose key could sign."""
    if key is None:
        return {}
    target = fetching.target(webhook.url)
    values = {name.lower(): value for name, value in headers.items()} | {
        "(request-target)": f"post {target.path}",
        "host": target.authority,
        "content-length": str(length),
    }
    signed = "\n".join(f"{name}: {values[name]}" for name in _SIGNED.split())
    name, selector, private_key = key
    written = base64.b64encode(
        _loaded(private_key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    )
    fields = {
        "keyId": f"{selector}._domainkey.{name}",
        "algorithm": "rsa-sha256",
        "headers": _SIGNED,
        "signature": written.decode(),
    }
    return {"Signature": ",".join(f'{name}="{value}"' for name, value in fields.items())}  # noqa: B907


#: Domain, selector, PEM.
_Key = tuple[str, str, bytes]


def _key_of(account_id: int, domain_id: int | None, now: datetime) -> _Key | None:
    """Domain, selector and PEM of the sending domain's RSA key, or else of the account's default domain's."""
    default = Domain.objects.filter(account=account_id, default=True, removed_at=None).values_list(
        "id", flat=True
    )
    for candidate in (domain_id, default.first()):
        for name, selector, pem, algorithm in domains.signing_keys(candidate, now=now) if candidate else ():
            if algorithm == Algorithm.RSA:
                return name, selector, pem
    return None


@lru_cache(maxsize=64)
def _loaded(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
