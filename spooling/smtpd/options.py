"""Header fields by which a submitted message says how it is to be sent. They do not go out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from earwig.web import bodies
from earwig.web.errors import InvalidJson
from spooling import errors, received
from spooling.delivery.structure import Field
from spooling.models.spoolers import Lane

#: What their names begin with: ours, and those of the SMTPeter wire's clients (its contract §4.1).
PREFIXES = ("x-earwig-", "x-smtpeter-")
#: Dropped from what goes out.
DROPPED = (*PREFIXES, "idempotency-key")

MOST_TAGS, LONGEST_TAG = 100, 200
LONGEST_METADATA = 4_096
_WORDS = {"true": True, "1": True, "yes": True, "on": True}
_WORDS |= {"false": False, "0": False, "no": False, "off": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a message is to be sent. `idempotency_key` None: it may be submitted twice."""

    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    lane: str = Lane.TRANSACTIONAL
    track_opens: bool = False
    track_clicks: bool = False
    track_bounces: bool = True
    spare_shown_links: bool = False
    inline_css: bool = False
    idempotency_key: str | None = None


def read(fields: Sequence[Field]) -> Options:
    """The options among the fields of a header. Raises MessageUnusable for one that cannot be meant."""
    options = Options()
    for each in fields:
        if each.name == "idempotency-key":
            options = replace(options, idempotency_key=each.value.decode("ascii", "replace"))
        elif each.name.startswith(PREFIXES):
            name = each.name.split("-", 2)[2].replace("-", "")
            value = received.decoded(each.value.decode("utf-8", "replace"))
            if name in _READERS:
                options = replace(options, **_READERS[name](options, value, each.title))
    return options


def _flag(name: str) -> Callable[[Options, str, str], dict[str, Any]]:
    def read_flag(options: Options, value: str, title: str) -> dict[str, Any]:
        word = value.strip().lower()
        if word not in _WORDS:
            raise errors.MessageUnusable(f"{title} is true or false.")
        return {name: _WORDS[word]}

    return read_flag


def _tags(options: Options, value: str, title: str) -> dict[str, Any]:
    new = [tag.strip() for tag in value.split(",")]
    tags = tuple(dict.fromkeys((*options.tags, *(tag for tag in new if tag))))
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise errors.MessageUnusable(f"{title} has at most {MOST_TAGS} tags of {LONGEST_TAG} characters.")
    return {"tags": tags}


def _metadata(options: Options, value: str, title: str) -> dict[str, Any]:
    try:
        metadata = bodies.load(value.encode()) if len(value) <= LONGEST_METADATA else None
    except InvalidJson:
        metadata = None
    if not isinstance(metadata, dict):
        raise errors.MessageUnusable(f"{title} is a JSON object of at most {LONGEST_METADATA} characters.")
    return {"metadata": {**options.metadata, **metadata}}


def _lane(options: Options, value: str, title: str) -> dict[str, Any]:
    if value.strip() not in Lane.values:
        raise errors.MessageUnusable(f"{title} is one of {', '.join(Lane.values)}.")
    return {"lane": value.strip()}


_READERS: dict[str, Callable[[Options, str, str], dict[str, Any]]] = {
    "tag": _tags,
    "tags": _tags,
    "metadata": _metadata,
    "lane": _lane,
    "trackopens": _flag("track_opens"),
    "openstracking": _flag("track_opens"),
    "trackclicks": _flag("track_clicks"),
    "clicktracking": _flag("track_clicks"),
    "trackbounces": _flag("track_bounces"),
    "bouncetracking": _flag("track_bounces"),
    "preventscam": _flag("spare_shown_links"),
    "inlinecss": _flag("inline_css"),
    "inlinizecss": _flag("inline_css"),
}
