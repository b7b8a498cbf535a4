"""Files that jobs read and write, as rows in pieces: a slice of a job works off one and never holds the whole."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

from django.db.models import Sum
from django.db.models.functions import Length

from earwig import errors
from spooling.models import JobFile, JobRequest

#: A piece ends with the last record that ends within so many bytes.
PIECE_BYTES = 64 * 1024
#: The longest record, and so the longest piece.
MOST_BYTES = 256 * 1024

#: Tells where each record of a file ends, the last one too.
Cut = Callable[[bytes], Iterator[int]]

# A field that is quoted from its first character on, or the end of a line outside of such fields (RFC 4180 §2).
_CSV = re.compile(rb'(?:\A(?:\xef\xbb\xbf)?|(?<=[,\r\n]))"[^"]*(?:""[^"]*)*"?|(\r\n|\n|\r)')
_LINE_END = re.compile(rb"\r\n|\n")


def records(data: bytes) -> Iterator[int]:
    """Ends of the records of a CSV file; a line break in a quoted field ends none.

    Raises InvalidImport where such a field never ends: it would take in all records behind it.
    """
    end = 0
    for match in _CSV.finditer(data):
        if match[1]:
            end = match.end()
            yield end
        elif match[0].count(b'"') % 2:
            raise errors.InvalidImport("The quotes of a field never end.")
    if end < len(data):
        yield len(data)


def lines(data: bytes) -> Iterator[int]:
    """Ends of the lines of a text."""
    end = 0
    for match in _LINE_END.finditer(data):
        end = match.end()
        yield end
    if end < len(data):
        yield len(data)


def store(job: JobRequest, name: str, data: bytes, *, cut: Cut) -> int:
    """Keep `data` as the pieces 0, 1, … of the job's file, each of whole records; answers how many records.

    Raises InvalidImport when one is longer than MOST_BYTES: nothing is to be kept of the file then.
    """
    count, start, last, number = 0, 0, 0, 0
    for end in cut(data):
        if end - last > MOST_BYTES:
            raise errors.InvalidImport(f"A record of the file is longer than {MOST_BYTES} bytes.")
        if end - start > PIECE_BYTES and last > start:
            append(job, name, data[start:last], number=number)
            start, number = last, number + 1
        last, count = end, count + 1
    if last > start:
        append(job, name, data[start:last], number=number)
    return count


def append(job: JobRequest, name: str, data: bytes, *, number: int) -> None:
    """Keep `data` as the piece of that number; a second one of it raises IntegrityError."""
    JobFile.objects.create(job=job, name=name, number=number, data=data)


def piece(job: JobRequest, name: str, number: int) -> bytes | None:
    """One piece of the job's file; None when it has no such piece."""
    found = JobFile.objects.filter(job=job, name=name, number=number).values_list("data", flat=True).first()
    return None if found is None else bytes(found)


def pieces(job: JobRequest, name: str) -> Iterator[bytes]:
    """All of them, in order; one at a time is in memory."""
    for number in itertools.count():
        data = piece(job, name, number)
        if data is None:
            return
        yield data


def size(job: JobRequest, name: str) -> int:
    """Bytes of the file."""
    found = JobFile.objects.filter(job=job, name=name).aggregate(bytes=Sum(Length("data")))
    return found["bytes"] or 0


def delete_piece(job: JobRequest, name: str, number: int) -> None:
    """Delete one piece that the job is done with."""
    JobFile.objects.filter(job=job, name=name, number=number).delete()


def delete(job: JobRequest, name: str) -> None:
    """Delete the job's file."""
    JobFile.objects.filter(job=job, name=name).delete()
