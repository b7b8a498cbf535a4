"""Recipients: stored from what another system says of them (handoff contract §11)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from django.db import transaction

from earwig import errors, mailboxes
from earwig.models import Account, ContactDetail, Person
from earwig.models.people import BlockReason, ContactType

MOST_CHARACTERS = {
    "external_id": 100,
    "name": 100,
    "title": 100,
    "photo_url": 500,
    "value": 254,
    "note": 100,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContactRecord:
    """One way to reach somebody, as another system knows it."""

    type: str
    value: str
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """Somebody and every contact that the other system has of them."""

    external_id: str
    name: str
    title: str = ""
    photo_url: str = ""
    contacts: tuple[ContactRecord, ...] = ()


@transaction.atomic
def upsert(account: Account, *, record: PersonRecord) -> Person:
    """The account's person of this external id, as the record has it. All or nothing; raises InvalidPerson.

    The name is replaced, title and photo only by what is not empty. A contact of an unknown type is passed
    over. One that the record no longer has is blocked until a record has it, unless it was blocked otherwise.
    """
    contacts = _checked(record)
    person, created = Person.objects.select_for_update().get_or_create(
        account=account, external_id=record.external_id, defaults=_fields_of(record)
    )
    if not created:
        Person.objects.filter(pk=person.pk).update(**_fields_of(record))
        person.refresh_from_db()
    _keep_contacts(person, contacts)
    return person


def _fields_of(record: PersonRecord) -> dict[str, str]:
    optional = {"title": record.title, "photo_url": record.photo_url}
    return {"name": record.name} | {field: text for field, text in optional.items() if text}


def _checked(record: PersonRecord) -> dict[tuple[str, str], ContactRecord]:
    if not record.external_id or not record.name:
        raise errors.InvalidPerson("A person has an id and a name.")
    for field in ("external_id", "name", "title", "photo_url"):
        _check_text(field, getattr(record, field))
    contacts = (_normal(contact) for contact in record.contacts if contact.type in ContactType.values)
    return {(contact.type, contact.value): contact for contact in contacts}


def _normal(contact: ContactRecord) -> ContactRecord:
    if contact.type == ContactType.EMAIL:
        try:
            contact = dataclasses.replace(contact, value=mailboxes.normal(contact.value))
        except errors.InvalidAddress as refused:
            raise errors.InvalidPerson(f"An e-mail contact is not an address: {refused.message}") from None
    if not contact.value:
        raise errors.InvalidPerson("A contact has a value.")
    _check_text("value", contact.value)
    _check_text("note", contact.note)
    return contact


def _check_text(field: str, text: str) -> None:
    most = MOST_CHARACTERS[field]
    if len(text) > most:
        raise errors.InvalidPerson(f"{field} has at most {most} characters.")
    if not text.isprintable():
        raise errors.InvalidPerson(f"{field} holds a control character.")


def _keep_contacts(person: Person, listed: dict[tuple[str, str], ContactRecord]) -> None:
    held = {(contact.type, contact.value): contact for contact in person.contacts.all()}
    ContactDetail.objects.bulk_create(
        ContactDetail(person=person, type=contact.type, value=contact.value, note=contact.note)
        for identity, contact in listed.items()
        if identity not in held
    )
    kept = {identity: contact for identity, contact in held.items() if identity in listed}
    _block(contact for identity, contact in held.items() if identity not in listed)
    _revive(kept.values())
    _annotate((contact, listed[identity].note) for identity, contact in kept.items())


def _block(vanished: Iterable[ContactDetail]) -> None:
    ids = [contact.pk for contact in vanished if not contact.blocked]
    if ids:
        ContactDetail.objects.filter(pk__in=ids, blocked=False).update(
            blocked=True, reason=BlockReason.IMPORT
        )


def _revive(kept: Iterable[ContactDetail]) -> None:
    ids = [contact.pk for contact in kept if contact.reason == BlockReason.IMPORT]
    if ids:
        ContactDetail.objects.filter(pk__in=ids, reason=BlockReason.IMPORT).update(blocked=False, reason="")


def _annotate(notes: Iterable[tuple[ContactDetail, str]]) -> None:
    for contact, note in notes:
        if note and note != contact.note:
            ContactDetail.objects.filter(pk=contact.pk).update(note=note)
