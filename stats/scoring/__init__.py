"""How likely a message is to be taken for what its reader wants: 0 to 100, by rules. Pure, and bounded in time."""

from stats.scoring.message import Message
from stats.scoring.rules import BEST, BLOCKED_BELOW, RULES, Finding, Rule, Score, score

__all__ = ["BEST", "BLOCKED_BELOW", "RULES", "Finding", "Message", "Rule", "Score", "score"]
