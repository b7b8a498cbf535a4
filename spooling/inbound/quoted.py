"""Which mail of ours a report shows, by what we wrote into it: its return path, its Message-ID, its links."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Iterator

from spooling import errors
from spooling.models import Mail
from spooling.tracking import tokens

_IDS = re.compile(rb"\bb-([0-9a-f]{32})@|^message-id:\s*<([0-9a-f]{32})@", re.IGNORECASE | re.MULTILINE)
_LINKS = re.compile(rb"/t/([cupm])/([A-Za-z0-9_-]{20,4000})")
#: Of each, so many are looked at.
_MOST = 20


def mail_id(tamed: bytes) -> int | None:
    """The first mail of ours that is shown; None where none is."""
    text = tamed.replace(b"=\n", b"")
    found = itertools.islice(_IDS.finditer(text), _MOST)
    ids = [uuid.UUID((match[1] or match[2]).decode()) for match in found]
    known = dict(Mail.objects.filter(public_id__in=ids).values_list("public_id", "pk")) if ids else {}
    by_id = (known[public_id] for public_id in ids if public_id in known)
    return next(by_id, None) or next(_linked(text), None)


def _linked(text: bytes) -> Iterator[int]:
    for found in itertools.islice(_LINKS.finditer(text), _MOST):
        try:
            token = tokens.read(found[2].decode("ascii"), found[1])
        except errors.LinkUnknown:
            continue
        if Mail.objects.filter(pk=token.mail_id).exists():
            yield token.mail_id
