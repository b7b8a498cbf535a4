"""Skeletons of complete messages: they go out octet for octet, but for what tracking and a template language change."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from spooling.delivery import entities, headers, mime, structure, written_fields
from spooling.delivery.entities import Bodies, FixedLinks, Piece
from spooling.delivery.headers import Address
from spooling.delivery.mime import Built, Values
from spooling.delivery.structure import Entity, Field
from templates_app import rendering

#: Leaves that can be written in.
_ESCAPES = {"text/plain": rendering.Escape.NONE, "text/html": rendering.Escape.HTML}
#: Fields whose addresses have names that may hold tags.
_ADDRESSES = frozenset(("from", "to", "cc", "reply-to"))
#: Fields that are no text for people: their form is fixed.
_STRUCTURED = frozenset(
    "sender date message-id in-reply-to references mime-version received dkim-signature arc-seal".split()
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Skeleton:
    """A complete message compiled for mailing; threads may share it."""

    #: Its header fields.
    fields: tuple[Piece, ...]
    body: tuple[Piece, ...]
    #: Tracked links whose targets all recipients share, by their first appearance.
    links: FixedLinks
    utf8: bool
    eight_bit: bool
    has_date: bool
    has_message_id: bool
    says_unsubscribe: bool

    @classmethod
    def compile(cls, raw: bytes, bodies: Bodies) -> Self:
        """Compile what of the message is to be rendered; `bodies` tells how, and has no text of its own.

        Raises TemplateSyntaxError, RenderLimit and UnknownLanguage.
        """
        message = structure.read(raw)
        leaves = _Leaves(bodies)
        body = tuple(entities.merged(leaves.pieces(message)))
        if leaves.links or leaves.rendered:
            _complete(message)
        names = {each.name for each in message.fields}
        fixed = b"".join(piece for piece in body if isinstance(piece, bytes))
        return cls(
            fields=tuple(_field(each, bodies.language) for each in message.fields),
            body=body,
            links=tuple(dict.fromkeys(leaves.links)),
            utf8=not all(each.octets.isascii() for each in message.fields),
            eight_bit=not fixed.isascii(),
            has_date="date" in names,
            has_message_id="message-id" in names,
            says_unsubscribe="list-unsubscribe" in names,
        )

    def build(self, values: Values) -> Built:
        """One mail. Raises RenderLimit and UnsupportedValue, AddressInvalid and HeaderInjection."""
        variables, links = values.variables, values.links
        complete = [piece if isinstance(piece, bytes) else piece(variables, links) for piece in self.fields]
        if not self.has_date:
            complete.append(mime.date_field(values.at))
        if not self.has_message_id:
            complete.append(mime.message_id_field(values.message_id))
        if values.unsubscribe and not self.says_unsubscribe:
            complete += mime.unsubscribe_fields(values)
        body = entities.joined(self.body, variables, links)
        utf8 = self.utf8 or headers.needs_utf8(values.to.email)
        return Built(complete, body, utf8, self.eight_bit)


@dataclass(slots=True)
class _Leaves:
    """Cuts a message into pieces; texts that are to be rendered become programs."""

    bodies: Bodies
    links: list[tuple[rendering.LinkKind, str]] = field(default_factory=list)
    rendered: bool = False

    def pieces(self, entity: Entity) -> Iterator[Piece]:
        """All below the header of the entity, whose fields are changed to describe what it becomes."""
        if not entity.parts:
            yield self._leaf(entity)
            return
        seams = iter(entity.seams)
        yield next(seams)
        for part in entity.parts:
            below = list(self.pieces(part))
            yield b"".join((*(each.octets for each in part.fields), part.gap))
            yield from below
            yield next(seams)

    def _leaf(self, leaf: Entity) -> Piece:
        escape = _ESCAPES.get(leaf.type)
        if escape is None or leaf.sealed or leaf.is_attachment or not _is_readable(leaf):
            return leaf.body
        text = leaf.text()
        if not self._wants(text, escape):
            return leaf.body
        program = entities.program_of(text, escape, self.bodies)
        if program.is_fixed:
            return leaf.body
        self.links += program.links
        self.rendered = True
        _describe(leaf)
        piece = entities.piece_of(program, escape, self.bodies)
        if escape is rendering.Escape.HTML:
            # One picture is enough.
            self.bodies = replace(self.bodies, opens=False)
        return piece

    def _wants(self, text: str, escape: rendering.Escape) -> bool:
        bodies = self.bodies
        if rendering.holds_tags(text, bodies.language):
            return True
        tracks = bodies.tracked and (bodies.opens or bodies.clicks)
        # What is too large to be a program goes out untracked, rather than not at all.
        return escape is rendering.Escape.HTML and tracks and len(text) <= rendering.LONGEST_SOURCE


def _is_readable(leaf: Entity) -> bool:
    """Whether its text can be written anew without a loss: its encoding and its character set are known."""
    if leaf.encoding not in structure.IDENTITIES | {"quoted-printable", "base64"}:
        return False
    try:
        codecs.lookup(leaf.parameters.get("charset", "") or "utf-8")
    except (LookupError, ValueError):
        return False
    return True


def _describe(leaf: Entity) -> None:
    flowed = "".join(
        f"; {name}={leaf.parameters[name]}"
        for name in ("format", "delsp")
        if leaf.parameters.get(name, "").isalnum()
    )
    leaf.describe(
        f'Content-Type: {leaf.type}; charset="utf-8"{flowed}\r\n'.encode("ascii"),
        b"Content-Transfer-Encoding: quoted-printable\r\n",
    )


def _complete(message: Entity) -> None:
    """A message whose parts say how they are encoded is a MIME one."""
    if not message.values("mime-version"):
        message.fields.append(Field("mime-version", b"MIME-Version: 1.0\r\n"))


def _field(field: Field, language: str) -> Piece:
    """The field, rendered where what it says holds tags."""
    if field.name in _STRUCTURED or field.name.startswith("content-"):
        return field.octets
    value = written_fields.text_of(field)
    if not rendering.holds_tags(value, language):
        return field.octets
    prefix = f"{field.title}: "
    if field.name in _ADDRESSES:
        named = [(_line(each.name, language), each.email) for each in written_fields.addresses(field)]
        return lambda variables, _: headers.address_field(
            prefix, [Address(name(variables), email) for name, email in named]
        )[0]
    render = _line(value, language)
    return lambda variables, _: headers.text_field(prefix, render(variables))


def _line(source: str, language: str) -> Callable[[Mapping[str, object]], str]:
    program = rendering.compile(
        source, language=language, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN
    )
    return lambda variables: headers.flatten(program.render(variables))
