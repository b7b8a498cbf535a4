"""Mails of a campaign that say something else than the others: contents of their own, laid over the campaign's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spooling import errors
from spooling.campaigns import compositions, messages, resources
from spooling.campaigns.compositions import Message
from spooling.models import Mail, Spooler
from spooling.outbox.drafts import Accepted, NewContent

#: Characters of bodies that are in memory at a time.
BODIES_AT_A_TIME = 8 * 1024 * 1024


@dataclass(slots=True)
class Group:
    """The entries of a call that say the same, by their places."""

    override: Message | None
    indices: list[int]
    #: What they say differently, once it is composed; None: nothing.
    content: NewContent | None = None

    @property
    def shares_content(self) -> bool:
        """Whether their bodies are the campaign's."""
        return self.override is None or not self.override.has_body


def check(spooler: Spooler, overrides: Sequence[Message | None]) -> None:
    """Raises FieldsRefused and UnknownResource, whose fields are those of `mails[3]`."""
    differing = {index: override for index, override in enumerate(overrides) if override is not None}
    if not differing:
        return
    flaws: dict[str, str] = {}
    for group in groups(differing):
        if group.override is not None:
            own = _flaws(spooler, group.override)
            flaws |= {f"mails[{index}].{name}": own[name] for index in group.indices for name in own}
    if flaws:
        raise errors.FieldsRefused(fields=flaws)
    wanted = (want for index, override in differing.items() for want in override.wanted(f"mails[{index}]."))
    resources.find(spooler, wanted)


def _flaws(spooler: Spooler, override: Message) -> dict[str, str]:
    flaws = messages.flaws(spooler, override)
    if override.attachments and not override.parts:
        flaws["parts"] = "A mail with attachments of its own needs parts of its own."
    return flaws


def groups(overrides: Mapping[int, Message | None]) -> list[Group]:
    """Entries, given by their places, in groups of those that say the same."""
    found: dict[object, Group] = {}
    for index, override in overrides.items():
        key = None if override is None else override.key
        group = found.get(key)
        if group is None:
            found[key] = group = Group(override, [])
        group.indices.append(index)
    return list(found.values())


def batches(spooler: Spooler, groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups with their contents, as many at a time as fit into memory."""
    differing = [group.override for group in groups if group.override is not None]
    if not differing:
        yield list(groups)
        return
    sizes = resources.sizes(token for override in differing for token in override.parts)
    batch: list[Group] = []
    size = 0
    for group in groups:
        size += sum(sizes[token] for token in group.override.parts) if group.override else 0
        if batch and size > BODIES_AT_A_TIME:
            yield _composed(spooler, batch)
            batch, size = [], 0
        batch.append(group)
    yield _composed(spooler, batch)


def _composed(spooler: Spooler, batch: list[Group]) -> list[Group]:
    differing = [group.override for group in batch if group.override is not None]
    ground = messages.ground(spooler, differing)
    for group in batch:
        if group.override is not None:
            said = compositions.said(group.override, ground)
            group.content = dataclasses.replace(said, base_id=spooler.content_id)
    return batch


def attach(batch: Sequence[Group], stored: Mapping[int, Accepted]) -> None:
    """Give the contents of a batch that was stored their files."""
    told = {
        stored[group.indices[0]].id: group.override
        for group in batch
        if group.override is not None and group.override.attachments
    }
    if told:
        content_ids = dict(Mail.objects.filter(pk__in=told).values_list("pk", "content_id"))
        messages.attach({content_ids[mail_id]: override for mail_id, override in told.items()})
