"""The rate of a key: requests in each minute of the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from earwig import rates
from earwig.credentials import Credential
from earwig.web import authentication, errors


@dataclass(frozen=True, slots=True)
class Window:
    """What a key may still do in the running minute."""

    limit: int
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """The RateLimit fields of draft-ietf-httpapi-ratelimit-headers (version 6)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class RateLimited(errors.WebError):
    """The key has used up its requests of this minute."""

    code = "rate_limited"

    def __init__(self, window: Window) -> None:
        super().__init__()
        self.window = window

    @property
    def headers(self) -> dict[str, str]:
        return {**self.window.headers, "Retry-After": str(self.window.reset_seconds)}


def take(credential: Credential) -> Window | None:
    """Count one request. None: the key has no limit. Raises RateLimited."""
    limit = credential.requests_per_minute
    if limit is None or credential.key_id is None:
        return None
    now = int(time.time())
    minute, second = divmod(now, rates.MINUTE_SECONDS)
    count = rates.add(f"key:{credential.key_id}", minute=minute)
    window = Window(limit, max(limit - count, 0), rates.MINUTE_SECONDS - second)
    if count > limit:
        raise RateLimited(window)
    return window


class KeyThrottle(BaseThrottle):
    """The same limit for DRF's views, which add the headers of `view.window`."""

    def allow_request(self, request: Request, view: object) -> bool:
        view.window = take(authentication.credential_in(request))  # type: ignore[attr-defined]
        return True
