"""Which mailbox provider a domain belongs to. Pure."""

OTHER = "other"

_DOMAINS: dict[str, tuple[str, ...]] = {
    "aol": ("aol.com", "aol.co.uk", "aol.fr", "aol.de", "aim.com", "netscape.net"),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "comcast": ("comcast.net",),
    "free": ("free.fr", "aliceadsl.fr"),
    "gmail": ("gmail.com", "googlemail.com"),
    "gmx": ("gmx.de", "gmx.net", "gmx.com", "gmx.at", "gmx.ch", "web.de", "mail.com"),
    "laposte": ("laposte.net",),
    "mailru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
    "microsoft": tuple(
        "outlook.com outlook.fr outlook.de hotmail.com hotmail.fr hotmail.de hotmail.co.uk hotmail.it hotmail.es "
        "live.com live.fr live.co.uk live.nl msn.com windowslive.com".split()
    ),
    "orange": ("orange.fr", "wanadoo.fr"),
    "proton": ("proton.me", "protonmail.com", "pm.me"),
    "qq": ("qq.com", "foxmail.com"),
    "sfr": ("sfr.fr", "neuf.fr", "cegetel.net", "club-internet.fr"),
    "tonline": ("t-online.de", "magenta.de"),
    "yahoo": tuple(
        "yahoo.com yahoo.fr yahoo.de yahoo.co.uk yahoo.es yahoo.it ymail.com rocketmail.com".split()
    ),
    "yandex": ("yandex.ru", "yandex.com", "ya.ru"),
}
_BY_DOMAIN = {domain: provider for provider, domains in _DOMAINS.items() for domain in domains}

#: Every name that `of_domain` can answer.
NAMES: tuple[str, ...] = (*_DOMAINS, OTHER)


def domains(name: str) -> tuple[str, ...]:
    """The domains of a provider; none of `other`, which has all the rest."""
    return _DOMAINS.get(name, ())


def of_domain(domain: str) -> str:
    """The provider of a domain given in lower case; `other` for all that are not in the table."""
    return _BY_DOMAIN.get(domain, OTHER)


def of_address(address: str) -> str:
    """The provider of an address, whatever the case of its domain."""
    return _BY_DOMAIN.get(address.rpartition("@")[2].lower(), OTHER)
