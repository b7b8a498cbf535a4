"""A client of the handoff wire, and looks behind it."""

import re
from dataclasses import dataclass

from earwig.models import DeliveryAttempt, MessageRecipient
from spooling.models import Content, Mail


@dataclass
class Application:
    """Speaks the wire as old applications do: form fields, the key among them."""

    client: object
    key: str | None = None

    def post(self, path, /, **fields):
        if self.key is not None:
            fields.setdefault("key", self.key)
        return self.client.post(path, {name: value for name, value in fields.items() if value is not None})

    def get(self, path):
        return self.client.get(path, {"key": self.key} if self.key else {})

    def vouch(self, **fields):
        return self.post(
            "/sender/", **{"email": "whomever@example.com", "name": "Joe Bleu", "ttl": 10, **fields}
        )

    def hand_over(self, **fields):
        draft = {"type": "private", "subject": "testing", "message": "Hello, World", "sender": SENDER}
        return self.post("/message/", **{**draft, **fields})

    def statuses(self, message_id):
        return [row["status"] for row in self.get(f"/message/{message_id}/").json()["recipients"]]


SENDER = '{"email": "whomever@example.com", "name": "Joe Bleu", "ttl": 10}'
SENDER_ID = "537086c371f1f81016240873e07147c468001c64a61fd76f1279387bcd62c688"


def attempts_of(message_id):
    return list(DeliveryAttempt.objects.filter(recipient__message=message_id).order_by("id"))


def mail_of(attempt):
    return Mail.objects.get(attempt=attempt)


def content_of(attempt):
    return Content.objects.get(pk=mail_of(attempt).content_id)


def flag_path(attempt):
    return re.sub(r"^https?://[^/]+", "", mail_of(attempt).variables["flag_url"])


def rows_of(message_id):
    return list(MessageRecipient.objects.filter(message=message_id).order_by("position"))
