"""The numbers that the messages of a set have in one language, and which of them comes next (Seed contract §5.2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spooling.models import StageMessage

#: A message set's id and a language.
Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Lineup:
    """Ascending numbers with the ids of their messages. Gaps are passed over."""

    numbers: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return len(self.numbers)

    def at(self, number: int) -> int | None:
        """The place of the message of this number, or of the next there is; None: the line ends before."""
        place = bisect_left(self.numbers, number)
        return place if place < len(self.numbers) else None

    def before(self, number: int) -> int | None:
        """The place of the last message below this number; of the first where there is none below."""
        return max(bisect_left(self.numbers, number) - 1, 0) if self.numbers else None

    def after(self, place: int) -> int | None:
        """The number that follows; None after the highest."""
        following = bisect_right(self.numbers, self.numbers[place])
        return self.numbers[following] if following < len(self.numbers) else None


_EMPTY = Lineup()


def read(message_set_ids: Iterable[int]) -> Mapping[Key, Lineup]:
    """The lines of these sets in each language; what has none has an empty one."""
    found: defaultdict[Key, list[tuple[int, int]]] = defaultdict(list)
    messages = StageMessage.objects.filter(messageset__in=set(message_set_ids)).order_by("sequence_number")
    for set_id, lang, number, pk in messages.values_list("messageset_id", "lang", "sequence_number", "id"):
        found[set_id, lang].append((number, pk))
    lines = {
        key: Lineup(tuple(number for number, _ in line), tuple(pk for _, pk in line))
        for key, line in found.items()
    }
    return defaultdict(lambda: _EMPTY, lines)
