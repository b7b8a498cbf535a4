"""The list of addresses that get no mail, as staff search, filter, fill and export it."""

import csv
import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from earwig.models import AuditEntry
from spooling import jobs, suppressions
from spooling.admin import suppression_files
from spooling.models import JobRequest, Suppression

LIST = "admin:spooling_suppression_changelist"
IMPORT = "admin:spooling_suppression_import_file"
EXPORT = "admin:spooling_suppression_export"
FORMULA = "=cmd|calc@x.example"


@pytest.fixture
def suppress(account):
    def call(address, *, of=account, domain="", stream="", reason="manual"):
        scope = suppressions.Scope(account_id=of and of.pk, domain=domain, stream=stream)
        return suppressions.suppress(scope, address, reason=reason, source="test", now=timezone.now())

    return call


@pytest.fixture
def rows(suppress, other_account):
    return [
        suppress("ada@one.example"),
        suppress("bob@two.example", domain="shop.example", stream="bulk", reason="unsubscribe"),
        suppress("cyd@two.example", of=None, reason="hard_bounce"),
        suppress("dan@one.example", of=other_account, stream="transactional", reason="complaint"),
    ]


def listed(staff, **query):
    return [row.address.partition("@")[0] for row in staff.get(reverse(LIST), query).context["cl"].queryset]


def logged():
    entries = LogEntry.objects.values_list("object_repr", "change_message")
    return repr([*entries, *AuditEntry.objects.values_list("subject", "action", "detail")])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["dan", "cyd", "bob", "ada"]),
        ({"q": "ADA@one.example"}, ["ada"]),
        ({"q": "ada@one"}, []),
        ({"q": "two.example"}, ["cyd", "bob"]),
        ({"q": "Shop.Example"}, ["bob"]),
        ({"reason__exact": "complaint"}, ["dan"]),
        ({"scope": "installation"}, ["cyd"]),
        ({"scope": "account"}, ["dan", "ada"]),
        ({"scope": "domain"}, ["bob"]),
        ({"of_stream": "bulk"}, ["bob"]),
        ({"of_stream": "all"}, ["cyd", "ada"]),
        ({"scope": "nonsense"}, ["dan", "cyd", "bob", "ada"]),
    ],
)
def test_the_list_is_searched_and_filtered(staff, rows, query, found):
    assert listed(staff, **query) == found


def test_the_list_asks_as_much_for_many_rows_as_for_few(staff, suppress, rows):
    staff.get(reverse(LIST))
    with CaptureQueriesContext(
        connection,
    ) as few:
        staff.get(reverse(LIST))
    for number in range(30):
        suppress(f"reader{number}@x.example")
    with CaptureQueriesContext(connection) as many:
        staff.get(reverse(LIST))
    assert len(many) == len(few)


@pytest.mark.parametrize(("field", "text"), [("domain", "no domain"), ("stream", "slow")])
def test_a_scope_that_cannot_be_is_refused_beside_its_field(staff, account, field, text):
    form = {"account": account.pk, "address": "ada@x.example", "reason": "manual", field: text}
    answer = staff.post(reverse("admin:spooling_suppression_add"), form)
    assert answer.context["adminform"].form.errors.keys() == {field}
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("address", ["", "ada", "ada@localhost", "a b@x.example"])
def test_what_is_no_address_is_refused_beside_it(staff, account, address):
    form = {"account": account.pk, "address": address, "reason": "manual"}
    answer = staff.post(reverse("admin:spooling_suppression_add"), form)
    assert answer.context["adminform"].form.errors.keys() == {"address"}
    assert not Suppression.objects.exists()


def upload(staff, account, text, name="list.csv"):
    file = SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)
    return staff.post(reverse(IMPORT), {"account": account.pk, "file": file})


@pytest.mark.parametrize(
    "text",
    [
        "ada@x.example\r\nbob@y.example\r\n",
        "address,reason\nada@x.example,complaint\nbob@y.example,\n",
        "\ufeffaddress\nada@x.example\nbob@y.example",
        '{"address": "ada@x.example"}\n{"address": "bob@y.example"}\n',
    ],
)
def test_a_file_is_imported_by_a_job(staff, account, other_account, text):
    answer = upload(staff, account, text, name="list.jsonl" if text.startswith("{") else "list.csv")
    job = JobRequest.objects.get()
    assert answer.url == reverse("admin:spooling_jobrequest_change", args=(job.pk,))
    jobs.run_due(now=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.result["suppressed"]) == ("done", 2)
    found = Suppression.objects.order_by("address").values_list("address", "account", "source")
    assert list(found) == [("ada@x.example", account.pk, "import"), ("bob@y.example", account.pk, "import")]
    assert "example" not in logged()
    assert AuditEntry.objects.get().action == "suppressions.import"


@pytest.mark.parametrize("data", [b"", b"name,mail\n", b"address\n\xff\xfe\n"])
def test_a_file_that_cannot_be_read_is_refused_above_the_form(staff, account, data):
    answer = upload(staff, account, data)
    assert answer.status_code == 200 and answer.context["form"].errors
    assert not JobRequest.objects.exists() and not AuditEntry.objects.exists()


def exported(staff, **wanted):
    answer = staff.post(reverse(EXPORT), {"reason": "", "stream": "", **wanted})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="suppressions.csv"'
    return b"".join(answer.streaming_content).decode()


def test_an_export_holds_what_was_asked_for_and_is_noted(staff, rows, account, monkeypatch):
    monkeypatch.setattr(suppression_files, "CHUNK", 2)
    Suppression.objects.create(account=account, address_hash="0" * 64, reason="manual")
    everything = list(csv.DictReader(io.StringIO(exported(staff))))
    assert [row["address"] for row in everything] == [row.address for row in rows]
    own = list(csv.DictReader(io.StringIO(exported(staff, account=account.pk, reason="unsubscribe"))))
    assert [(row["address"], row["domain"], row["stream"]) for row in own] == [
        ("bob@two.example", "shop.example", "bulk")
    ]
    assert list(AuditEntry.objects.values_list("action", "account")) == [
        ("suppressions.export", None),
        ("suppressions.export", account.pk),
    ]
    assert "two.example" not in logged()


def test_what_would_be_a_formula_is_neutralised_and_survives_its_way_back(staff, suppress, account):
    suppress(FORMULA)
    text = exported(staff)
    assert f"\n'{FORMULA}," in text.replace("\r", "")
    Suppression.objects.all().delete()
    upload(staff, account, text)
    jobs.run_due(now=timezone.now())
    assert Suppression.objects.get().address == FORMULA


def test_staff_who_may_only_look_import_nothing(clerk, rows, account):
    page = clerk.get(reverse(LIST)).content.decode()
    assert reverse(IMPORT) not in page and reverse(EXPORT) in page
    assert upload(clerk, account, "eve@x.example").status_code == 403
    assert clerk.get(reverse("admin:spooling_suppression_add")).status_code == 403
    assert clerk.post(reverse("admin:spooling_suppression_delete", args=(rows[0].pk,))).status_code == 403
    assert Suppression.objects.count() == 4 and not JobRequest.objects.exists()


def test_an_export_is_asked_for_by_a_post_only(staff, rows):
    answer = staff.get(reverse(EXPORT))
    assert answer["Content-Type"].startswith("text/html")
    assert "one.example" not in answer.content.decode()


def test_whoever_may_not_see_them_exports_nothing(client, rows, django_user_model):
    client.force_login(django_user_model.objects.create_user("new@example.org", password="x", is_staff=True))
    assert client.post(reverse(EXPORT), {}).status_code == 403
