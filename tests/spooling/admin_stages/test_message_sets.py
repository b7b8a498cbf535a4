"""Message sets in the admin: the grid and its gaps, copies, files, CSV, and nothing of another account's."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from earwig.models import AuditEntry, Domain
from spooling.admin.stages import grids
from spooling.models import BinaryContent, MessageSet, Schedule, StageMessage
from templates_app.models import Template


def url(model, what, *args):
    return reverse(f"admin:spooling_{model}_{what}", args=args)


def set_form(**fields):
    empty = {
        "label": "",
        "content_type": "text",
        "notes": "",
        "next_set": "",
        "channel": "",
        "from_address": "",
    }
    return empty | fields


def message_form(**fields):
    return {"text_content": "", "binary_content": "", "template": "", "metadata": "{}"} | fields


# The grid


def cells(message_set):
    grid = grids.of_set(message_set)
    return {
        (row.label, lang): "missing" if cell.missing else cell.text
        for row in grid.rows
        for lang, cell in zip(grid.languages, row.cells, strict=True)
    }


def test_the_grid_has_a_row_a_number_a_column_a_language_and_its_gaps(message_set):
    message_set.messages.filter(sequence_number=2).delete()
    assert cells(message_set) == {
        ("1", "eng_ZA"): "Message <1>",
        ("1", "zul_ZA"): "Siyakwamukela",
        ("2", "eng_ZA"): "missing",
        ("2", "zul_ZA"): "missing",
        ("3", "eng_ZA"): "Message <3>",
        ("3", "zul_ZA"): "missing",
    }
    assert grids.of_set(message_set).missing == 3


SPANS = [
    ([], []),
    ([1, 2], [(1, 1), (2, 2)]),
    ([3], [(1, 1), (2, 2), (3, 3)]),
    ([1, 9], [(1, 1), (2, 8), (9, 9)]),
    ([-2, 0, 1], [(-2, -2), (0, 0), (1, 1)]),
    ([2147483647], [(1, 2147483646), (2147483647, 2147483647)]),
]


@pytest.mark.parametrize(("numbers", "rows"), SPANS)
def test_long_gaps_are_one_row(numbers, rows):
    assert list(grids.spans(numbers)) == rows


def test_each_cell_leads_to_its_message_and_each_gap_to_a_new_one(staff, message_set, shown):
    text = shown("messageset", "change", message_set.pk)
    first = message_set.messages.get(sequence_number=1, lang="zul_ZA")
    assert url("stagemessage", "change", first.pk) in text
    gap = f"{url('stagemessage', 'add')}?messageset={message_set.pk}&amp;sequence_number=3&amp;lang=zul_ZA"
    assert gap in text and "2 missing" in text
    assert "Message &lt;1&gt;" in text and "Message <1>" not in text


def test_a_message_without_a_sound_is_odd_in_an_audio_set(staff, message_set, shown):
    assert "No file to listen to." not in shown("messageset", "change", message_set.pk)
    MessageSet.objects.update(content_type="audio")
    assert "No file to listen to." in shown("messageset", "change", message_set.pk)


def test_a_long_set_costs_as_many_questions_as_a_short_one(staff, message_set, questions):
    path = url("messageset", "change", message_set.pk)
    few = questions(path)
    StageMessage.objects.bulk_create(
        StageMessage(messageset=message_set, sequence_number=n, lang=lang, text_content="x" * 500)
        for n in range(4, 200)
        for lang in ("eng_ZA", "zul_ZA", "afr_ZA")
    )
    assert questions(path) == few


def test_a_very_long_set_is_cut_and_says_so(staff, message_set, shown):
    StageMessage.objects.bulk_create(
        StageMessage(messageset=message_set, sequence_number=n, lang="x", text_content="x")
        for n in range(4, 500)
    )
    assert f"{499 - grids.MOST_ROWS} more rows are not shown" in shown("messageset", "change", message_set.pk)


# Sets


def test_a_set_is_made_and_changed_and_its_schedule_is_read_in_words(staff, account, schedule, shown):
    staff.post(
        url("messageset", "add"), set_form(account=account.pk, short_name="new", default_schedule=schedule.pk)
    )
    made = MessageSet.objects.get(short_name="new")
    assert (made.account, made.channel) == (account, None)
    staff.post(
        url("messageset", "change", made.pk),
        set_form(
            short_name="new", default_schedule=schedule.pk, from_address="A <a@b.example>", next_set=made.pk
        ),
    )
    made.refresh_from_db()
    assert (made.from_address, made.next_set) == ("A <a@b.example>", made)
    assert "At 08:00" in shown("messageset", "changelist")
    assert "without end" in shown("messageset", "change", made.pk)


def test_another_accounts_schedule_and_set_are_refused(
    staff, account, message_set, foreign_schedule, other_account
):
    theirs = MessageSet.objects.create(
        account=other_account, short_name="theirs", default_schedule=foreign_schedule
    )
    wrong = set_form(short_name="x", default_schedule=foreign_schedule.pk, next_set=theirs.pk)
    for path, form in (
        (url("messageset", "add"), wrong | {"account": account.pk}),
        (url("messageset", "change", message_set.pk), wrong),
    ):
        answer = staff.post(path, form)
        assert set(answer.context["adminform"].form.errors) == {"default_schedule", "next_set"}
    page = staff.get(url("messageset", "change", message_set.pk)).content.decode()
    assert "theirs" not in page and "rival" not in page.split("<form", 1)[1]


@pytest.mark.parametrize("author", ["nobody", "Rival <hello@rival.example>"])
def test_a_wrong_author_is_refused(staff, message_set, schedule, other_account, author):
    Domain.objects.create(account=other_account, name="rival.example", verified_at=timezone.now())
    answer = staff.post(
        url("messageset", "change", message_set.pk),
        set_form(short_name="first", default_schedule=schedule.pk, from_address=author),
    )
    assert list(answer.context["adminform"].form.errors) == ["from_address"]


def test_the_chain_is_shown(staff, message_set, next_set, shown):
    text = shown("messageset", "change", message_set.pk)
    chain = text.split("What follows what")[1]
    assert re.search("first</a> → <a[^>]*>later</a>", chain)
    assert re.search("first</a> → <a[^>]*>later</a>", shown("messageset", "change", next_set.pk))


def test_a_set_is_cloned_under_a_new_name_only(staff, message_set):
    path = url("messageset", "clone", message_set.pk)
    assert "first-copy" in staff.get(path).content.decode()
    assert "another one of this name" in staff.post(path, {"short_name": "later"}).content.decode()
    assert MessageSet.objects.count() == 2
    answer = staff.post(path, {"short_name": "second"})
    copy = MessageSet.objects.get(short_name="second")
    assert answer.url == url("messageset", "change", copy.pk)
    assert (copy.label, copy.messages.count()) == ("First weeks", 4)
    assert AuditEntry.objects.get().subject == f"messageset {copy.pk}"


def test_a_set_with_subscriptions_is_not_deleted(staff, message_set, subscription):
    assert "Subscriptions: 1" in staff.get(url("messageset", "delete", message_set.pk)).content.decode()
    staff.post(url("messageset", "delete", message_set.pk), {"post": "yes"})
    assert MessageSet.objects.filter(pk=message_set.pk).exists()


def test_a_set_goes_with_its_messages_and_its_predecessors_stay(staff, message_set, next_set):
    staff.post(url("messageset", "delete", next_set.pk), {"post": "yes"})
    message_set.refresh_from_db()
    assert message_set.next_set is None
    staff.post(url("messageset", "delete", message_set.pk), {"post": "yes"})
    assert not MessageSet.objects.exists() and not StageMessage.objects.exists()


# Messages


def test_a_message_is_added_from_a_gap_and_leads_back_to_the_grid(staff, message_set):
    given = {"messageset": message_set.pk, "sequence_number": "2", "lang": "zul_ZA"}
    form = staff.get(url("stagemessage", "add"), given).context["adminform"].form
    assert {name: str(form.initial[name]) for name in given} == {n: str(v) for n, v in given.items()}
    answer = staff.post(url("stagemessage", "add"), message_form(**given, text_content="Two"))
    assert answer.url == url("messageset", "change", message_set.pk)
    assert message_set.messages.get(sequence_number=2, lang="zul_ZA").text_content == "Two"
    assert AuditEntry.objects.get().account == message_set.account


BAD = {
    "nothing said": ({"text_content": ""}, "__all__"),
    "one that is there": ({"lang": "eng_ZA"}, "__all__"),
    "metadata that are no object": ({"metadata": "[1]"}, "metadata"),
    "a long language": ({"lang": "english"}, "lang"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_message_is_refused_where_it_is_wrong(staff, message_set, case):
    fields, where = BAD[case]
    form = message_form(messageset=message_set.pk, sequence_number=2, lang="zul_ZA", text_content="Two")
    answer = staff.post(url("stagemessage", "add"), form | fields)
    assert list(answer.context["adminform"].form.errors) == [where]


def test_another_accounts_file_and_template_are_refused(staff, message_set, other_account):
    file = BinaryContent.objects.create(account=other_account, name="t.mp3", type="audio/mpeg", data=b"x")
    template = Template.objects.create(account=other_account, name="theirs")
    form = message_form(messageset=message_set.pk, sequence_number=2, lang="zul_ZA")
    answer = staff.post(
        url("stagemessage", "add"), form | {"binary_content": file.pk, "template": template.pk}
    )
    errors = answer.context["adminform"].form.errors
    assert {"binary_content", "template"} <= set(errors)
    message = message_set.messages.first()
    page = staff.get(url("stagemessage", "change", message.pk)).content.decode()
    assert "t.mp3" not in page and "theirs" not in page


def test_a_message_is_changed_and_stays_in_its_set(staff, message_set, next_set):
    message = message_set.messages.get(sequence_number=2)
    form = message_form(messageset=next_set.pk, sequence_number=2, lang="eng_ZA", text_content="New")
    staff.post(url("stagemessage", "change", message.pk), form)
    message.refresh_from_db()
    assert (message.text_content, message.messageset) == ("New", message_set)


def test_messages_are_listed_by_set_and_number(staff, message_set, shown, questions):
    assert "Siyakwamukela" in shown("stagemessage", "changelist", q="first")
    assert "Siyakwamukela" not in shown("stagemessage", "changelist", q="later")
    one = questions(url("stagemessage", "changelist"))
    for number in range(10, 50):
        message_set.messages.create(sequence_number=number, lang="eng_ZA", text_content="x")
    assert questions(url("stagemessage", "changelist")) == one


# Files


def upload(staff, account, name="a b.MP3", data=b"sound", type_="audio/mpeg"):
    file = SimpleUploadedFile(name, data, content_type=type_)
    return staff.post(url("binarycontent", "add"), {"account": account.pk, "file": file})


def test_a_file_is_uploaded_under_a_name_of_our_own_and_opened(staff, account, shown):
    upload(staff, account)
    row = BinaryContent.objects.get()
    assert re.fullmatch(r"\d{20}\.mp3", row.name) and bytes(row.data) == b"sound" and row.account == account
    text = shown("binarycontent", "change", row.pk)
    assert f"/media/{row.name}" in text and "5\xa0bytes" in text
    answer = staff.get(url("binarycontent", "file", row.pk))
    assert answer.content == b"sound" and answer["Content-Disposition"].startswith("inline")
    assert row.name in shown("binarycontent", "changelist")


def test_a_hostile_file_is_saved_and_never_shown(staff, account):
    upload(staff, account, "x.html", b"<script>alert(1)</script>", "text/html")
    answer = staff.get(url("binarycontent", "file", BinaryContent.objects.get().pk))
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Security-Policy"].startswith("sandbox")


def test_a_file_that_a_message_shows_is_kept(staff, account, message_set):
    upload(staff, account)
    row = BinaryContent.objects.get()
    message_set.messages.update(binary_content=row)
    staff.post(url("binarycontent", "delete", row.pk), {"post": "yes"})
    assert BinaryContent.objects.exists()
    assert "first" in staff.get(url("binarycontent", "change", row.pk)).content.decode()
    message_set.messages.update(binary_content=None)
    staff.post(url("binarycontent", "delete", row.pk), {"post": "yes"})
    assert not BinaryContent.objects.exists()


def test_a_list_of_files_reads_none_of_them(staff, account):
    for n in range(3):
        BinaryContent.objects.create(
            account=account, name=f"{n}.mp3", type="audio/mpeg", data=b"secret-sound"
        )
    with CaptureQueriesContext(connection) as asked:
        staff.get(url("binarycontent", "changelist"))
    lists = [query["sql"] for query in asked if "spooling_binarycontent" in query["sql"]]
    assert lists and not [sql for sql in lists if re.search(r'SELECT [^(]*"data"', sql)]


# CSV

SETS = "short_name,minute,hour,sequence_number,lang,text\nnew,0,8,1,eng,Hello\n"


def load(staff, account, text, **fields):
    file = SimpleUploadedFile("sets.csv", text.encode(), content_type="text/csv")
    return staff.post(
        url("messageset", "upload"), {"account": account.pk, "file": file} | fields, follow=True
    )


def test_an_import_is_rehearsed_and_then_done(staff, account):
    assert staff.get(url("messageset", "upload")).status_code == 200
    page = load(staff, account, SETS, dry_run="on").content.decode()
    assert "Nothing is stored, as asked" in page and "messages: 1 new" in page
    assert not MessageSet.objects.exists() and not AuditEntry.objects.exists()
    page = load(staff, account, SETS).content.decode()
    assert "Stored: 1 of 1 sets new, 1 schedules new." in page
    assert MessageSet.objects.get().account == account and Schedule.objects.get().next_run_at is not None
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.account) == ("import message sets", account)


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_an_import_of_a_million_lines_is_left_to_the_command(staff, account, end):
    page = load(staff, account, f"short_name{end}" + f"a{end}" * 1_000_000).content.decode()
    assert "at most 20,000 lines" in page and not MessageSet.objects.exists()


def test_an_import_names_its_bad_lines_escaped(staff, account):
    page = load(staff, account, SETS + "<b>,0,8,1,toolong,x\n").content.decode()
    assert "Nothing is stored: 1 problems." in page and "Line 3" in page
    assert not MessageSet.objects.exists()
    page = load(staff, account, "colour\nred\n").content.decode()
    assert "Unknown column: colour" in page
    answer = staff.post(
        url("messageset", "upload"),
        {"account": account.pk, "file": SimpleUploadedFile("sets.csv", b"\xff\xfe")},
    )
    assert "The file is not UTF-8." in answer.content.decode()


def test_what_is_downloaded_is_read_back_without_a_change(staff, account, message_set):
    answer = staff.get(url("messageset", "download", message_set.pk))
    assert answer["Content-Type"].startswith("text/csv") and "attachment" in answer["Content-Disposition"]
    text = answer.content.decode()
    assert text.startswith("\ufeffshort_name,") and "later" in text
    before = list(StageMessage.objects.order_by("id").values())
    page = load(staff, account, text.removeprefix("\ufeff")).content.decode()
    assert "Stored: 0 of 1 sets new" in page
    assert list(StageMessage.objects.order_by("id").values()) == before
    chosen = {"action": "download_selected", "_selected_action": [message_set.pk, message_set.next_set.pk]}
    both = staff.post(url("messageset", "changelist"), chosen).content.decode()
    assert both.count("\r\n") == 6


def test_staff_who_may_only_look_change_nothing(clerk, account, message_set, shown):
    assert "Siyakwamukela" in shown("messageset", "change", message_set.pk)
    message = message_set.messages.first()
    assert clerk.get(url("stagemessage", "change", message.pk)).status_code == 200
    assert clerk.get(url("messageset", "download", message_set.pk)).status_code == 200
    for path in (
        url("messageset", "clone", message_set.pk),
        url("messageset", "upload"),
        url("messageset", "change", message_set.pk),
        url("messageset", "delete", message_set.pk),
        url("stagemessage", "change", message.pk),
        url("stagemessage", "add"),
        url("binarycontent", "add"),
    ):
        assert clerk.post(path, {"short_name": "x", "post": "yes"}).status_code == 403
    assert MessageSet.objects.count() == 2 and not AuditEntry.objects.exists()


def test_a_stranger_sees_nothing(client, message_set, account):
    file = BinaryContent.objects.create(account=account, name="a.mp3", type="audio/mpeg", data=b"x")
    for path in (
        url("messageset", "change", message_set.pk),
        url("messageset", "download", message_set.pk),
        url("binarycontent", "file", file.pk),
    ):
        assert client.get(path).status_code == 302
