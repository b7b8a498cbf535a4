"""The body of `POST /api/v1/mails/`: JSON in, letters out, or all problems by index and field. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from earwig.web.errors import Problem, Rejected
from spooling.api import mail_fields as fields
from spooling.api import mail_files, shared_variables
from spooling.api.notes import MAX_PROBLEMS, Notes, Work
from spooling.outbox.drafts import NewContent, NewMail

MAX_LETTERS = 1000
#: Of all letters of one call.
MAX_MAILS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The template that a letter names, and what the letter says itself. `number` None: the current version."""

    public_id: uuid.UUID
    number: int | None
    said: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One object of the body. `lane` None: not said. `spooler` empty: the standing stream.

    With a `template` the content lacks what the letter does not say.
    """

    content: NewContent
    mails: tuple[NewMail, ...]
    lane: str | None
    spooler: str
    send_at: datetime | None
    not_after: datetime | None
    tags: tuple[str, ...]
    metadata: Mapping[str, Any]
    template: Named | None = None
    #: Whether its mails are those of `recipients`, in order.
    personal: bool = False


def parse(body: Any, *, now: datetime) -> list[Letter]:
    """One letter or a list of up to 1,000. Raises Rejected with all problems, at most 100."""
    objects = body if isinstance(body, list) else [body]
    if not 1 <= len(objects) <= MAX_LETTERS:
        raise Rejected([Problem(None, None, "invalid", f"A mail, or a list of 1 to {MAX_LETTERS} mails.")])
    problems: list[Problem] = []
    complete, work = [], Work()
    for index, data in enumerate(objects):
        letter = _letter(data, Notes(index, problems, work), now)
        if letter is not None:
            complete.append(letter)
        if len(problems) >= MAX_PROBLEMS:
            # A million wrong addresses are not all read to list a hundred.
            break
    if problems:
        raise Rejected(problems)
    if sum(len(letter.mails) for letter in complete) > MAX_MAILS:
        raise Rejected([Problem(None, None, "too_many", f"At most {MAX_MAILS} addresses in one call.")])
    return complete


def _recipients(value: Any, field: str, notes: Notes) -> tuple[NewMail, ...]:
    if not isinstance(value, list) or len(value) > fields.MAX_ADDRESSES:
        notes.add(field, "wrong_type", f"A list of at most {fields.MAX_ADDRESSES} recipients.")
        return ()
    mails = [_recipient(item, number, notes) for number, item in enumerate(value)]
    return tuple(mail for mail in mails if mail is not None)


def _recipient(value: Any, number: int, notes: Notes) -> NewMail | None:
    field = f"recipients.{number}"
    own: Any = None
    if isinstance(value, dict):
        if not value.keys() <= _RECIPIENT:
            fields.unknown(value, _RECIPIENT, field, notes)
        pair = fields.named_address(value, field, notes)
        own = value.get("variables")
    else:
        pair = fields.address(value, field, notes)
    own = {} if own is None else fields.variables(own, f"{field}.variables", notes)
    return None if pair is None else NewMail(pair[1], pair[0], own)


_RECIPIENT = frozenset(("email", "name", "variables"))
_NOTHING: tuple[Any, ...] = (None, [])
_NOBODY = ("", "")

#: Every field of a mail and its reader.
_READERS: dict[str, Callable[[Any, str, Notes], Any]] = {
    "from": fields.author,
    "to": fields.addresses,
    "cc": fields.addresses,
    "bcc": fields.addresses,
    "reply_to": fields.reply_addresses,
    "recipients": _recipients,
    "subject": fields.line,
    "html": fields.template,
    "text": fields.template,
    "variables": fields.variables,
    "headers": fields.headers,
    "attachments": mail_files.attachments,
    "tags": fields.tags,
    "metadata": fields.metadata,
    "lane": fields.lane,
    "language": fields.language,
    "spooler": fields.token,
    "send_at": fields.moment,
    "not_after": fields.moment,
    "template": fields.template_id,
    "template_version": fields.version_number,
    "track_opens": fields.flag,
    "track_clicks": fields.flag,
}


def _letter(data: Any, notes: Notes, now: datetime) -> Letter | None:
    if not isinstance(data, dict):
        notes.add("", "wrong_type", "A mail is an object.")
        return None
    values: dict[str, Any] = {}
    notes.parses = data.get("template") is None
    for name, value in data.items():
        reader = _READERS.get(name)
        if reader is None:
            notes.add(name[:200], "unknown_field", "There is no such field.")
        elif value is not None:
            values[name] = reader(value, name, notes)
    _check_times(values, notes, now)
    _check_presence(data, notes)
    mails = _mails(values, notes)
    if notes.problems:
        return None
    return _complete(values, mails)


def _check_times(values: Mapping[str, Any], notes: Notes, now: datetime) -> None:
    not_after = values.get("not_after")
    if not_after is not None and not_after <= max(now, values.get("send_at") or now):
        notes.add("not_after", "invalid", "Later than now and than send_at.")


def _check_presence(data: Mapping[str, Any], notes: Notes) -> None:
    if notes.parses:
        _check_wording(data, notes)
    shared = [name for name in ("to", "cc", "bcc") if data.get(name) not in _NOTHING]
    personal = data.get("recipients") not in _NOTHING
    if shared and personal:
        notes.add("recipients", "conflict", f"Give recipients or {', '.join(shared)}, not both.")
    elif data.get("to") in _NOTHING and not personal:
        notes.add("to", "required", "Give to, or recipients for one personal mail each.")


def _check_wording(data: Mapping[str, Any], notes: Notes) -> None:
    if data.get("from") is None:
        notes.add("from", "required", "Who sends it.")
    if not (data.get("html") or data.get("text")):
        notes.add("text", "required", "Give html, text or both.")
    if data.get("template_version") is not None:
        notes.add("template_version", "conflict", "It is of a template; give template too.")


def _mails(values: Mapping[str, Any], notes: Notes) -> tuple[NewMail, ...]:
    common = values.get("variables", {})
    personal = values.get("recipients")
    shared = [pair for field in ("to", "cc", "bcc") for pair in values.get(field, ())]
    mails = len(personal or shared)
    if common and mails > 1:
        common = shared_variables.read(common, notes, mails=mails)
    if personal:
        if not common:
            return tuple(personal)
        return tuple(
            NewMail(email=mail.email, name=mail.name, variables={**common, **mail.variables})
            for mail in personal
        )
    if len(shared) > 1:
        _check_distinct(values, notes)
    return tuple(NewMail(email=email, name=name, variables=common) for name, email in shared)


def _check_distinct(values: Mapping[str, Any], notes: Notes) -> None:
    seen: set[str] = set()
    for field in ("to", "cc", "bcc"):
        for number, (_, email) in enumerate(values.get(field, ())):
            if email.casefold() in seen:
                notes.add(f"{field}.{number}", "duplicate", "This address gets the mail already.")
            seen.add(email.casefold())


def _complete(values: Mapping[str, Any], mails: tuple[NewMail, ...]) -> Letter:
    # One recipient sees itself anyway; without the address the content says nothing of anybody.
    alone = len(mails) == 1 and values.get("to")
    return Letter(
        content=_content(values, to=() if alone else values.get("to", ())),
        mails=mails,
        lane=values.get("lane"),
        spooler=values.get("spooler", ""),
        send_at=values.get("send_at"),
        not_after=values.get("not_after"),
        tags=values.get("tags", ()),
        metadata=values.get("metadata", {}),
        personal=bool(values.get("recipients")),
        template=_named(values) if "template" in values else None,
    )


def _content(values: Mapping[str, Any], *, to: tuple[tuple[str, str], ...]) -> NewContent:
    from_name, from_email = values.get("from", _NOBODY)
    return NewContent(
        from_email=from_email,
        from_name=from_name,
        subject=values.get("subject", ""),
        text=values.get("text", ""),
        html=values.get("html", ""),
        reply_to=values.get("reply_to", ()),
        to=to,
        cc=values.get("cc", ()),
        headers=values.get("headers", ()),
        files=values.get("attachments", ()),
        template_language=fields.LANGUAGE,
        language=values.get("language", ""),
        track_opens=values.get("track_opens", False),
        track_clicks=values.get("track_clicks", False),
    )


def _named(values: Mapping[str, Any]) -> Named:
    return Named(
        public_id=values["template"],
        number=values.get("template_version"),
        said=frozenset(("from", "subject", "html", "text")) & values.keys(),
    )
