"""What a campaign's mails say: told word by word over a wire (`replace`), or written as a content (`write`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from earwig import domains
from earwig import errors as earwig_errors
from spooling import errors
from spooling.campaigns import compositions, locks, resources
from spooling.campaigns.compositions import Ground, Message
from spooling.models import Content, ContentFile, Mail, Resource, Spooler, SpoolerMessage
from spooling.outbox import contents
from spooling.outbox.drafts import NewContent


def of(spooler: Spooler) -> Message:
    """What a wire told; empty without anything."""
    return _told(spooler) or Message()


def _told(spooler: Spooler) -> Message | None:
    told = SpoolerMessage.objects.filter(spooler=spooler).first()
    if told is None:
        return None
    return Message(
        sender=told.sender,
        recipient=told.recipient,
        subject=told.subject,
        headers=told.headers,
        variables=told.variables,
        parts=tuple(told.parts),
        attachments=tuple(told.attachments),
        unsubscribe=told.unsubscribe,
    )


@transaction.atomic
def replace(spooler: Spooler, message: Message) -> None:
    """Let the campaign say this and nothing else. Raises SpoolerLocked, FieldsRefused, UnknownResource."""
    held = locks.being_filled(spooler)
    if found := flaws(held, message):
        raise errors.FieldsRefused(fields=found)
    resources.find(held, message.wanted())
    _put(held, message)


@transaction.atomic
def replace_parts(spooler: Spooler, *, parts: tuple[str, ...], attachments: tuple[str, ...]) -> None:
    """Only the parts and the attachments. Raises SpoolerLocked, FieldsRefused, UnknownResource."""
    replace(spooler, dataclasses.replace(of(spooler), parts=parts, attachments=attachments))


def flaws(spooler: Spooler, message: Message) -> dict[str, str]:
    """What of the message can never be sent, by field; also an author from whom the account may not send."""
    found = compositions.flaws(message, domain=spooler.domain_name)
    found |= compositions.variable_flaws(message.variables)
    if "sender" in found:
        return found
    _, email = compositions.author(message, spooler.domain_name)
    return found | author_flaws(spooler, email)


def author_flaws(spooler: Spooler, email: str) -> dict[str, str]:
    """By field, that the account may not send from this address; nothing where there is none."""
    try:
        if email:
            domains.sending_domain(spooler.account_id, email)
    except earwig_errors.DomainNotAllowed as error:
        return {"sender": error.message}
    return {}


def _put(spooler: Spooler, message: Message) -> None:
    said = {
        **{name: getattr(message, name) for name in ("sender", "recipient", "subject", "unsubscribe")},
        **{name: dict(getattr(message, name)) for name in ("headers", "variables")},
        **{name: list(getattr(message, name)) for name in ("parts", "attachments")},
    }
    SpoolerMessage.objects.update_or_create(spooler=spooler, defaults=said)


@transaction.atomic
def write(spooler: Spooler, content: NewContent, *, now: datetime) -> None:
    """Let the campaign say this content, and forget what a wire told. Raises SpoolerLocked, FieldsRefused."""
    if found := compositions.variable_flaws(content.variables):
        raise errors.FieldsRefused(fields=found)
    held = locks.being_filled(spooler)
    content_id = own_content(held, now=now)
    SpoolerMessage.objects.filter(spooler=held).delete()
    Content.objects.filter(pk=content_id).update(**contents.said(content))
    ContentFile.objects.filter(content=content_id).delete()
    contents.attach(held.account_id, [content], [content_id])
    spooler.content_id = content_id


def own_content(spooler: Spooler, *, now: datetime) -> int:
    """The id of the content that its mails refer to; an empty one as long as nothing was written or launched.

    The caller holds the campaign's row.
    """
    if spooler.content_id is None:
        spooler.content = Content.objects.create(
            account_id=spooler.account_id,
            from_email="",
            template_language=compositions.LANGUAGE,
            created_at=now,
        )
        spooler.save(update_fields=["content"])
    return int(spooler.content_id or 0)


def fill(spooler: Spooler, content: NewContent, *, now: datetime) -> None:
    """Make what was composed the content of the campaign's mails. The caller holds the campaign's row."""
    content_id = own_content(spooler, now=now)
    Content.objects.filter(pk=content_id).update(**contents.said(content))
    message = of(spooler)
    if message.attachments:
        ContentFile.objects.filter(content=content_id).delete()
        attach({content_id: message})


def attach(told: Mapping[int, Message]) -> None:
    """Give contents, by their ids, the files that messages name; nobody reads their octets."""
    tokens = {token for message in told.values() for token in message.attachments}
    found = dict(_files(tokens))
    ContentFile.objects.bulk_create(
        ContentFile(
            content_id=content_id,
            position=position,
            **found[token],
        )
        for content_id, message in told.items()
        for position, token in enumerate(message.attachments)
    )


def _files(tokens: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = Resource.objects.filter(token__in=set(tokens))
    for token, file_id, name, type_ in rows.values_list("token", "file_id", "filename", "type"):
        yield token, {"attachment_id": file_id, "name": name, "type": type_}


def compose(spooler: Spooler, override: Message | None = None) -> NewContent:
    """All that the campaign's mails say, or those with this override do, files included.

    The sender's address is empty where there is none. Raises UnknownResource, AttachmentTooLarge, InvalidAddress.
    """
    told = _told(spooler)
    language = _language(spooler, told)
    content = NewContent(
        from_email="",
        headers=compositions.safe_headers(spooler.headers),
        reply_to=compositions.reply_to(spooler.headers),
        variables=spooler.variables,
        template_language=language,
    )
    if told is not None:
        content = contents.overlaid(content, _complete(spooler, told, language))
    elif spooler.content_id is not None:
        content = contents.overlaid(content, _stored(spooler.content_id))
    return contents.overlaid(content, _complete(spooler, override, language)) if override else content


def of_mail(mail: Mail) -> NewContent:
    """What a stored mail says, or would say if its campaign were launched now. Raises as `compose`."""
    if mail.content_id == mail.spooler.content_id:
        return compose(mail.spooler)
    content = _stored(mail.content_id)
    return content if content.base_id is None else contents.overlaid(compose(mail.spooler), content)


def _complete(spooler: Spooler, message: Message, language: str) -> NewContent:
    """What the message says, with its files."""
    said = compositions.said(message, _ground(spooler, [message], language))
    return dataclasses.replace(said, files=resources.files(message.attachments))


def ground(spooler: Spooler, overrides: Sequence[Message]) -> Ground:
    """What these overrides of the campaign's mails are read with. Raises UnknownResource."""
    return _ground(spooler, overrides, _language(spooler, _told(spooler)))


def _ground(spooler: Spooler, messages: Sequence[Message], language: str) -> Ground:
    found = resources.find(spooler, [want for message in messages for want in message.wanted()])
    return Ground(
        domain=spooler.domain_name,
        language=language,
        resources=found,
        texts=resources.texts(token for message in messages for token in message.parts),
    )


def _language(spooler: Spooler, told: Message | None) -> str:
    """The template language of the campaign's texts, and so of those of mails that differ."""
    if told is not None or spooler.content_id is None:
        return compositions.LANGUAGE
    return Content.objects.values_list("template_language", flat=True).get(pk=spooler.content_id)


def _stored(content_id: int) -> NewContent:
    return contents.of_row(Content.objects.get(pk=content_id), contents.files([content_id])[content_id])
