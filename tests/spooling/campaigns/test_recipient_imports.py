"""Files of recipients: read as people's programs write them, worked off piece by piece."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from earwig import errors as earwig_errors
from earwig import senders
from earwig.models import Account
from spooling import control, errors, job_files, jobs, ledger, limits, privacy, spoolers, suppressions
from spooling.campaigns import filling, launches, messages, recipient_files, recipient_imports
from spooling.models import JobFile, Mail
from spooling.outbox.drafts import NewContent

CELL = st.text(alphabet='ab ,;"\n\r\té', max_size=6)


def entries(data, **options):
    table = recipient_files.read(data, **options)
    return [recipient_files.entry(table.names, cells) for _, cells in table.records]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_file_is_read_whatever_program_wrote_it(delimiter, line_end):
    rows = ["Email,NAME,city,tags", 'Ann@People.Example,Ann,"Bonn, am Rhein",a|b', "bob@people.example,,,"]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerows(csv.reader(rows))
    data = b"\xef\xbb\xbf" + text.getvalue().encode()
    assert entries(data) == [
        filling.Entry("Ann@people.example", "Ann", {"city": "Bonn, am Rhein"}, ("a", "b")),
        filling.Entry("bob@people.example", "", {}, ()),
    ]


def test_latin_1_is_read_where_it_is_named_and_utf_8_otherwise():
    data = "email,name\nann@people.example,Ren\xe9\n"
    for charset in ("iso-8859-1", "ISO-8859-1", "latin1", "windows-1252"):
        assert entries(data.encode("latin-1"), charset=charset)[0].name == "Ren\xe9"
    assert entries(data.encode())[0].name == "Ren\xe9"
    with pytest.raises(earwig_errors.InvalidImport):
        entries(data.encode("latin-1"))
    with pytest.raises(earwig_errors.InvalidImport):
        entries(data.encode(), charset="utf-7")
    with pytest.raises(earwig_errors.InvalidImport):
        entries(data.encode(), charset="utf\0-8")


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"name,city\na,b\n", b"email,email\n", b"email,\na@b.example,x\n", b"\x00\x01\x02"]
)
def test_a_file_without_a_usable_header_is_refused(data):
    with pytest.raises(earwig_errors.InvalidImport):
        recipient_files.read(data)


@pytest.mark.parametrize("limit", [131_072, 10_000_000])
@pytest.mark.parametrize("note", ['"open', '"' + "q" * 140_000 + '\ninner@people.example\n"'])
def test_a_file_is_refused_where_a_cell_is_too_long_or_its_quotes_never_end(note, limit):
    """The limit of the csv module is the whole process's: other readers raise it."""
    csv.field_size_limit(limit)
    with pytest.raises(earwig_errors.InvalidImport, match="line 3"):
        entries(f"email,note\na@people.example,x\nb@people.example,{note}\nc@people.example,y\n".encode())


def test_a_file_has_a_bounded_number_of_records(monkeypatch):
    monkeypatch.setattr(recipient_imports, "MOST_RECORDS", 2)
    assert recipient_imports.read(b"email\na\nb\n", charset="").lines.count(b"\n") == 2
    with pytest.raises(earwig_errors.InvalidImport):
        recipient_imports.read(b"email\na\nb\nc\n", charset="")


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=8))
def test_every_record_is_read_with_the_line_that_it_begins_in(rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["email", "x"], *rows])
    lines = text.getvalue()
    table = recipient_files.read(lines.encode())
    found = list(table.records)
    assert [cells for _, cells in found] == [row for row in rows if any(cell.strip() for cell in row)]
    physical = io.StringIO(lines, newline="").readlines()
    for line, cells in found:
        assert next(csv.reader(physical[line - 1 :])) == cells


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_what_would_be_a_formula_is_harmless_in_the_file_of_errors(cell):
    line = recipient_files.error_line(3, "Why.", [cell, "x"], delimiter=",").decode()
    assert next(csv.reader([line])) == ["3", "Why.", f"'{cell},x"]


pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(account):
    return spoolers.open_campaign(account, name="spring", now=timezone.now())


def ask(spooler, *lines, header="email,name,city"):
    upload = recipient_imports.read("\n".join([header, *lines]).encode(), charset="")
    return recipient_imports.ask(spooler, upload, api_key_id=None, now=timezone.now())


def finished(job, ticks=1):
    for _ in range(ticks):
        jobs.run_due(now=timezone.now())
    job.refresh_from_db()
    return job


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(job_files, "PIECE_BYTES", 100)


def people(number):
    return [f'p{n}@people.example,P{n},"Town\n{n}"' for n in range(number)]


def test_recipients_become_mails_with_their_variables(opened, small_pieces):
    job = ask(opened, *people(30))
    assert (job.total, JobFile.objects.filter(job=job, name="input").count() > 5) == (30, True)
    job = finished(job)
    assert (job.state, job.progress) == ("done", 30)
    assert job.result == {"spooled": 30, "blocked": 0, "duplicate": 0, "refused": 0}
    mail = Mail.objects.get(email="p7@people.example")
    assert (mail.name, mail.variables, mail.spooler_id) == ("P7", {"city": "Town\n7"}, opened.pk)
    assert ledger.of_spooler(opened.pk)["spooled"] == 30


def test_suppressed_duplicate_and_wrong_lines_are_counted(opened, account):
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "no@people.example", reason="manual", source="t", now=timezone.now())
    job = finished(
        ask(opened, "a@people.example", "A@people.example", "no@people.example", "nobody", "a,b,c,d")
    )
    assert job.state == "done"
    assert job.result["refused"] == 2 and job.result["blocked"] == 1
    assert job.result["spooled"] + job.result["duplicate"] == 2


def test_the_file_of_errors_names_line_reason_and_record(opened, small_pieces):
    job = finished(ask(opened, *people(5), "nobody,=cmd(),x", "a@people.example", *["wrong"] * 30))
    rows = list(csv.reader(io.StringIO(recipient_imports.errors_of(job).decode())))
    assert rows[0] == ["line", "error", "record"]
    assert rows[1][0] == "12" and rows[1][2] == "nobody,=cmd(),x"
    assert len(rows) == 32 and job.result["refused"] == 31


def test_the_job_keeps_no_recipients_and_its_errors_for_a_week(opened):
    job = finished(ask(opened, "a@people.example", "wrong"))
    assert set(JobFile.objects.values_list("name", flat=True)) == {"errors"}
    control.tidy(now=timezone.now() + timedelta(days=6))
    assert recipient_imports.errors_of(job)
    control.tidy(now=timezone.now() + timedelta(days=8))
    assert recipient_imports.errors_of(job) is None


class Crash(BaseException):
    pass


def test_a_crash_in_a_piece_loses_nothing_and_repeats_nothing(opened, small_pieces, monkeypatch):
    job = ask(opened, *people(30), "wrong")
    honest, calls = filling.add, []

    def crash_in_the_third(*args, **kwargs):
        outcomes = honest(*args, **kwargs)
        calls.append(outcomes)
        if len(calls) == 3:
            raise Crash
        return outcomes

    monkeypatch.setattr(filling, "add", crash_in_the_third)
    now = timezone.now()
    with pytest.raises(Crash):
        jobs.run_due(now=now)
    job.refresh_from_db()
    assert job.state == "running" and 0 < job.progress == ledger.of_spooler(opened.pk)["spooled"] < 30

    jobs.run_due(now=now + jobs.LEASE)

    job.refresh_from_db()
    assert (job.state, job.result["spooled"], job.result["duplicate"], job.result["refused"]) == (
        "done",
        30,
        0,
        1,
    )
    assert ledger.recount(opened.pk) == ledger.of_spooler(opened.pk)


def test_a_campaign_that_takes_no_more_mail_takes_no_file(opened):
    spoolers.cancel(opened, now=timezone.now())
    with pytest.raises(errors.SpoolerLocked):
        ask(opened, "a@people.example")


def test_a_job_whose_campaign_is_cancelled_meanwhile_fails_and_says_why(opened):
    job = ask(opened, *people(3))
    spoolers.cancel(opened, now=timezone.now())
    job = finished(job)
    assert (job.state, job.result["code"], job.result["spooled"]) == ("failed", "spooler_locked", 0)
    assert not JobFile.objects.exists() and not Mail.objects.exists()


def test_over_the_account_s_limit_it_waits_and_goes_on(opened, account):
    Account.objects.filter(pk=account.pk).update(mails_per_hour=4)
    job, other = ask(opened, *people(3)), ask(opened, *(f"q{line}" for line in people(3)))
    limits._rooms.clear()
    now = timezone.now()
    jobs.run_due(now=now)
    assert {finished(one).state for one in (job, other)} == {"done", "waiting"}
    limits._rooms.clear()
    jobs.run_due(now=now + timedelta(hours=2))
    assert {finished(one, 0).state for one in (job, other)} == {"done"}


def test_what_never_fits_into_the_limit_fails(opened, account):
    Account.objects.filter(pk=account.pk).update(mails_per_hour=2)
    limits._rooms.clear()
    assert finished(ask(opened, *people(3))).result["code"] == "limit_reached"


def test_who_is_forgotten_is_not_added_and_stands_in_no_file_of_errors(opened, account, other_account):
    now = timezone.now()
    done = finished(ask(opened, "x@people.example,a,b,forgotten@people.example"))
    pending = ask(opened, "p1@people.example", "Forgotten@People.example,F", "p2@people.example")
    theirs = ask(spoolers.open_campaign(other_account, now=now), "forgotten@people.example")
    sender = senders.vouch(account, email="forgotten@people.example", name="F", ttl_days=1, now=now)

    privacy.forget(sender, now=now)

    assert b"forgotten" not in (recipient_imports.errors_of(done) or b"").lower()
    assert finished(pending, 2).result["spooled"] + finished(theirs, 0).result["spooled"] == 3
    emails = Mail.objects.filter(account=account).values_list("email", flat=True)
    assert set(emails) >= {"p1@people.example", "p2@people.example"}
    assert not any("orgotten" in email for email in emails)


def test_who_is_not_forgotten_is_added_whatever_address_or_cell_resembles_the_forgotten_one(opened, account):
    job = ask(
        opened,
        "joann@x.example",
        "ann@x.example",
        "bob@x.example,Bob,knows ann@x.example",
        "nobody,joann@x.example",
    )
    recipient_imports.forget(account.pk, ["ann@x.example"])
    assert recipient_imports.forget(account.pk, ["ann@x.example"]) == 0
    assert finished(job).result["spooled"] == 2
    assert dict(Mail.objects.values_list("email", "variables")) == {
        "joann@x.example": {},
        "bob@x.example": {"city": "knows [erased]"},
    }
    recipient_imports.forget(account.pk, ["ann@x.example"])
    assert b"joann@x.example" in recipient_imports.errors_of(job)


def test_a_bulk_campaign_is_launched_when_all_that_was_uploaded_is_in_it(opened, account):
    content = NewContent(from_email="a@sender.example", subject="s", text="t")
    messages.write(opened, content, now=timezone.now())
    ask(spoolers.open_campaign(account, now=timezone.now()), *people(1))
    job = ask(opened, *people(2))
    filling.add(opened, [filling.Entry("a@people.example")], api_key_id=None, now=timezone.now())
    with pytest.raises(errors.SpoolerStateConflict):
        launches.launch(opened, now=timezone.now())
    assert finished(job).state == "done"
    launches.launch(opened, now=timezone.now())
    assert opened.state == "ready"
