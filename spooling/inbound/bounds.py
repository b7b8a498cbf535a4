"""Cuts a mail of strangers to what can be read in a moment, whatever it was made to be. Pure.

Python's parser takes a time that grows with the square of a field's length, and with the depth of parts at each line.
"""

from __future__ import annotations

import re

MOST_OCTETS = 4 * 1024 * 1024
MOST_LINES = 60_000
MOST_HEADER_OCTETS = 128 * 1024
#: Octets of one header field.
LONGEST_FIELD = 4_000
#: Parts that hold parts.
MOST_MULTIPARTS = 20

_REST_OF_FIELD = rb"((?:[^\n]|\n[ \t]){%d})(?:[^\n]|\n[ \t])++" % LONGEST_FIELD
_LONG_FIELD = re.compile(rb"^([^\s:]{1,100}+:)" + _REST_OF_FIELD, re.MULTILINE)
_LONG_FIELD_OF_PART = re.compile(
    rb"^(content-[a-z-]{1,40}+[ \t]*+:)" + _REST_OF_FIELD, re.MULTILINE | re.IGNORECASE
)
#: A message in a message is a file here, never parts of it; so is what tells of one.
_MESSAGE_TYPE = re.compile(rb"^(content-type[ \t]*+:\s{0,100}+)message/", re.MULTILINE | re.IGNORECASE)
_DIGEST = re.compile(rb"^(content-type[ \t]*+:\s{0,100}+)multipart/digest", re.MULTILINE | re.IGNORECASE)
_MULTIPART = re.compile(rb"multipart/", re.IGNORECASE)


def tame(raw: bytes) -> bytes:
    """The mail's beginning, in LF lines, with no long header field, and few parts that hold parts.

    Parts of type `message/x` are called `text/x-message-x`.
    """
    cut = raw[:MOST_OCTETS].replace(b"\r\n", b"\n")
    if cut.count(b"\n") > MOST_LINES:
        cut = b"\n".join(cut.split(b"\n", MOST_LINES)[:MOST_LINES])
    header, blank, body = cut.partition(b"\n\n")
    header = _LONG_FIELD.sub(rb"\1\2", header[:MOST_HEADER_OCTETS])
    cut = _LONG_FIELD_OF_PART.sub(rb"\1\2", header + blank + body)
    cut = _DIGEST.sub(rb"\1multipart/mixed", _MESSAGE_TYPE.sub(rb"\1text/x-message-", cut))
    surplus = next((found for n, found in enumerate(_MULTIPART.finditer(cut)) if n >= MOST_MULTIPARTS), None)
    return cut if surplus is None else cut[: surplus.start()]
