"""Quoted-printable (RFC 2045 §6.7): literals when a template is compiled, values when it is rendered.

Every line is ASCII, at most 76 long, without trailing blank, and starts with neither "." nor "F".
"""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from templates_app.rendering import values
from templates_app.rendering.instructions import Computed, Link, Literal, Piece, Variable
from templates_app.rendering.values import Writer

SOFT_BREAK = "=\r\n"

#: A value of at most this many safe characters is written as it is, on the line that was left open for it.
SHORT = 64

_LINE = 75  # and the "=" of a soft break
_PORTION = 64 * 1024  # characters measured at once
_COST_OF_LINE = 64  # characters that take as long as a line does
_CHUNK = 24  # bytes: they stay below _LINE even when each of them and the first one again is encoded

_NEWLINE = re.compile(r"\r?\n")
_is_harmless = re.compile(rf"[ !#-%(-;?-~]{{0,{SHORT}}}+").fullmatch
_is_plain = re.compile(rf"[ -<>-~]{{0,{SHORT}}}+").fullmatch
_is_harmless_anywhere = re.compile(rf"(?![.F])[ !#-%(-;?-~]{{0,{SHORT}}}+").fullmatch
_SAFE = bytes(code for code in range(32, 127) if code != ord("="))


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value goes; at the start of a line its first character may need encoding."""

    value: Variable | Computed | Link
    at_line_start: bool = False


def place(run: Sequence[Piece], *, last: bool) -> list[str | Slot]:
    """Encodes the literals of a straight run, which starts on a fresh line, around the slots of its values.

    The run ends on a fresh line too, unless it is the `last` of its program.
    """
    pieces: list[str | Slot] = []
    for position, instruction in enumerate(run):
        following = run[position + 1] if position + 1 < len(run) else None
        if not isinstance(instruction, Literal):
            pieces.append(Slot(instruction, at_line_start=_ends_line(pieces)))
            pieces.append(SOFT_BREAK)
        elif not isinstance(following, Literal | None):
            pieces.append(_lead(instruction.text))
        else:
            pieces.append(_close(instruction.text, last=last))
    return pieces


def encode(text: str) -> str:
    """Lines of `text`, each as `_encode_line` gives them; LF and CRLF become CRLF, a lone CR is encoded."""
    if "\n" not in text:
        return _encode_line(text.encode("utf-8", "replace"))
    return "\r\n".join(_encode_line(line.encode("utf-8", "replace")) for line in _NEWLINE.split(text))


def encode_value(value: str, room: int) -> str:
    """`value` behind at most 75 - SHORT characters of a line; a soft break must follow.

    Raises RenderLimit when it would take more than `room` characters.
    """
    if _is_plain(value):
        return value
    if len(value) <= SHORT and "\n" not in value:
        short = binascii.b2a_qp(value.encode("utf-8", "replace"), istext=False).decode("ascii")
        if len(short) <= SHORT:
            return short
    check_size(value, room)
    encoded = encode(value)
    return encoded if len(encoded) <= SHORT and "\n" not in encoded else SOFT_BREAK + encoded


def encode_first_value(value: str, room: int) -> str:
    """As `encode_value`, at the start of a line."""
    check_size(value, room)
    return encode(value)


def encode_html_value(value: str, room: int) -> str:
    """As `encode_value`, HTML-escaped first."""
    if _is_harmless(value):
        return value
    return encode_value(values.escaped(value, room), room)


def encode_first_html_value(value: str, room: int) -> str:
    """As `encode_value`, HTML-escaped first, at the start of a line."""
    return encode(_sized(values.escaped(value, room), room))


def _sized(value: str, room: int) -> str:
    check_size(value, room)
    return value


def check_size(value: str, room: int) -> None:
    """Raises RenderLimit, before anything is built, when encoded `value` would cost more than `room`."""
    if len(value) <= room // 128:
        return
    cost = _COST_OF_LINE * value.count("\n")
    for start in range(0, len(value), _PORTION):
        if cost + len(value) - start > room:
            values.too_much_output()
        data = value[start : start + _PORTION].encode("utf-8", "replace")
        cost += 2 * len(data) + 2 * len(data.translate(None, _SAFE))


def shown(group: Sequence[str], writers: Sequence[Writer], room: int) -> tuple[Sequence[str], int]:
    """As `values.shown`; a line takes room beyond its characters, because it takes time."""
    written = list(group)
    for number, value in enumerate(group):
        if _is_harmless_anywhere(value):
            continue
        written[number] = encoded = writers[number](value, room)
        room -= len(encoded)
        if len(encoded) > SHORT:
            room -= _COST_OF_LINE * encoded.count("\n")
    if room < 0:
        values.too_much_output()
    return written, room


def _encode_line(data: bytes) -> str:
    encoded = binascii.b2a_qp(data, istext=False).decode("ascii")
    if len(encoded) <= _LINE - 2:
        return _encode_start(encoded)
    if encoded[0] in ".F" or "\n." in encoded or "\nF" in encoded or not _fits(encoded):
        return _encode_chunks(data)
    return encoded.replace("\n", "\r\n")


def _fits(encoded: str) -> bool:
    return len(encoded) - encoded.rfind("\n") - 1 <= _LINE


def _encode_chunks(data: bytes) -> str:
    chunks = (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))
    return SOFT_BREAK.join(
        _encode_start(binascii.b2a_qp(chunk, istext=False).decode("ascii")) for chunk in chunks
    )


def _encode_start(line: str) -> str:
    """Keeps "." from SMTP's dot-stuffing and "F" of "From " from mbox."""
    if line.startswith("."):
        return "=2E" + line[1:]
    return "=46" + line[1:] if line.startswith("F") else line


def _lead(text: str) -> str:
    """Encoded `text` before a value: where the last line is too long it breaks before its last byte."""
    head, newline, tail = text.rpartition("\n")
    data = tail.encode("utf-8", "replace")
    encoded = _encode_open(data)
    if len(encoded) > _LINE - SHORT:
        encoded = _encode_line(data[:-1]) + SOFT_BREAK + _encode_open(data[-1:])
    return encode(head + newline) + encoded


def _encode_open(data: bytes) -> str:
    """A line that goes on: its last blank is not a trailing one."""
    return _encode_line(data + b"x")[:-1]


def _close(text: str, *, last: bool) -> str:
    encoded = encode(text)
    return encoded if last or encoded.endswith("\r\n") else encoded + SOFT_BREAK


def _ends_line(pieces: Sequence[str | Slot]) -> bool:
    return not pieces or (isinstance(pieces[-1], str) and pieces[-1].endswith("\n"))
