"""Filters, export and import of suppressions; the import's slices."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from earwig import api_keys
from earwig.models import AuditEntry
from spooling import job_files, jobs, suppressions
from spooling.api import suppressions as api
from spooling.models import JobFile, JobRequest, Suppression

pytestmark = pytest.mark.django_db
PATH = "/api/v1/suppressions/"


@pytest.fixture
def suppress(account):
    def call(address, of=None, **fields):
        scope = suppressions.Scope(
            account_id=(of or account).pk, domain=fields.pop("domain", ""), stream=fields.pop("stream", "")
        )
        options = {"reason": "manual", "source": "test", "now": timezone.now(), **fields}
        return suppressions.suppress(scope, address, **options)

    return call


def get(path, key):
    return Client().get(PATH + path, headers={"Authorization": f"Token {key}"})


def upload(body, key, content_type="text/csv", **headers):
    headers = {"Authorization": f"Token {key}", **headers}
    body = body if isinstance(body, bytes) else body.encode()
    # Django's client names no type of a body without bytes.
    return Client().generic("POST", f"{PATH}import/", body, CONTENT_TYPE=content_type, headers=headers)


def worked_off(answer, key):
    assert answer.status_code == 202, answer.content
    jobs.run_due(now=timezone.now())
    shown = Client().get(f"/api/v1/jobs/{answer.json()['job']}/", headers={"Authorization": f"Token {key}"})
    return shown.json()


def stored():
    rows = Suppression.objects.order_by("id")
    return [(row.address, row.domain, row.stream, row.reason) for row in rows]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("address=ANN@x.example", ["ann"]),
        ("domain=Shop.example", ["bob"]),
        ("stream=bulk", ["cid"]),
        ("reason=complaint", ["dot"]),
        ("created_before=2026-01-01", ["eve"]),
        ("created_after=2026-01-01T00:00:00Z&reason=manual", ["cid", "bob", "ann"]),
        ("domain=other.example", []),
    ],
)
def test_the_list_is_narrowed_by_each_filter(suppress, other_account, key, query, found):
    now = timezone.now().replace(year=2026, month=6)
    suppress("ann@x.example", now=now)
    suppress("bob@x.example", domain="shop.example", now=now)
    suppress("cid@x.example", stream="bulk", now=now)
    suppress("dot@x.example", reason="complaint", now=now)
    suppress("eve@x.example", now=now.replace(year=2025))
    suppress("ann@x.example", of=other_account)

    rows = get(f"?{query}", key).json()["results"]

    assert [row["address"].partition("@")[0] for row in rows] == found


@pytest.mark.parametrize("query", ["stream=fast", "reason=dislike", "created_after=soon"])
def test_a_filter_that_cannot_be_is_refused(key, query):
    assert get(f"?{query}", key).status_code == 400


@pytest.mark.parametrize(("domain", "status"), [("Shop.Example", 201), ("nowhere", 400), ("", 201)])
def test_an_address_is_suppressed_for_a_domain_and_no_other_word(key, domain, status):
    headers = {"Authorization": f"Token {key}"}
    body = json.dumps({"address": "ann@x.example", "domain": domain})
    answer = Client().post(PATH, body, content_type="application/json", headers=headers)

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["errors"][0]["code"] == "invalid_domain"
    else:
        assert answer.json()["domain"] == domain.lower()


@pytest.mark.parametrize("path", ["export", "export/"])
def test_an_export_has_all_of_the_account_and_nothing_else(suppress, other_account, key, monkeypatch, path):
    monkeypatch.setattr(api, "CHUNK", 2)
    for number in range(5):
        suppress(f"p{number}@x.example", stream="bulk")
    suppress("gone@x.example")
    Suppression.objects.filter(address="gone@x.example").update(address="")
    suppress("foreign@x.example", of=other_account)

    answer = get(path, key)
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"] == 'attachment; filename="suppressions.csv"'
    assert [row["address"] for row in rows] == [f"p{number}@x.example" for number in range(5)]
    assert (rows[0]["stream"], rows[0]["reason"], rows[0]["source"], rows[0]["expires_at"]) == (
        *("bulk", "manual", "test", ""),
    )


def test_an_export_is_filtered_and_reads_by_chunks(suppress, key, monkeypatch):
    monkeypatch.setattr(api, "CHUNK", 2)
    for number in range(4):
        suppress(f"p{number}@x.example", reason="complaint")
    suppress("ann@x.example")

    answer = get("export?reason=complaint", key)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        lines = answer.getvalue().decode().splitlines()

    assert len(lines) == 5 and "ann@" not in "".join(lines)
    assert len(queries) == 3


def test_an_export_can_be_imported_elsewhere(suppress, key, other_account, other_key):
    later = (timezone.now() + timedelta(days=3)).replace(microsecond=0)
    suppress("ann@x.example", domain="shop.example", stream="bulk", reason="complaint")
    Suppression.objects.update(expires_at=later)

    job = worked_off(upload(get("export/", key).getvalue(), other_key), other_key)

    assert job["result"] == {"suppressed": 1, "refused": 0, "errors": []}
    row = Suppression.objects.get(account=other_account)
    assert (row.address, row.domain, row.stream, row.reason, row.source, row.expires_at) == (
        *("ann@x.example", "shop.example", "bulk", "complaint", "import", later),
    )


def test_a_file_of_csv_is_imported_by_a_job(account, key):
    answer = upload('\ufeff"address",stream\r\nAnn@X.example,bulk\r\n\r\n"bob@x.example",\r\n', key)
    assert answer.json() == {"job": JobRequest.objects.get().public_id.hex, "state": "waiting"}

    job = worked_off(answer, key)

    assert (job["kind"], job["state"], job["progress"], job["total"]) == ("import_suppressions", "done", 3, 3)
    assert job["result"] == {"suppressed": 2, "refused": 0, "errors": []}
    assert sorted(stored()) == [("Ann@x.example", "", "bulk", "manual"), ("bob@x.example", "", "", "manual")]
    assert not JobFile.objects.exists()


@pytest.mark.parametrize("media_type", ["application/x-ndjson", "application/jsonl; charset=utf-8"])
def test_a_file_of_json_lines_is_imported_too(account, key, media_type):
    lines = [{"address": "ann@x.example", "domain": "Shop.example", "reason": "unsubscribe"}, {}]
    body = "\n".join(json.dumps(line) for line in lines) + '\n[]\n{"address": 5}\nnonsense\n'

    job = worked_off(upload(body, key, media_type), key)

    assert stored() == [("ann@x.example", "shop.example", "", "unsubscribe")]
    assert (job["progress"], job["total"], job["result"]["refused"]) == (5, 5, 3)
    assert [error["record"] for error in job["result"]["errors"]] == [3, 4, 5]


def test_what_stands_within_too_long_a_cell_is_nobody_s_address(key):
    cell = '"' + "q" * 140_000 + '\ninner@x.example\n"'
    body = f"address,reason\nann@x.example,\nbob@x.example,{cell}\ncid@x.example,\n"
    job = worked_off(upload(body, key), key)
    assert sorted(row[0] for row in stored()) == ["ann@x.example", "cid@x.example"]
    assert (job["total"], [error["record"] for error in job["result"]["errors"]]) == (3, [2])


def test_a_file_is_refused_where_quotes_never_end(key):
    assert upload('address\n"ann@x.example\nbob@x.example\n', key).status_code == 400
    assert stored() == [] and not JobRequest.objects.exists()


def test_records_that_cannot_be_are_named_by_number_and_never_quoted(key):
    body = (
        "address,domain,stream,reason,expires_at\n"
        "nobody-secret\n"
        "a@x.example,nowhere\n"
        "b@x.example,,fast\n"
        "c@x.example,,,dislike\n"
        "d@x.example,,,,soon\n"
        "e@x.example,,,,,more\n"
        ",shop.example\n"
        "f@x.example,,,,2020-01-01\n"
        "fine@x.example\n"
    )
    result = worked_off(upload(body, key), key)["result"]

    assert stored() == [("fine@x.example", "", "", "manual")]
    assert [(error["record"], error["code"]) for error in result["errors"]] == [
        (1, "invalid_address"),
        (2, "invalid_domain"),
        (3, "invalid_import"),
        (4, "invalid_import"),
        (5, "invalid_import"),
        (6, "invalid_import"),
        (7, "invalid_address"),
    ]
    assert "secret" not in json.dumps(result)


def test_all_errors_are_counted_and_the_first_ones_listed(key):
    result = worked_off(upload("address\n" + "nobody\n" * 250, key), key)["result"]

    assert result["refused"] == 250 and len(result["errors"]) == 100


@pytest.mark.parametrize(
    "body",
    ["", "name\nann\n", "address,address\n", "address,nick\na@x.example,b\n", b"address\n\xff@x.example\n"],
)
def test_a_file_of_another_form_is_refused_and_nothing_kept(key, body):
    answer = upload(body, key)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_import")
    assert not JobRequest.objects.exists() and not JobFile.objects.exists()


def test_other_bodies_and_verbs_are_refused(key):
    assert upload("{}", key, "application/json").status_code == 415
    assert get("import/", key).status_code == 405
    headers = {"Authorization": f"Token {key}"}
    assert Client().post(f"{PATH}export/", headers=headers).status_code == 405


def test_a_file_over_the_limit_is_refused(key, settings):
    settings.MAX_BODY_BYTES = 100
    assert upload("address\n" + "a@x.example\n" * 20, key).status_code == 413


def test_each_slice_is_kept_and_a_second_worker_goes_on(account, key, monkeypatch):
    monkeypatch.setattr(job_files, "PIECE_BYTES", 60)
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)
    answer = upload("address\n" + "".join(f"p{n:02}@x.example\n" for n in range(20)), key)
    job = JobRequest.objects.get()
    pieces, left = JobFile.objects.count(), []

    for _ in range(pieces + 1):
        jobs.run_due(now=timezone.now())
        left.append(JobFile.objects.count())
        job.refresh_from_db()
        assert job.progress == Suppression.objects.count()

    assert pieces > 4 and left == [*range(pieces - 1, -1, -1), 0]
    assert (job.state, job.progress, job.result["suppressed"]) == ("done", 20, 20)
    assert answer.status_code == 202


def test_a_repetition_keeps_the_first_reason_and_the_later_end(suppress, account, key):
    now = timezone.now()
    ends = {"ann": None, "bob": now + timedelta(days=9), "cid": now + timedelta(days=1)}
    for name, end in ends.items():
        suppress(f"{name}@x.example", reason="complaint")
        Suppression.objects.filter(address=f"{name}@x.example").update(expires_at=end)
    until = (now + timedelta(days=5)).isoformat()
    rows = [f"{name.upper()}@x.example,{until}" for name in ends] + [
        "dot@x.example,",
        f"dot@x.example,{until}",
    ]

    worked_off(upload("address,expires_at\n" + "\n".join(rows), key), key)

    found = dict(Suppression.objects.values_list("address", "expires_at"))
    assert found["ANN@x.example"] is None and found["BOB@x.example"] == ends["bob"]
    assert found["CID@x.example"].isoformat() == until
    assert Suppression.objects.filter(reason="complaint").count() == 3 and len(found) == 4


def test_the_same_upload_twice_makes_one_job(key):
    first, second = (upload("address\na@x.example\n", key, **{"Idempotency-Key": "k"}) for _ in range(2))
    other = upload("address\nb@x.example\n", key, **{"Idempotency-Key": "k"})

    assert first.json() == second.json() and second["Idempotent-Replayed"] == "true"
    assert other.status_code == 409
    assert JobRequest.objects.count() == 1


def test_an_import_touches_no_other_account(key, other_key, other_account):
    job = worked_off(upload("address\na@x.example\n", key), key)

    assert not Suppression.objects.filter(account=other_account).exists()
    headers = {"Authorization": f"Token {other_key}"}
    assert Client().get(f"/api/v1/jobs/{job['id']}/", headers=headers).status_code == 404
    assert get("export/", other_key).getvalue().count(b"\n") == 1


def test_importing_needs_manage_and_exporting_needs_read(account):
    def secret(*scopes):
        return api_keys.issue(account, name="k", scopes=scopes, now=timezone.now()).secret

    assert upload("address\n", secret("read")).status_code == 403
    assert upload("address\n", secret("manage")).status_code == 202
    assert get("export/", secret("manage")).status_code == 403


def test_the_trail_names_the_key_that_imported(key):
    upload("address\nann@x.example\n", key)

    entry = AuditEntry.objects.get(action="suppressions.import")
    assert entry.key_prefix == key[:8] and "ann@" not in repr(entry.detail)
