"""Message sets by the file: what is read, what is refused and where, and that nothing is stored by halves."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from earwig import errors
from earwig.models import AuditEntry, Domain
from spooling.models import BinaryContent, MessageSet, Schedule, StageMessage
from spooling.stages import set_exports, set_files, set_imports
from templates_app.models import Template

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILE = """\
short_name,label,minute,hour,next_set,sequence_number,lang,text,metadata
one,First weeks,0,8,two,1,eng_ZA,Welcome,"{""subject"": ""Hello""}"
one,,,,,1,zul_ZA,Siyakwamukela,
one,,,,,2,eng_ZA,"Two
lines",
two,,0,8,one,1,eng_ZA,Again,
"""


def load(account, text, **options):
    return set_imports.from_csv(account, text, now=NOW, **options)


def written(account):
    return "".join(set_exports.to_csv(MessageSet.objects.filter(account=account)))


def refusals(account, text):
    report = load(account, text)
    assert not report.stored and not MessageSet.objects.filter(account=account).exists()
    return [(problem.line, problem.column) for problem in report.problems]


def test_a_file_makes_sets_messages_and_the_schedule_they_share(account):
    report = load(account, FILE)
    assert report.stored and report.schedules_made == 1 and not report.problems
    assert [(done.short_name, done.made, done.messages_made) for done in report.sets] == [
        ("one", True, 3),
        ("two", True, 1),
    ]
    one, two = MessageSet.objects.order_by("id")
    assert (one.label, one.next_set, two.next_set) == ("First weeks", two, one)
    assert one.default_schedule == two.default_schedule == Schedule.objects.get()
    assert str(one.default_schedule) == "0 8 * * *"
    first = one.messages.get(sequence_number=1, lang="eng_ZA")
    assert (first.text_content, first.metadata) == ("Welcome", {"subject": "Hello"})
    assert one.messages.get(sequence_number=2).text_content == "Two\nlines"


def test_the_same_file_again_changes_nothing(account):
    load(account, FILE)
    moved = list(MessageSet.objects.values_list("updated_at", flat=True))
    report = load(account, FILE)
    assert report.stored and report.schedules_made == 0
    assert [(done.made, done.changed, done.messages_made, done.messages_changed) for done in report.sets] == [
        (False, (), 0, 0)
    ] * 2
    assert [done.messages_same for done in report.sets] == [3, 1]
    assert list(MessageSet.objects.values_list("updated_at", flat=True)) == moved


def test_a_later_file_changes_what_it_names_and_leaves_the_rest(account):
    load(account, FILE)
    report = load(
        account, "short_name,label,sequence_number,lang,text\none,Weeks,2,eng_ZA,New\none,,3,eng_ZA,Third\n"
    )
    [done] = report.sets
    assert (done.changed, done.messages_made, done.messages_changed, done.messages_left) == (
        ("label",),
        1,
        1,
        2,
    )
    one = MessageSet.objects.get(short_name="one")
    assert one.next_set.short_name == "two" and str(one.default_schedule) == "0 8 * * *"
    assert one.messages.get(sequence_number=1, lang="eng_ZA").metadata == {"subject": "Hello"}


def test_an_empty_cell_empties_and_a_missing_column_does_not(account):
    load(account, FILE)
    load(account, "short_name,label,next_set\none,,\n")
    one = MessageSet.objects.get(short_name="one")
    assert (one.label, one.next_set) == ("", None)
    load(account, "short_name,notes\ntwo,kept\n")
    assert MessageSet.objects.get(short_name="two").next_set == one


def test_a_dry_run_tells_and_stores_nothing(account):
    report = load(account, FILE, dry_run=True)
    assert not report.stored and not report.problems and report.schedules_made == 1
    assert [done.messages_made for done in report.sets] == [3, 1]
    assert not MessageSet.objects.exists() and not Schedule.objects.exists()
    load(account, FILE)
    load(account, FILE.replace("Welcome", "Hi"), dry_run=True)
    assert StageMessage.objects.filter(text_content="Welcome").exists()


def test_a_schedule_of_the_file_runs_next_at_its_time(account):
    load(account, FILE)
    assert Schedule.objects.get().next_run_at == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_nobody_is_the_author_for_another_accounts_domain(account, other_account):
    Domain.objects.create(account=other_account, name="rival.example", verified_at=NOW)
    report = load(account, "short_name,hour,from_address\none,8,hello@rival.example\n")
    assert not report.stored and [problem[:2] for problem in report.problems] == [(2, "from_address")]


BAD = {
    "no name": ("short_name,label\n,x\n", [(2, "short_name")]),
    "no schedule": ("short_name\none\n", [(2, "default_schedule")]),
    "an unknown schedule": ("short_name,default_schedule\none,99\n", [(2, "default_schedule")]),
    "both kinds of schedule": ("short_name,default_schedule,hour\none,1,8\n", [(2, "default_schedule")]),
    "no cron field": ("short_name,minute,hour\none,banana,8\n", [(2, "minute")]),
    "an unknown follower": ("short_name,hour,next_set\none,8,nowhere\n", [(2, "next_set")]),
    "a foreign type": ("short_name,hour,content_type\none,8,video\n", [(2, "content_type")]),
    "a long label": (f"short_name,hour,label\none,8,{'x' * 101}\n", [(2, "label")]),
    "no address": ("short_name,hour,from_address\none,8,nobody\n", [(2, "from_address")]),
    "a set said twice": ("short_name,hour,label\none,8,a\none,,b\n", [(3, "label")]),
    "no number": ("short_name,hour,sequence_number,lang,text\none,8,x,eng,a\n", [(2, "sequence_number")]),
    "too high a number": (
        "short_name,hour,sequence_number,lang,text\none,8,2147483648,eng,a\n",
        [(2, "sequence_number")],
    ),
    "no language": ("short_name,hour,sequence_number,lang,text\none,8,1,,a\n", [(2, "lang")]),
    "a long language": ("short_name,hour,sequence_number,lang,text\none,8,1,english,a\n", [(2, "lang")]),
    "nothing said": ("short_name,hour,sequence_number,lang,text\none,8,1,eng,\n", [(2, "text")]),
    "metadata that are none": (
        "short_name,hour,sequence_number,lang,text,metadata\none,8,1,eng,a,[]\none,8,2,eng,a,{\n"
        'one,8,3,eng,a,"{""a"": NaN}"\none,8,4,eng,a,"{""a"": ""\\u0000""}"\n',
        [(2, "metadata"), (3, "metadata"), (4, "metadata"), (5, "metadata")],
    ),
    "an unknown file": (
        "short_name,hour,sequence_number,lang,text,file\none,8,1,eng,a,x.mp3\n",
        [(2, "file")],
    ),
    "an unknown template": (
        "short_name,hour,sequence_number,lang,text,template\none,8,1,eng,a,x\n",
        [(2, "template")],
    ),
    "a message twice": (
        "short_name,hour,sequence_number,lang,text\none,8,1,eng,a\none,,1,eng,b\n",
        [(3, "")],
    ),
    "too many cells": ("short_name,hour\none,8,9\n", [(2, "")]),
    "a null character": ("short_name,hour\none,8\ntwo\0,8\n", [(3, "")]),
    "lines after long ones": (
        'short_name,hour,sequence_number,lang,text\none,8,1,eng,"a\nb\nc"\none,,2,eng,\n',
        [(5, "text")],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_named_and_nothing_is_stored(account, case):
    text, problems = BAD[case]
    assert refusals(account, text) == problems


def test_every_bad_line_is_told_at_once_and_good_ones_are_not_stored(account):
    text = "short_name,hour,sequence_number,lang,text\ngood,8,1,eng,a\nbad,x,1,eng,a\nworse,8,1,toolong,a\n"
    assert refusals(account, text) == [(3, "hour"), (4, "lang")]


@pytest.mark.parametrize(
    "header",
    ["", "label\n", "short_name,colour\n", "short_name,short_name\n", "short_name,lang\n", 'short_name,"la'],
)
def test_another_header_is_no_import(account, header):
    with pytest.raises(errors.InvalidImport):
        load(account, header)


def test_semicolons_tabs_and_a_byte_order_mark_are_read(account):
    load(account, "\ufeffshort_name;hour;label\r\none;8;a,b\r\n")
    load(account, "short_name\thour\r\ntwo\t9\r\n")
    assert list(MessageSet.objects.order_by("id").values_list("short_name", "label")) == [
        ("one", "a,b"),
        ("two", ""),
    ]


def test_another_accounts_rows_cannot_be_named(account, other_account):
    load(other_account, "short_name,hour\ntheirs,8\n")
    BinaryContent.objects.create(account=other_account, name="theirs.mp3", type="audio/mpeg", data=b"x")
    Template.objects.create(account=other_account, name="theirs")
    schedule = Schedule.objects.get()
    text = (
        "short_name,default_schedule,next_set,sequence_number,lang,text,file,template\n"
        f"mine,{schedule.pk},theirs,1,eng,a,theirs.mp3,theirs\n"
    )
    assert refusals(account, text) == [
        (2, "default_schedule"),
        (2, "file"),
        (2, "next_set"),
        (2, "template"),
    ]
    load(account, "short_name,hour\ntheirs,8\n")
    assert MessageSet.objects.filter(short_name="theirs").count() == 2
    assert MessageSet.objects.get(account=account).default_schedule.account == account


def test_files_and_templates_come_by_name_and_a_shared_name_by_id(account):
    content = BinaryContent.objects.create(account=account, name="a.mp3", type="audio/mpeg", data=b"x")
    template = Template.objects.create(account=account, name="hello")
    load(
        account,
        "short_name,hour,sequence_number,lang,file,template\none,8,1,eng,a.mp3,\none,,2,eng,,hello\n"
        f"one,,3,eng,,{template.public_id.hex}\n",
    )
    assert list(
        StageMessage.objects.order_by("sequence_number").values_list("binary_content", "template")
    ) == [(content.pk, None), (None, template.pk), (None, template.pk)]
    assert ",a.mp3," in written(account) and ",hello," in written(account)


def test_what_was_written_is_read_back_without_a_change(account):
    load(account, FILE)
    one = MessageSet.objects.get(short_name="one")
    twin = Schedule.objects.create(account=account, minute="0", hour="8")
    MessageSet.objects.create(account=account, short_name="empty", default_schedule=twin, notes="=1+1")
    one.messages.create(sequence_number=-7, lang="eng", text_content="=cmd|' /C calc'!A0")
    one.messages.create(sequence_number=9, lang="eng", text_content='\'- said "so", a\r\nb\u2028c\x0bd ')
    before = [
        list(MessageSet.objects.order_by("id").values()),
        list(StageMessage.objects.order_by("id").values()),
    ]
    report = load(account, written(account))
    assert report.stored and report.schedules_made == 0
    assert not any(
        done.made or done.changed or done.messages_changed or done.messages_made for done in report.sets
    )
    after = [
        list(MessageSet.objects.order_by("id").values()),
        list(StageMessage.objects.order_by("id").values()),
    ]
    assert after == before


def test_another_installation_reads_what_one_wrote(account, other_account):
    load(account, FILE)
    assert load(other_account, written(account)).stored
    assert written(other_account) == written(account)


def test_no_cell_is_a_formula(account):
    load(account, FILE)
    for number, text in enumerate(["=1", "+1", "-1", "@a", "\tx", "\rx"]):
        StageMessage.objects.create(
            messageset=MessageSet.objects.first(), sequence_number=100 + number, lang="x", text_content=text
        )
    for row in csv.reader(io.StringIO(written(account), newline="")):
        assert not [cell for cell in row if cell.startswith(set_files.FORMULA_STARTS)]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_survives_the_file(texts):
    messages = [{"sequence_number": str(n), "lang": "eng", "text": text} for n, text in enumerate(texts)]
    lines = "".join(set_files.write([({"short_name": "one", "notes": texts[0]}, messages)]))
    sheet = set_files.read(lines)
    assert not sheet.problems and sheet.sets["one"].values["notes"] == texts[0]
    assert [entry.values["text"] for entry in sheet.sets["one"].messages.values()] == texts


def test_a_hundred_sets_cost_as_many_questions_as_one(account, django_assert_max_num_queries):
    text = "short_name,hour,sequence_number,lang,text\n" + "".join(f"s{n},8,1,eng,a\n" for n in range(100))
    with django_assert_max_num_queries(12):
        load(account, text, dry_run=True)


def test_progress_is_told(account):
    told = []
    load(account, FILE, progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 4), (4, 4)]


DOCUMENT = Path(__file__).parents[3] / "docs" / "message-sets-csv.md"


def test_the_documented_file_is_read_and_every_column_is_documented(account):
    document = DOCUMENT.read_text()
    [example] = re.findall("```csv\n(.*?)```", document, re.DOTALL)
    report = load(account, example)
    assert report.stored and report.sets[0].messages_made == 3
    assert str(Schedule.objects.get()) == "0 8 * * 1-5"
    assert not [column for column in set_files.COLUMNS if f"`{column}`" not in document]


def test_the_commands_import_tell_and_print(account, tmp_path, capsys):
    file = tmp_path / "sets.csv"
    file.write_text(FILE)
    call_command("import_message_sets", "acme", str(file), "--dry-run")
    assert "Nothing is stored, as asked" in capsys.readouterr().out and not MessageSet.objects.exists()
    call_command("import_message_sets", "acme", str(file))
    assert "one: new; messages: 3 new" in capsys.readouterr().out
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.account, entry.detail["messages made"]) == ("import message sets", account, 4)
    call_command("export_message_sets", "acme", "two")
    assert capsys.readouterr().out.splitlines()[1:] == ["two,,text,,0,8,*,*,*,one,,,,1,eng_ZA,Again,,,"]
    with pytest.raises(CommandError):
        call_command("export_message_sets", "acme", "three")


def test_the_command_names_bad_lines_and_fails(account, tmp_path, capsys):
    file = tmp_path / "sets.csv"
    file.write_text("short_name,hour\none,x\n")
    with pytest.raises(SystemExit):
        call_command("import_message_sets", "acme", str(file))
    assert "line 2, hour: Enter a valid cron field." in capsys.readouterr().err
    assert not AuditEntry.objects.exists()
    file.write_bytes(b"short_name,hour\n\xff,8\n")
    for name in (str(file), str(tmp_path / "nowhere")):
        with pytest.raises(CommandError):
            call_command("import_message_sets", "acme", name)
