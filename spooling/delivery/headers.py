"""Header fields as bytes.

Folding (RFC 5322), encoded words (RFC 2047), addresses (also RFC 6531), parameters (RFC 2231).
"""

import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

import idna

from spooling.delivery import errors

#: Written by the platform, or with a member of its own in the APIs. Lower case. Sender and Reply-To
#: hold addresses, which `headers` cannot encode (a display name inside an encoded word loses the address).
RESERVED_HEADERS = frozenset("""
    from sender reply-to to cc bcc subject date message-id mime-version content-type content-disposition
    content-transfer-encoding content-id dkim-signature received return-path authentication-results
    """.split())
#: Whole families that are reserved: the body's description, trace fields, resending.
RESERVED_PREFIXES = ("content-", "resent-", "arc-", "received-")

#: Characters a line should not pass, without CRLF (RFC 5322 §2.1.1).
LINE_WIDTH = 78
#: Characters a line must not pass, without CRLF.
LINE_LIMIT = 998
#: 64 of the local part, @, 255 of the domain (RFC 5321 §4.5.3.1).
EMAIL_LIMIT = 320
#: Characters of one encoded word (RFC 2047 §2).
WORD_LIMIT = 75

_NAME = re.compile(r"[!-9;-~]{1,76}")
_BREAK = re.compile("[\r\n\0]")
_BREAKS = re.compile("[\r\n\0]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9._-]{1,253}")
_DOMAIN = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[A-Za-z0-9.:-]{1,253}\]")
_LOCAL = re.compile(r'[^\x00-\x20\x7f"(),:;<>@\[\\\]]{1,64}|"(?:[ !#-\[\]-~]|\\[ -~]){0,62}"')
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = ["_" if byte == 32 else chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in range(256)]
_FALLBACK_UNSAFE = re.compile(r"[^ !#-\[\]-~]+|[%/]")


@dataclass(frozen=True, slots=True)
class Address:
    """A display name, which may be empty, and an address; both as the sender wrote them."""

    name: str
    email: str


def check_header(name: str, value: str) -> None:
    """Accept an extra header of a caller.

    Raises HeaderNameInvalid (RFC 5322 §2.2), HeaderReserved or HeaderInjection.
    """
    _check_name(name)
    refuse_breaks(name, value)


@lru_cache(maxsize=256)
def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise errors.HeaderNameInvalid(ascii(name[:80]))
    folded = name.lower()
    if folded in RESERVED_HEADERS or folded.startswith(RESERVED_PREFIXES):
        raise errors.HeaderReserved(name)


def refuse_breaks(name: str, value: str) -> None:
    """Raise HeaderInjection, naming the field, when the value holds CR, LF or NUL."""
    if _BREAK.search(value):
        raise errors.HeaderInjection(name)


def flatten(value: str) -> str:
    """A rendered value on one line: each run of CR, LF and NUL becomes a space."""
    return value if value.isprintable() else _BREAKS.sub(" ", value)


def text_field(prefix: str, value: str) -> bytes:
    """An unstructured field; `prefix` is its name with the colon and a space, `value` holds no CR, LF or NUL.

    Folded at 78, no line over 998; encoded words where the value would not survive as it stands.
    """
    if is_plain(value):
        if len(prefix) + len(value) <= LINE_WIDTH:
            return f"{prefix}{value}\r\n".encode("ascii")
        tokens = value.split(" ")
        if len(max(tokens, key=len)) < LINE_LIMIT - len(prefix):
            return fold(prefix, tokens)
    return fold(prefix, encoded_words(value, _word_limit(prefix)))


def is_plain(value: str) -> bool:
    """Whether the value is printable ASCII that every reader gives back unchanged."""
    return (
        value.isascii()
        and value.isprintable()
        and "=?" not in value
        and "  " not in value
        and value[:1] != " "
        and value[-1:] != " "
    )


def fold(prefix: str, tokens: Iterable[str]) -> bytes:
    """One field of tokens joined by spaces, broken before a token that would pass 78.

    The first token stays on the line of the name.
    """
    lines, line = [], prefix
    width = 0
    for token in tokens:
        if width and width + 1 + len(token) > LINE_WIDTH:
            lines.append(line)
            line, width = f" {token}", len(token) + 1
        else:
            line = f"{line} {token}" if width else f"{line}{token}"
            width = len(line)
    lines.append(line)
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


def encoded_words(value: str, limit: int = WORD_LIMIT) -> list[str]:
    """RFC 2047 words of at most `limit` characters that together read as the value; no character is split."""
    data = value.encode("utf-8", "replace")
    if 3 * (len(data) - len(value)) > len(value):
        return [f"=?utf-8?b?{chunk}?=" for chunk in _b_chunks(data, (limit - 12) // 4 * 3)]
    return [f"=?utf-8?q?{chunk}?=" for chunk in _q_chunks(value, limit - 12)]


def _b_chunks(data: bytes, room: int) -> list[str]:
    chunks = []
    start, size = 0, len(data)
    while start < size:
        end = min(start + room, size)
        while end < size and data[end] & 0xC0 == 0x80:
            end -= 1
        chunks.append(binascii.b2a_base64(data[start:end], newline=False).decode("ascii"))
        start = end
    return chunks


def _q_chunks(value: str, room: int) -> list[str]:
    chunks, chunk = [], ""
    for character in value:
        piece = "".join([_Q[byte] for byte in character.encode("utf-8", "replace")])
        if len(chunk) + len(piece) > room:
            chunks.append(chunk)
            chunk = piece
        else:
            chunk += piece
    return [*chunks, chunk]


def _word_limit(prefix: str) -> int:
    """The first word shares its line, of at most 76 (RFC 2047 §2), with the field's name."""
    return WORD_LIMIT + 1 - len(prefix) if len(prefix) <= 36 else WORD_LIMIT - len(prefix) // 2


def address_field(prefix: str, addresses: Iterable[Address]) -> tuple[bytes, bool]:
    """A field of addresses, and whether it needs SMTPUTF8 because a local part is not ASCII.

    Raises AddressInvalid, and HeaderInjection for a name with CR, LF or NUL.
    """
    tokens: list[str] = []
    utf8 = False
    for address in addresses:
        email = address.email
        if not _EMAIL.fullmatch(email):
            email = encode_email(email)
            utf8 = utf8 or not email.isascii()
        if address.name:
            refuse_breaks(prefix[:-2], address.name)
            tokens += phrase(address.name, _word_limit(prefix))
            email = f"<{email}>"
        tokens.append(f"{email},")
    if tokens:
        tokens[-1] = tokens[-1][:-1]
    return fold(prefix, tokens), utf8


def recipient_field(prefix: str, address: Address) -> tuple[bytes, bool]:
    """As `address_field` for one address, fast where nothing needs encoding."""
    name, email = address.name, address.email
    if len(name) + len(email) <= 70 and _EMAIL.fullmatch(email):
        if not name:
            return f"{prefix}{email}\r\n".encode("ascii"), False
        if _ATOMS.fullmatch(name) and "=?" not in name:
            return f"{prefix}{name} <{email}>\r\n".encode("ascii"), False
    return address_field(prefix, (address,))


def phrase(name: str, limit: int = WORD_LIMIT) -> list[str]:
    """A display name as tokens: atoms, one quoted string, or encoded words (RFC 5322 §3.2.5, RFC 2047 §5)."""
    if len(name) <= limit and is_plain(name):
        if _ATOMS.fullmatch(name):
            return name.split(" ")
        return [_quoted(name)]
    return encoded_words(name, limit)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped + '"'


def needs_utf8(email: str) -> bool:
    """Whether the address needs SMTPUTF8 (RFC 6531): its local part is not ASCII."""
    return not email.rpartition("@")[0].isascii()


@lru_cache(maxsize=4096)
def encode_email(email: str) -> str:
    """The address with its domain in A-labels (IDNA 2008 with UTS 46 mapping); the local part stays as it is.

    Raises AddressInvalid.
    """
    local, _, domain = email.rpartition("@")
    if len(email) > EMAIL_LIMIT or not local.isprintable() or not _LOCAL.fullmatch(local):
        raise errors.AddressInvalid(ascii(email[:EMAIL_LIMIT]))
    try:
        encoded = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise errors.AddressInvalid(ascii(email[:EMAIL_LIMIT])) from error
    if not _DOMAIN.fullmatch(encoded):
        raise errors.AddressInvalid(ascii(email[:EMAIL_LIMIT]))
    return f"{local}@{encoded}"


def parameter(name: str, value: str) -> str:
    """`; name=value`, folded; extended and continued (RFC 2231) where the value is not short ASCII.

    The extended form comes first, as Python's reader takes the first; then a plain fallback for old readers.
    """
    if is_plain(value) and len(value) <= 60:
        return f";\r\n {name}={_quoted(value)}"
    pieces = _extended_pieces(value, LINE_WIDTH - 12 - len(name))
    if len(pieces) == 1:
        extended = [f"{name}*=utf-8''{pieces[0]}"]
    else:
        extended = [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]
        extended[0] = f"{name}*0*=utf-8''{pieces[0]}"
    return "".join(f";\r\n {piece}" for piece in [*extended, f"{name}={_quoted(_fallback(value))}"])


def _extended_pieces(value: str, room: int) -> list[str]:
    pieces, piece = [], ""
    for character in value:
        encoded = quote(character, safe="!#$&+-.^_`|~", errors="replace")
        if len(piece) + len(encoded) > room:
            pieces.append(piece)
            piece = encoded
        else:
            piece += encoded
    return [*pieces, piece]


def _fallback(value: str) -> str:
    """The value in plain ASCII, at most 60 characters, its extension kept."""
    plain = _FALLBACK_UNSAFE.sub("_", value).strip() or "_"
    stem, dot, extension = plain.rpartition(".")
    if len(plain) <= 60:
        return plain
    if not dot or len(extension) > 10:
        return plain[:60]
    return f"{stem[:59 - len(extension)]}.{extension}"
