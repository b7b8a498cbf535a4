"""The rules by which a message loses points, and the sum of what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stats.scoring import addressing, structure, wording
from stats.scoring.message import Message, Reading

BEST = 100
#: A message with fewer points would be refused by many.
BLOCKED_BELOW = 40
#: Of what a rule found, how much a description names, and how much of each.
_NAMED = 3
_LONGEST_NAME = 60

#: What a rule found, each as it is to be named; () when the message is fine.
Finder = Callable[[Reading], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """What costs `weight` points; an absolute rule blocks by itself."""

    name: str
    weight: int
    sentence: str
    find: Finder
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a message breaks: what it costs, below zero, and why."""

    rule: str
    score: int
    description: str


@dataclass(frozen=True, slots=True)
class Score:
    """0 is the worst, 100 the best; `block`: so bad that it should not be sent."""

    score: int
    block: bool
    details: tuple[Finding, ...]


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("empty-message", 100, "The message has no text and no HTML.", structure.nothing, absolute=True),
    Rule("active-content", 40, "Providers refuse or disarm HTML with programs", structure.active, absolute=True),
    Rule("unsigned-domain", 20, "The sending domain has no active DKIM key.", structure.unsigned),
    Rule("providers-sender", 20, "Mailbox providers refuse mail in their name from elsewhere", structure.providers_name),
    Rule("link-disagrees", 20, "A link shows another site than it leads to", addressing.disagreeing),
    Rule("ip-address-link", 20, "A link leads to an IP address", addressing.literal),
    Rule("user-in-link", 20, "A link hides its site behind a user name", addressing.with_user),
    Rule("lookalike-link", 20, "A link's site can be mistaken for another", addressing.lookalike),
    Rule("short-link", 10, "A shortener hides where a link leads", addressing.short),
    Rule("odd-port-link", 8, "A link names an unusual port", addressing.odd_port),
    Rule("plain-http-link", 3, "A link is not encrypted (http)", addressing.unencrypted),
    Rule("no-unsubscribe", 15, "Readers are offered no way to unsubscribe.", addressing.no_unsubscribe),
    Rule("form", 15, "Forms do not work in most mail programs", structure.forms),
    Rule("empty-subject", 15, "The subject is empty.", wording.no_subject),
    Rule("long-subject", 3, "The subject is longer than any mail program shows.", wording.long_subject),
    Rule("fake-reply", 12, "The subject claims to answer or forward a mail", wording.fake_reply),
    Rule("shouting-subject", 8, "The subject shouts: capitals or exclamation marks.", wording.subject_shouts),
    Rule("shouting-body", 6, "The body shouts: capitals or exclamation marks.", wording.body_shouts),
    Rule("blocked-words", 10, "Content filters know these words", wording.blocked),
    Rule("no-text-part", 10, "The HTML has no plain text beside it.", structure.no_text),
    Rule("text-differs", 8, "The plain text says something else than the HTML.", structure.text_differs),
    Rule("image-weight", 8, "There is little text beside the pictures.", structure.mostly_images),
    Rule("embedded-image", 8, "Many mail programs do not show pictures inside the HTML (data:).", structure.embedded),
    Rule("image-without-alt", 4, "A picture has no alternative text (alt).", structure.images_without_alt),
    Rule("broken-html", 8, "Tags are not closed or close nothing", structure.broken),
    Rule("clipped", 10, "The HTML is over 102 kB: Gmail cuts it off.", structure.clipped),
    Rule("too-large", 15, "The message is over 10 MB: many servers refuse it.", structure.too_large),
)
# fmt: on


def score(message: Message) -> Score:
    """100 less what each broken rule costs, 0 at least. Takes less than a second for a megabyte of anything."""
    reading = Reading(message)
    broken = [(rule, found) for rule in RULES if (found := rule.find(reading))]
    points = max(0, BEST - sum(rule.weight for rule, _ in broken))
    block = points < BLOCKED_BELOW or any(rule.absolute for rule, _ in broken)
    details = tuple(Finding(rule.name, -rule.weight, _described(rule, found)) for rule, found in broken)
    return Score(points, block, details)


def _described(rule: Rule, found: tuple[str, ...]) -> str:
    if rule.sentence.endswith("."):
        return rule.sentence
    named = ", ".join(name[:_LONGEST_NAME] for name in found[:_NAMED])
    return f"{rule.sentence}: {named}{', …' if len(found) > _NAMED else ''}."
