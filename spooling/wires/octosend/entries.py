"""Mail entries of `spool`, `draft` and `preview` (contract §10), thousands a call."""

from __future__ import annotations

from typing import Any

from spooling import errors as spooling_errors
from spooling.campaigns import filling
from spooling.campaigns.compositions import Message
from spooling.campaigns.filling import Entry
from spooling.wires.octosend import errors
from spooling.wires.octosend.inputs import Parameters

MOST_TAGS = 50
LONGEST_TAG = 200

_PLAIN = frozenset({"email", "variables"})


def read(parameters: Parameters) -> list[Entry]:
    """All entries. Raises MissingField, InvalidField, and FieldsRefused, which names the bad ones."""
    name, address = ("mails", "email") if "mails" in parameters else ("recipients", "recipient")
    if name not in parameters:
        raise errors.MissingField("mails")
    entries: list[Entry] = []
    flaws: dict[str, str] = {}
    nameless = 0
    for index, value in enumerate(parameters.members(name)):
        entry = _plain(value)
        if entry is None:
            entry = _noted(value, f"mails[{index}].", address, flaws)
        entries.append(entry)
        nameless += not entry.email
        if len(flaws) + nameless >= spooling_errors.MOST_NAMED:
            # A million flaws are not all looked for to name a hundred.
            break
    if not entries:
        raise errors.InvalidField("mails", "At least one is expected.")
    if flaws:
        raise spooling_errors.FieldsRefused(fields=_with_addresses(entries, flaws))
    return entries


def message(fields: Parameters) -> Message:
    """What a message says, or an entry differently."""
    return Message(
        sender=fields.text("sender"),
        recipient=fields.text("recipient"),
        subject=fields.text("subject"),
        headers=fields.mapping("headers"),
        variables=fields.mapping("variables"),
        parts=tuple(fields.texts("parts")),
        attachments=tuple(fields.texts("attachments")),
        unsubscribe=fields.text("unsubscribe"),
    )


def tags(fields: Parameters) -> tuple[str, ...]:
    """Raises InvalidField."""
    found = tuple(fields.texts("tags"))
    if len(found) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in found):
        raise fields.invalid("tags", f"At most {MOST_TAGS} of at most {LONGEST_TAG} characters.")
    return found


def _plain(value: Any) -> Entry | None:
    """An entry of an address and texts, as most are: a fraction of the time that the others take."""
    if type(value) is not dict or not _PLAIN.issuperset(value):
        return None
    email, variables = value.get("email"), value.get("variables", {})
    if type(email) is not str or type(variables) is not dict:
        return None
    for text in variables.values():
        if type(text) is not str:
            return None
    return Entry(email, "", variables)


def _noted(value: Any, path: str, address: str, flaws: dict[str, str]) -> Entry:
    """The entry, or an empty one and why."""
    try:
        return _entry(value, path, address)
    except errors.Refused as error:
        flaws |= error.fields
        return Entry("a@b.invalid")


def _entry(value: Any, path: str, address: str) -> Entry:
    if not isinstance(value, dict):
        raise errors.InvalidField(path.removesuffix("."), "An object is expected.")
    fields = Parameters(value, path)
    email = fields.text(address) or fields.text("email")
    if address == "recipient":
        fields = Parameters({**value, "recipient": None}, path)
    said = message(fields)
    return Entry(email, "", said.variables, tags(fields), said if any(said.key) else None)


def _with_addresses(entries: list[Entry], flaws: dict[str, str]) -> dict[str, str]:
    """With the addresses that are none."""
    try:
        filling.addresses(entries)
    except spooling_errors.FieldsRefused as error:
        return flaws | error.fields
    return flaws
