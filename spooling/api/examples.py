"""What the OpenAPI document says of sending: the body's schema, requests and answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

SENDING = (
    "One mail or a list of up to 1,000, all or nothing. `to` makes one mail per address; all see `to` and "
    "`cc`, nobody sees `bcc`. `recipients` makes one personal mail each, with `variables` of its own over "
    "those of the mail. "
    "`subject`, `html`, `text`, the name of `from` and the values of `headers` are Mustache templates. "
    "A `template` says `from`, `subject`, `html` and `text`; each that the mail gives too is the mail's, in the "
    "template's language. "
    "Every problem of the body is listed with its index and field; then nothing is stored."
)

_TEXT: dict[str, Any] = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time", "description": "ISO 8601 with its zone."}
_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}
_ADDRESS = {
    "oneOf": [
        {"type": "string", "description": "`a@b` or `Name <a@b>`"},
        {
            "type": "object",
            "properties": {"email": _TEXT, "name": _TEXT},
            "required": ["email"],
            "additionalProperties": False,
        },
    ]
}
_ADDRESSES = {"oneOf": [_ADDRESS, {"type": "array", "items": _ADDRESS, "maxItems": 1000}]}
_RECIPIENT = {
    "type": "object",
    "properties": {"email": _TEXT, "name": _TEXT, "variables": _OBJECT},
    "required": ["email"],
    "additionalProperties": False,
}
_FILE = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "type": {**_TEXT, "example": "application/pdf"},
        "data": {**_TEXT, "format": "byte", "description": "Base64 without line breaks."},
        "cid": {**_TEXT, "description": "Makes it inline, for `cid:` in the HTML."},
    },
    "required": ["name", "type", "data"],
    "additionalProperties": False,
}
_SWITCH: dict[str, Any] = {"type": "boolean", "default": False}
_MAIL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "from": _ADDRESS,
        "to": _ADDRESSES,
        "cc": _ADDRESSES,
        "bcc": _ADDRESSES,
        "reply_to": _ADDRESSES,
        "recipients": {"type": "array", "items": _RECIPIENT, "maxItems": 1000},
        "subject": _TEXT,
        "html": _TEXT,
        "text": _TEXT,
        "variables": _OBJECT,
        "headers": {"type": "object", "additionalProperties": _TEXT},
        "attachments": {"type": "array", "items": _FILE, "maxItems": 100},
        "tags": {"type": "array", "items": {**_TEXT, "maxLength": 100}, "maxItems": 20},
        "metadata": {**_OBJECT, "description": "At most 4 KiB; given back with the mail."},
        "lane": {**_TEXT, "enum": ["transactional", "bulk"], "default": "transactional"},
        "language": {**_TEXT, "maxLength": 12, "example": "pt-BR"},
        "spooler": {**_TEXT, "description": "A campaign's token; without it the account's standing stream."},
        "send_at": _MOMENT,
        "not_after": _MOMENT,
        "template": {
            **_TEXT,
            "description": "A template's id.",
            "example": "7d5f0c114c1f5c1e0b3f4a0e9a4a6f4d",
        },
        "template_version": {"type": "integer", "minimum": 1, "description": "Without it the current one."},
        "track_opens": {**_SWITCH, "description": "Adds an invisible picture to the HTML."},
        "track_clicks": {**_SWITCH, "description": "Leads web addresses of links in the HTML through ours."},
    },
    "additionalProperties": False,
}
_SAID = (
    "from",
    "reply_to",
    "subject",
    "html",
    "text",
    "variables",
    "headers",
    "attachments",
    "language",
    "template",
)
MESSAGE: dict[str, Any] = {
    "application/json": {
        "type": "object",
        "properties": {
            **{name: _MAIL["properties"][name] for name in (*_SAID, "template_version")},
            "template_language": {
                **_TEXT,
                "default": "mustache",
                "description": "Of a message without template.",
            },
            "track_opens": {"type": "boolean"},
            "track_clicks": {"type": "boolean"},
        },
        "additionalProperties": False,
    }
}
_ADDED = {
    **_RECIPIENT,
    "properties": {
        "email": _TEXT,
        "name": _TEXT,
        "variables": _OBJECT,
        "tags": {"type": "array", "items": {**_TEXT, "maxLength": 100}, "maxItems": 20},
    },
}
RECIPIENTS: dict[str, Any] = {
    "application/json": {
        "type": "object",
        "properties": {"recipients": {"type": "array", "items": _ADDED, "minItems": 1, "maxItems": 5000}},
        "required": ["recipients"],
        "additionalProperties": False,
    }
}
BODY: dict[str, Any] = {
    "application/json": {"oneOf": [_MAIL, {"type": "array", "items": _MAIL, "minItems": 1, "maxItems": 1000}]}
}

SEND = [
    OpenApiExample(
        "One mail",
        value={
            "from": "Shop <shop@example.org>",
            "to": ["ann@example.com"],
            "subject": "Hello",
            "text": "Hello Ann.",
        },
        request_only=True,
    ),
    OpenApiExample(
        "Personal mails",
        value={
            "from": "shop@example.org",
            "recipients": [
                {"email": "ann@example.com", "name": "Ann", "variables": {"name": "Ann"}},
                {"email": "bob@example.com", "variables": {"name": "Bob"}},
            ],
            "subject": "Hello {{name}}",
            "html": "<p>Hello {{name}}</p>",
            "lane": "bulk",
        },
        request_only=True,
    ),
    OpenApiExample(
        "A template",
        value={
            "template": "7d5f0c114c1f5c1e0b3f4a0e9a4a6f4d",
            "to": "ann@example.com",
            "variables": {"name": "Ann"},
        },
        request_only=True,
    ),
    OpenApiExample(
        "Stored",
        value={
            "mails": [{"id": "4c1f5c1e0b3f4a0e9a4a6f4d7f5f0c11", "to": "ann@example.com", "state": "waiting"}]
        },
        response_only=True,
        status_codes=["201"],
    ),
    OpenApiExample(
        "Refused",
        value={
            "errors": [
                {
                    "index": 0,
                    "field": "to.0",
                    "code": "invalid_address",
                    "message": "An address is written local-part@domain.",
                }
            ]
        },
        response_only=True,
        status_codes=["400"],
    ),
]
