"""Who follows a link, by what it says of itself: a person, a proxy that fetches for one, or a program. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

#: Characters of a user agent that are kept.
LONGEST_AGENT = 500


class Who(StrEnum):
    """Whose hit it was. An unknown agent is a human: mail programs are many."""

    HUMAN = "human"
    #: A mailbox provider fetched it for its user, or ahead: it counts as opened.
    PROXY = "proxy"
    #: A filter that looks at mails or a program that shows previews of links: it counts nothing.
    SCANNER = "scanner"


#: Parts of agents, in any case.
_AGENTS = (
    (Who.PROXY, re.compile(r"googleimageproxy|yahoomailproxy|yahoocachesystem|ggpht\.com", re.IGNORECASE)),
    (
        Who.SCANNER,
        re.compile(
            "barracuda|proofpoint|mimecast|messagelabs|symantec|ironport|fireeye|trellix|forcepoint|trend ?micro|"
            "sophos|bitdefender|zscaler|cloudmark|safelinks|vade|spamassassin|rspamd|mailscanner|virustotal|urlscan|"
            "phishtank|google-safety|microsoft office (?:existence|protocol) discovery|bingpreview|"
            "slackbot|facebookexternalhit|whatsapp/|skypeuripreview|telegrambot|discordbot|twitterbot|linkedinbot|"
            "googlebot|bingbot|applebot|yandexbot|duckduckbot|ahrefsbot|semrushbot|baiduspider|petalbot|"
            "linkcheck|crawler|headlesschrome",
            re.IGNORECASE,
        ),
    ),
)
#: What Apple's Mail Privacy Protection says of itself, and nobody else.
_APPLE_PROXY = "Mozilla/5.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asked, from where and with which program."""

    who: Who
    ip: str
    agent: str

    @property
    def counts(self) -> bool:
        return self.who is not Who.SCANNER

    def detail(self) -> dict[str, str]:
        """What an event keeps of it, until the mail is erased."""
        return {"who": self.who.value, "ip": self.ip, "useragent": self.agent}


def visitor(*, agent: str, ip: str, method: str, follows: bool) -> Visitor:
    """`follows`: it went to a link rather than fetch a picture. No browser does that without saying what it is."""
    agent = agent.replace("\0", "")[:LONGEST_AGENT]
    return Visitor(who=_who(agent, method, follows), ip=ip, agent=agent)


def _who(agent: str, method: str, follows: bool) -> Who:
    if method == "POST":
        # Whatever sends a form was told to: mailbox providers unsubscribe for their users, some without an agent.
        return Who.HUMAN
    if method == "HEAD" or (follows and not agent.strip()):
        return Who.SCANNER
    if agent == _APPLE_PROXY:
        return Who.PROXY
    return next((who for who, known in _AGENTS if known.search(agent)), Who.HUMAN)
