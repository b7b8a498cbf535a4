import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwig.errors import InvalidImport
from spooling import job_files
from spooling.models import JobFile, JobRequest

CELL = st.text(alphabet='ab ,"\n\r;é', max_size=6)


@pytest.fixture
def job(account):
    return JobRequest.objects.create(account=account, kind="import_suppressions")


def written(rows, line_end):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode()


def read(data):
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@given(st.lists(st.lists(CELL, min_size=2, max_size=3), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_records_are_cut_where_a_reader_of_csv_ends_them(rows, line_end):
    data = written(rows, line_end)
    ends = [0, *job_files.records(data)]

    cut = [read(data[start:end]) for start, end in zip(ends, ends[1:], strict=False)]

    assert cut == [[row] for row in read(data)]


def test_a_quotation_mark_inside_a_plain_field_quotes_nothing():
    data = b'a@x.example,6" pipe\nb@x.example,"two\nlines"\nc@x.example,""\n'
    assert list(job_files.records(data)) == [20, 44, 59]


def test_a_quoted_first_field_may_follow_a_byte_order_mark():
    assert list(job_files.records(b'\xef\xbb\xbf"a\nb",c\nd')) == [11, 12]


def test_quotes_that_never_end_are_refused():
    assert len(list(job_files.records(b'a,"b""c"\nd,""\n"e"'))) == 3
    for data in (b'a\n"b\nc\n', b'a,"b""\n', b'"'):
        with pytest.raises(InvalidImport):
            list(job_files.records(data))


def test_lines_end_at_their_breaks_and_at_the_end():
    assert list(job_files.lines(b'{"a": 1}\r\n\n{}')) == [10, 11, 13]


@pytest.mark.django_db
def test_a_file_comes_back_whole_from_pieces_of_whole_records(job, monkeypatch):
    monkeypatch.setattr(job_files, "PIECE_BYTES", 40)
    data = b"".join(b'"%d\nx",%s\n' % (n, b"y" * (n % 60)) for n in range(100))

    assert job_files.store(job, "input", data, cut=job_files.records) == 100

    pieces = list(job_files.pieces(job, "input"))
    assert b"".join(pieces) == data and len(pieces) > 50
    assert all(piece.endswith(b"y\n") or piece.endswith(b",\n") for piece in pieces)
    assert job_files.piece(job, "input", 1) == pieces[1]
    assert job_files.size(job, "input") == len(data)


@pytest.mark.django_db
def test_an_empty_file_has_no_pieces(job):
    assert job_files.store(job, "input", b"", cut=job_files.lines) == 0
    assert list(job_files.pieces(job, "input")) == [] and job_files.size(job, "input") == 0


@pytest.mark.django_db
def test_a_record_that_never_ends_is_refused(job):
    with pytest.raises(InvalidImport):
        job_files.store(job, "input", b'email\n"' + b"a\n" * job_files.MOST_BYTES, cut=job_files.records)


@pytest.mark.django_db
def test_deleting_a_file_leaves_the_others_of_its_job(job):
    for name in ("input", "errors"):
        job_files.store(job, name, b"a\n", cut=job_files.lines)

    job_files.delete(job, "input")

    assert list(JobFile.objects.values_list("name", flat=True)) == ["errors"]
