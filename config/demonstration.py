"""What `manage.py demo` does to a running installation: real sends over each wire, as a client would make them."""

from __future__ import annotations

import email.policy
import json
import re
import smtplib
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from config.demo_account import DemoAccount

#: Seconds until every mail of the demonstration must have ended.
WAIT_SECONDS = 60.0
OPEN_STATES = ("waiting", "sending")
#: What the handoff wire says of a recipient for whom nothing more happens.
ENDED_STATUSES = ("sent", "expired")


@dataclass(frozen=True, slots=True)
class Client:
    """Talks to the installation as the demo account. Raises URLError, and HTTPError for an answer of 400 and above."""

    demo: DemoAccount

    def send_native(self) -> list[str]:
        """Three personal mails of one campaign-like call. Returns the mails' ids."""
        mail = {
            "from": "Earwig <hello@example.org>",
            "subject": "Hello {{name}}",
            "html": "<h1>Hello {{name}}</h1><ul>{{#items}}<li>{{.}}</li>{{/items}}</ul>",
            "text": "Hello {{name}}",
            "recipients": [
                {
                    "email": f"{name.lower()}@example.net",
                    "name": name,
                    "variables": {"name": name, "items": [1, 2]},
                }
                for name in ("Ada", "Grace", "Zoë")
            ],
            "tags": ["demo"],
        }
        answer = self._json("/api/v1/mails/", json.dumps(mail).encode(), "application/json")
        return [mail["id"] for mail in answer["mails"]]

    def send_handoff(self, external_id: str) -> str:
        """One message of a constituent to a person known by `external_id`. Returns the message's id."""
        form = {
            "key": self.demo.key,
            "type": "public",
            "subject": "The bridge",
            "message": "When will the bridge be mended?",
            "sender": json.dumps({"email": "constituent@example.com", "name": "Casey", "ttl": 7}),
            "recipients": external_id,
        }
        body = urllib.parse.urlencode(form).encode()
        return str(self._json("/message/", body, "application/x-www-form-urlencoded")["id"])

    def send_stage(self, identity: str) -> str:
        """The one message of a new set to a new subscription of `identity`. Returns the subscription's id."""
        schedule = self._post("schedule", {"minute": "0", "hour": "8"})["id"]
        message_set = self._post(
            "messageset",
            {
                "short_name": f"demo-{time.time_ns()}",
                "label": "Your first week",
                "default_schedule": schedule,
            },
        )["id"]
        message = {"messageset": message_set, "sequence_number": 1, "lang": "eng_ZA"}
        self._post("message", message | {"text_content": "Welcome. Drink enough water."})
        wanted = {"identity": identity, "messageset": message_set, "lang": "eng_ZA", "schedule": schedule}
        subscription = str(self._post("subscriptions", wanted)["id"])
        self._post(f"subscriptions/{subscription}/send", {})
        return subscription

    def send_octosend(self, domain: str) -> str:
        """A campaign to two people, launched at once. Returns its token."""
        if not self._octosend("domains/count", {"nameContains": domain}):
            self._octosend("domains/create", {"domain": domain})
        token = str(self._octosend("spoolers/create", {"domain": domain, "type": "marketing"})["token"])
        html = '<p>Hello {{firstname}}, <a href="{{click:https://example.org/}}">our spring</a>.{{pixel}}</p>'
        part = self._octosend(f"spooler/{token}/resources/part", {"type": "text/html", "content": html})
        message = {"sender": "Shop", "subject": "Spring for {{firstname}}", "parts": [part]}
        self._octosend(f"spooler/{token}/message", message)
        mails = [
            {"email": f"{name.lower()}@example.net", "variables": {"firstname": name}}
            for name in ("Ann", "Bob")
        ]
        self._octosend(f"spooler/{token}/spool", {"mails": mails})
        self._octosend(f"spooler/{token}/ready", {})
        return token

    def send_smtpeter(self, domain: str) -> None:
        """One personal mail each to two people, in SMTPeter's language."""
        call = {
            "recipients": {f"{name.lower()}@example.net": {"name": name} for name in ("Joe", "Kim")},
            "from": f"Earwig <hello@{domain}>",
            "subject": "Hello {$name|upper} by SMTPeter's API",
            "html": "<p>Hello {$name}</p>",
        }
        self._json(f"/v1/send?access_token={self.demo.key}", json.dumps(call).encode(), "application/json")

    def send_relay(self, account: str, domain: str) -> str:
        """One message that two people see each other in. Returns its id."""
        message = {
            "from_email": f"hello@{domain}",
            "from_name": "Earwig",
            "recipients": [{"email": "lea@example.net"}, {"email": "mia@example.net", "type": "cc"}],
            "subject": "Hello by Doppler Relay's API",
            "html": "<p>Hello both</p>",
        }
        body = json.dumps(message).encode()
        return str(self._json(f"/accounts/{account}/messages", body, "application/json")["createdResourceId"])

    def send_smtp(self, port: int) -> list[str]:
        """One message to two people, by SMTP. Returns the mails' ids. Raises SMTPException, and OSError."""
        message = EmailMessage()
        message["From"], message["To"] = "Earwig <hello@example.org>", "ada@example.net, grace@example.net"
        message["Subject"], message["X-Earwig-Tag"] = "Hello by SMTP", "demo"
        message.set_content("Hello from a program that knows SMTP alone.")
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
            server.login(self.demo.user, self.demo.key)
            server.mail("hello@example.org")
            for recipient in ("ada@example.net", "grace@example.net"):
                server.rcpt(recipient)
            code, reply = server.data(message.as_bytes(policy=email.policy.SMTP))
            if code != 250:
                raise smtplib.SMTPDataError(code, reply)
        return re.findall("[0-9a-f]{32}", reply.decode())

    def campaign_has_ended(self, token: str) -> bool:
        return bool(self._octosend(f"spooler/{token}")["state"] == "finished")

    def subscription_has_ended(self, subscription_id: str) -> bool:
        """Whether its set is over, and all mail of the account has left."""
        if not self._json(f"/api/v1/subscriptions/{subscription_id}/")["completed"]:
            return False
        return not any(self._json(f"/api/v1/mails/?state={state}&limit=1")["count"] for state in OPEN_STATES)

    def mail_has_ended(self, mail_id: str) -> bool:
        return self._json(f"/api/v1/mails/{mail_id}/")["state"] not in OPEN_STATES

    def message_has_ended(self, message_id: str) -> bool:
        recipients = self._json(f"/message/{message_id}/")["recipients"]
        return all(recipient["status"] in ENDED_STATUSES for recipient in recipients)

    def _post(self, resource: str, data: dict[str, Any]) -> Any:
        return self._json(f"/api/v1/{resource}/", json.dumps(data).encode(), "application/json")

    def _octosend(self, method: str, data: dict[str, Any] | None = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        return self._json(f"/api/3.0/{method}", body, "application/json")

    def _json(self, path: str, body: bytes | None = None, type_: str = "") -> Any:
        key = self.demo.key
        headers = {"Authorization": f"Token {key}", "X-RMTA-API-Key": key} | (
            {"Content-Type": type_} if type_ else {}
        )
        request = urllib.request.Request(self.demo.url + path, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def wait_for(ended: Callable[[], bool]) -> bool:
    """Whether it came about within WAIT_SECONDS."""
    end = time.monotonic() + WAIT_SECONDS
    while not ended():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
