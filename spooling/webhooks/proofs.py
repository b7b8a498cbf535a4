"""The file by which an owner proves that a URL is theirs, in its directory or at the root of its host (SMTPeter)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from urllib.parse import urljoin

from django.conf import settings

from earwig import errors, fetching
from stats import webhooks
from stats.models import Webhook
from stats.webhook_leases import Outcome

#: Of the file that is read.
_MOST_BYTES = 1000


def new() -> dict[str, str]:
    """Name and content of a file, as they stand in a webhook's settings under `proof`."""
    return {"file": f"smtpeter-{secrets.token_hex(5)}.txt", "content": secrets.token_hex(20)}


def look(webhook: Webhook) -> Outcome:
    """Whether one of the two files is there and says what it has to."""
    proof = webhook.settings[webhooks.PROOF]
    missing = Outcome(fault="The file of proof is not there.")
    for place in dict.fromkeys((proof["file"], f"/{proof['file']}")):
        try:
            answer = fetching.request(fetching.Call(url=urljoin(webhook.url, place)), _bounds())
        except (errors.InvalidUrl, errors.TargetRefused, errors.TargetUnanswered) as refused:
            missing = replace(missing, fault=refused.message)
        except errors.AnswerTooLarge:
            pass
        else:
            if answer.status == 200 and answer.body.strip() == proof["content"].encode():
                return Outcome(status=answer.status)
    return missing


def _bounds() -> fetching.Bounds:
    return fetching.Bounds(seconds=settings.WEBHOOK_SECONDS, most_bytes=_MOST_BYTES)
