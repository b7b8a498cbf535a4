"""Who a campaign's mails are from, and the sending domain that signs it, as its author's address settles it."""

from __future__ import annotations

from collections.abc import Iterable

from earwig import errors as earwig_errors
from spooling import errors, ledger
from spooling.campaigns import compositions, displays, locks, messages
from spooling.campaigns.compositions import Message
from spooling.models import Content, Spooler


def of(spooler: Spooler) -> set[str]:
    """The address that the campaign's mails are from, as far as it was told."""
    written = Content.objects.filter(pk=spooler.content_id or 0).values_list("from_email", flat=True)
    return of_messages(spooler, [messages.of(spooler)]) | set(written) - {""}


def of_messages(spooler: Spooler, told: Iterable[Message]) -> set[str]:
    """The addresses that mails of the campaign that say this are from; what is none is for those who store it."""
    domain = "" if spooler.domain is None else spooler.domain.name
    return {_author(message, domain) for message in told} - {""}


def at_launch(spooler: Spooler) -> set[str]:
    """As `of`; where nobody told one, the domain's own."""
    if spooler.domain is None:
        return of(spooler)
    return of(spooler) or {f"{displays.LOCAL_PART}@{spooler.domain.name}"}


def _author(message: Message, domain: str) -> str:
    try:
        return compositions.author(message, domain)[1]
    except earwig_errors.InvalidAddress:
        return ""


def sign(spooler: Spooler, *, domain_id: int | None) -> None:
    """Let the domain of the author sign the campaign; None: the author's is nobody's own, and changes nothing.

    Belongs into the transaction that writes the message. Raises SpoolerLocked, and DomainConflict where the campaign
    has another domain, or has recipients whose mails would go unsigned.
    """
    held = locks.being_filled(spooler)
    if domain_id in (None, held.domain_id):
        return
    if held.domain_id is not None:
        raise errors.DomainConflict
    if ledger.of_spooler(held.pk)["spooled"]:
        raise errors.DomainConflict("The campaign got recipients before it had a sending domain.")
    Spooler.objects.filter(pk=held.pk).update(domain=domain_id)
    spooler.refresh_from_db(fields=["domain"])
