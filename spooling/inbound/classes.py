"""What a bounce says of the address, in a few words that figures, suppressions and clients can act on. Pure."""

from __future__ import annotations

import re
from enum import StrEnum


class BounceClass(StrEnum):
    """Why a mail came back. Kept in `Mail.bounce_class`."""

    #: There is no such mailbox.
    BAD_MAILBOX = "bad_mailbox"
    #: There is no such domain, or it takes no mail.
    BAD_DOMAIN = "bad_domain"
    #: Refused for good, for another reason or none that is known.
    HARD = "hard"
    #: The mailbox is full.
    FULL = "full"
    #: The mail is too large for the mailbox or on its way.
    TOO_LARGE = "too_large"
    #: Given up after a trouble that may pass.
    SOFT = "soft"
    #: Taken for spam.
    SPAM = "spam"
    #: Refused by a rule of the receiver's.
    POLICY = "policy"


#: The address is no good: nothing more is sent to it.
UNDELIVERABLE = frozenset({BounceClass.BAD_MAILBOX, BounceClass.BAD_DOMAIN})
#: To try it again as it is would be in vain.
PERMANENT = UNDELIVERABLE | {BounceClass.HARD}

#: Subject and detail of an enhanced status (RFC 3463 §3, RFC 5248's registry), whatever its class.
_BY_CODE = {
    "1.1": BounceClass.BAD_MAILBOX,
    "1.3": BounceClass.BAD_MAILBOX,
    "1.6": BounceClass.BAD_MAILBOX,
    "1.2": BounceClass.BAD_DOMAIN,
    "1.10": BounceClass.BAD_DOMAIN,
    "2.1": BounceClass.HARD,
    "2.2": BounceClass.FULL,
    "2.3": BounceClass.TOO_LARGE,
    "3.4": BounceClass.TOO_LARGE,
    "4.4": BounceClass.BAD_DOMAIN,
    "4.7": BounceClass.SOFT,
}
_BY_SUBJECT = {"7": BounceClass.POLICY}
#: What servers write, the plainest first. They say it with codes that mean nothing in particular (5.0.0, 5.7.1).
_BY_WORDS = (
    (
        BounceClass.FULL,
        re.compile(
            r"(?:mailbox|quota|inbox|storage)[^.\n]{0,40}(?:full|exceed|over|violat)|over ?quota|"
            r"(?:exceed|over)[^.\n]{0,30}(?:quota|storage|disk|space|mailbox limit)|boite pleine",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.SPAM,
        re.compile(
            r"\bspam\b|\bunsolicited\b|\bblacklist|\bblocklist|\bblack list|\bblock list|\bdnsbl\b|\brbl\b|spamhaus|"
            r"\bphish|\bjunk mail\b|poor reputation|low reputation",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.BAD_MAILBOX,
        re.compile(
            r"(?:no such|unknown|invalid|bad|nonexist\w*|non-exist\w*|unrecogni[sz]ed|undeliverable) "
            r"(?:\w+ ){0,2}(?:user|mailbox|recipient|address|account|person|local part)\b|"
            r"(?:user|mailbox|recipient|address|account|addressee)[^.\n]{0,60}(?:unknown|not found|"
            r"(?:does not|doesn't|doesnt|not) exist|no longer (?:valid|exists|available|active)|"
            r"is not (?:known|valid|listed|recogni[sz]ed)|"
            r"not (?:listed|known|recogni[sz]ed)|disabled|inactive|invalid|deactivated)|"
            r"no mailbox here|(?:does not|doesn't|doesnt) have an? [^\n]{0,60}account|not our customer|"
            r"couldn.t be found|can(?:not|'t) find (?:user|account|mailbox)|no account by that name|not listed in|"
            r"mailbox unavailable|5\.4\.1 recipient address rejected",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.BAD_DOMAIN,
        re.compile(
            r"(?:host|domain)[^.\n]{0,60}(?:not found|unknown|not exist|no mail|invalid)|"
            r"(?:unknown|no such|bad|invalid) (?:destination |mail |recipient )?(?:host|domain)|unrouteable|"
            r"cannot find[^.\n]{0,40}(?:host|domain|mail exchanger)|nullmx|null mx",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.POLICY,
        re.compile(
            r"\bpolicy\b|\bdmarc\b|\bspf\b|\bdkim\b|relay(?:ing)? (?:access )?(?:denied|not permitted|prohibited)|"
            r"not authori[sz]ed|access denied|\bvirus\b|content (?:rejected|refused)|(?:blocked|refused|rejected) by",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.SOFT,
        re.compile(
            r"timed? ?out|connection refused|could not be delivered for|too long in|retry time|temporar|"
            r"try again|message expired|has expired",
            re.IGNORECASE,
        ),
    ),
)
#: Words say more than these.
_VAGUE = frozenset({"", "0.0", "3.0", "7.1", "4.0", "5.0"})


def class_of(*, status: str, code: int, text: str) -> BounceClass:
    """Of a mail that was given up: `status` is the enhanced one or empty, `code` the basic one or 0."""
    family, _, detail = status.partition(".")
    found = None if detail in _VAGUE else _BY_CODE.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0])
    found = found or _by_words(text) or _BY_SUBJECT.get(detail.partition(".")[0])
    temporary = family == "4" or not family and 400 <= code < 500
    if temporary:
        return found if found in (BounceClass.FULL, BounceClass.TOO_LARGE) else BounceClass.SOFT
    return found or BounceClass.HARD


def _by_words(text: str) -> BounceClass | None:
    return next((found for found, words in _BY_WORDS if words.search(text)), None)
