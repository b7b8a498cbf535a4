"""The OCD service over HTTP."""

from __future__ import annotations

import dataclasses
import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from earwig import errors

MOST_BYTES = 32 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """Call it with a path and parameters: one GET, answered by the parsed JSON."""

    base_url: str
    key: str = dataclasses.field(repr=False)
    timeout_seconds: float = 30.0

    def __call__(self, path: str, parameters: Mapping[str, str]) -> Any:
        """Raises FeedUnavailable, whose message holds no key."""
        query = urllib.parse.urlencode({"apikey": self.key, **parameters})
        url = f"{self.base_url.rstrip('/')}/{urllib.parse.quote(path)}?{query}"
        try:
            with urllib.request.urlopen(url, timeout=self.timeout_seconds) as answer:
                return json.loads(answer.read(MOST_BYTES))
        except (OSError, ValueError) as broken:
            raise errors.FeedUnavailable(f"The service did not answer: {type(broken).__name__}.") from None
