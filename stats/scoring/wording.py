"""Rules about what the subject and the body say."""

from __future__ import annotations

import re

from stats.scoring import words
from stats.scoring.message import Reading, words_of

#: Wider than the list of any mail program, in characters.
LONGEST_SUBJECT = 120
#: From so many letters on a share of capitals means something.
FEWEST_LETTERS = 10
SUBJECT_CAPITALS = 0.6
BODY_CAPITALS = 0.3
#: Exclamation marks: of a subject, and of a body in 100 words.
SUBJECT_MARKS = 2
BODY_MARKS_PERCENT = 10

_REPLY = re.compile(r"\s*(?:re|fwd?|aw|wg|tr|rv|sv|antw)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_YES = ("yes",)


def no_subject(reading: Reading) -> tuple[str, ...]:
    return () if reading.message.subject.strip() else _YES


def long_subject(reading: Reading) -> tuple[str, ...]:
    return _YES if len(reading.subject) > LONGEST_SUBJECT else ()


def fake_reply(reading: Reading) -> tuple[str, ...]:
    claims = _REPLY.match(reading.subject)
    if claims is None or reading.header_names & {"in-reply-to", "references"}:
        return ()
    return (claims[0].strip(),)


def subject_shouts(reading: Reading) -> tuple[str, ...]:
    marks = reading.subject.count("!")
    return _YES if marks >= SUBJECT_MARKS or _loud(reading.subject, SUBJECT_CAPITALS) else ()


def body_shouts(reading: Reading) -> tuple[str, ...]:
    marks, said = reading.body.count("!"), len(words_of(reading.body))
    too_many = marks > 2 and 100 * marks > BODY_MARKS_PERCENT * said
    return _YES if too_many or "!!!" in reading.body or _loud(reading.body, BODY_CAPITALS) else ()


def blocked(reading: Reading) -> tuple[str, ...]:
    said = words_of(f"{reading.subject} {reading.body}")
    return words.occurring(reading.message.blocked_words, said)


def _loud(text: str, share: float) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return len(letters) >= FEWEST_LETTERS and sum(map(str.isupper, letters)) > share * len(letters)
