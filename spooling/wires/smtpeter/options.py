"""How a send's mails are followed and handed over (contract §4.1): tracking, tags, DSN, the last moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from earwig import errors as earwig_errors
from earwig import mailboxes
from spooling.outbox.drafts import Handling
from spooling.wires.smtpeter.inputs import Properties

MOST_TAGS = 100
LONGEST_TAG = 200
LONGEST_ENVID = 100

_UNUSABLE_TAG = re.compile(r"[\s;\x00-\x1f\x7f]")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_NOTIFY = frozenset(("FAILURE", "SUCCESS", "DELAY"))
_PRINTABLE = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a call says beside what its mails say."""

    track_opens: bool
    track_clicks: bool
    inline_css: bool
    host_images: bool
    tags: tuple[str, ...]
    not_after: datetime | None
    handling: Handling


def read(properties: Properties, *, now: datetime) -> Options:
    """Of two names of one option the first here counts (quirk 9). Raises InvalidField."""
    return Options(
        track_opens=properties.flag("trackopens", "openstracking", default=True),
        track_clicks=properties.flag("trackclicks", "clicktracking", default=True),
        inline_css=properties.flag("inlinecss", "inlinizecss", default=False),
        host_images=_images(properties),
        tags=_tags(properties),
        not_after=_moment(properties, now),
        handling=_handling(properties),
    )


def _images(properties: Properties) -> bool:
    word = properties.text("images").strip().lower()
    if word not in ("", "default", "hosted"):
        raise properties.invalid("images", "“default” or “hosted”.")
    return word == "hosted"


def _tags(properties: Properties) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag for tag in properties.texts("tags") if tag))
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise properties.invalid("tags", f"At most {MOST_TAGS} of at most {LONGEST_TAG} characters.")
    if any(_UNUSABLE_TAG.search(tag) for tag in tags):
        raise properties.invalid("tags", "A tag has neither blanks nor semicolons.")
    return tags


def _moment(properties: Properties, now: datetime) -> datetime | None:
    text = properties.text("maxdelivertime")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC) if _MOMENT.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise properties.invalid("maxdelivertime", "A moment in UTC as YYYY-MM-DD hh:mm:ss.")
    if moment <= now:
        raise properties.invalid("maxdelivertime", "It has passed.")
    return moment


def _handling(properties: Properties) -> Handling:
    dsn = properties.inner("dsn")
    return Handling(
        envelope_sender=_address(properties, "envelope"),
        track_bounces=properties.flag("trackbounces", "bouncetracking", default=True),
        notify=_notify(dsn),
        ret=_ret(dsn),
        envid=_envid(dsn),
        orcpt=_address(dsn, "orcpt"),
        spare_shown_links=properties.flag("preventscam", default=False),
    )


def _address(properties: Properties, name: str) -> str:
    text = properties.text(name).strip()
    try:
        return mailboxes.normal(text) if text else ""
    except earwig_errors.InvalidAddress as error:
        raise properties.invalid(name, error.message) from None


def _notify(dsn: Properties) -> str:
    """RFC 3461 §4.1."""
    given = [word.strip().upper() for text in dsn.texts("notify") for word in text.split(",") if word.strip()]
    words = list(dict.fromkeys(given))
    if words != ["NEVER"] and not _NOTIFY.issuperset(words):
        raise dsn.invalid("notify", "NEVER, or some of FAILURE, SUCCESS and DELAY.")
    return ",".join(words)


def _ret(dsn: Properties) -> str:
    word = dsn.text("ret").strip().upper()
    if word not in ("", "HDRS", "FULL"):
        raise dsn.invalid("ret", "HDRS or FULL.")
    return word


def _envid(dsn: Properties) -> str:
    text = dsn.text("envid")
    if len(text) > LONGEST_ENVID or not _PRINTABLE.fullmatch(text):
        raise dsn.invalid("envid", f"At most {LONGEST_ENVID} printable ASCII characters.")
    return text
