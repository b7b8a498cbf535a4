"""Rules about where the links of a message lead."""

from __future__ import annotations

from collections.abc import Callable

from stats.scoring import links
from stats.scoring.message import Reading

#: How links that unsubscribe call themselves.
_WORDS = (
    "unsubscribe",
    "opt out",
    "opt-out",
    "désabonn",
    "désinscri",
    "abmeld",
    "abbestell",
    "darse de baja",
    "cancelar suscripción",
    "cancella iscrizione",
    "disiscri",
    "uitschrijv",
    "descadastr",
)


def disagreeing(reading: Reading) -> tuple[str, ...]:
    shown = (link.shown for link in reading.markup.links if links.disagrees(link.shown, link.target))
    return tuple(dict.fromkeys(shown))


def literal(reading: Reading) -> tuple[str, ...]:
    return _hosts(reading, links.is_literal)


def with_user(reading: Reading) -> tuple[str, ...]:
    return _hosts(reading, lambda address: address.has_user)


def lookalike(reading: Reading) -> tuple[str, ...]:
    return _hosts(reading, links.is_lookalike)


def short(reading: Reading) -> tuple[str, ...]:
    return _hosts(reading, links.is_short)


def odd_port(reading: Reading) -> tuple[str, ...]:
    return _hosts(reading, links.is_odd_port)


def unencrypted(reading: Reading) -> tuple[str, ...]:
    return _hosts(reading, lambda address: address.scheme == "http")


def no_unsubscribe(reading: Reading) -> tuple[str, ...]:
    message = reading.message
    if not message.bulk or "list-unsubscribe" in reading.header_names:
        return ()
    written = message.html + message.text
    if "{{unsubscribe" in written.replace("{{ ", "{{"):
        return ()
    named = any(_unsubscribes(link.shown, link.target) for link in reading.markup.links)
    return () if named or _unsubscribes(reading.plain_text) else ("yes",)


def _unsubscribes(*said: str) -> bool:
    text = " ".join(said).lower()
    return any(word in text for word in _WORDS)


def _hosts(reading: Reading, suspicious: Callable[[links.Address], bool]) -> tuple[str, ...]:
    hosts = (address.host for address in reading.addresses if suspicious(address))
    return tuple(dict.fromkeys(hosts))
