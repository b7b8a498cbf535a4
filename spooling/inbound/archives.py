"""Takes a file out of what it is packed in, within bounds. Pure."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

#: Octets of what is unpacked.
MOST_OCTETS = 10 * 1024 * 1024
#: Octets of an archive: its table of contents is read as a whole.
_MOST_PACKED = 4 * 1024 * 1024
#: Entries of an archive that is looked into.
_MOST_FILES = 100
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)


def unpack(data: bytes) -> bytes:
    """The file, or the only one of an archive; `data` itself where it is none. Empty where it is broken or too large."""
    if len(data) > _MOST_PACKED:
        return b""
    try:
        if data.startswith(b"\x1f\x8b"):
            return _bounded(gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST_OCTETS + 1))
        if data.startswith(b"PK"):
            return _unzipped(data)
    except _BROKEN:
        return b""
    return data


def _unzipped(data: bytes) -> bytes:
    if data.count(b"PK\x01\x02") > _MOST_FILES:
        return b""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(files) != 1:
            return b""
        with archive.open(files[0]) as file:
            return _bounded(file.read(MOST_OCTETS + 1))


def _bounded(data: bytes) -> bytes:
    return data if len(data) <= MOST_OCTETS else b""
