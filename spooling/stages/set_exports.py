"""Message sets as the cells of a CSV file, which `set_imports` reads back without a change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from django.db.models import QuerySet

from spooling.models import MessageSet, StageMessage
from spooling.stages import set_files
from templates_app.models import Template


def to_csv(message_sets: QuerySet[MessageSet]) -> Iterator[str]:
    """The file, line by line, its header first."""
    chosen = message_sets.select_related("default_schedule", "next_set").order_by("id")
    templates = Template.objects.filter(account__in=message_sets.values("account"))
    names = Counter(templates.values_list("account", "name"))
    return set_files.write((_cells_of_set(row), _messages_of(row, names)) for row in chosen.iterator())


def own_cells(row: MessageSet) -> dict[str, str]:
    """A set's own columns, without those that name other rows."""
    own = {name: getattr(row, name) or "" for name in ("short_name", "label", "content_type", "channel")}
    return own | {"from_address": row.from_address, "notes": row.notes or ""}


def cells_of_message(row: StageMessage) -> dict[str, str]:
    """A message's columns. A template stands by its id: several may have one name."""
    metadata = json.dumps(row.metadata, ensure_ascii=False, sort_keys=True) if row.metadata else ""
    return {
        "sequence_number": str(row.sequence_number),
        "lang": row.lang,
        "text": row.text_content or "",
        "file": row.binary_content.name if row.binary_content else "",
        "template": row.template.public_id.hex if row.template else "",
        "metadata": metadata,
    }


def _cells_of_set(row: MessageSet) -> dict[str, str]:
    """With its schedule by the five fields, which another installation understands too."""
    cron = {name: getattr(row.default_schedule, name) for name in set_files.CRON_COLUMNS}
    return own_cells(row) | cron | {"next_set": row.next_set.short_name if row.next_set else ""}


def _messages_of(row: MessageSet, names: Counter[tuple[int, str]]) -> list[dict[str, str]]:
    messages = row.messages.select_related("binary_content", "template").defer("binary_content__data")
    shown = []
    for message in messages.order_by("sequence_number", "lang"):
        cells = cells_of_message(message)
        if message.template and names[row.account_id, message.template.name] == 1:
            # Readable, and the same in another installation.
            cells["template"] = message.template.name
        shown.append(cells)
    return shown
