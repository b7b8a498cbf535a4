"""Recipients of a campaign over the native API, by the call and by the file."""

import csv
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from earwig import api_keys
from spooling import jobs, spoolers
from spooling.models import JobRequest, Mail

pytestmark = pytest.mark.django_db

FILE = b"email,name\nann@people.example,Ann\nnobody,=1\n"


@pytest.fixture
def opened(account):
    return spoolers.open_campaign(account, name="spring", now=timezone.now())


def post(spooler, key, body, path="", content_type="application/json", **headers):
    data = json.dumps(body).encode() if content_type == "application/json" else body
    return Client().generic(
        "POST",
        f"/api/v1/spoolers/{spooler.token}/recipients/{path}",
        data,
        content_type=content_type,
        headers={"Authorization": f"Token {key}", **headers},
    )


def send_file(spooler, key, data=FILE, content_type="text/csv", **headers):
    return post(spooler, key, data, "import/", content_type, **headers)


def send_form(spooler, key, file):
    path = f"/api/v1/spoolers/{spooler.token}/recipients/import/"
    return Client().post(path, {"file": file} if file else {}, headers={"Authorization": f"Token {key}"})


def get(path, key):
    return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Token {key}"})


def test_recipients_are_added_in_order_with_what_became_of_each(opened, key):
    people = [{"email": "ann@people.example", "name": "Ann", "variables": {"n": 1}, "tags": ["a"]}]
    people += [{"email": "bob@people.example"}, {"email": "ann@people.example"}]
    answer = post(opened, key, {"recipients": people})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["spooled"], body["blocked"], body["duplicate"]) == (2, 0, 1)
    assert [row["status"] for row in body["recipients"]] == ["spooled", "spooled", "duplicate"]
    ann = Mail.objects.get(email="ann@people.example")
    assert body["recipients"][0]["id"] == body["recipients"][2]["id"] == ann.public_id.hex
    assert (ann.name, ann.variables, ann.tags) == ("Ann", {"n": 1}, ["a"])


def test_the_same_call_twice_adds_once(opened, key):
    body = {"recipients": [{"email": "ann@people.example"}]}
    first, second = (post(opened, key, body, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json() and second["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recipients": []}, "recipients"),
        ({"recipients": [{"email": "a@b.example"}] * 5001}, "recipients"),
        ({"recipients": [{"email": "a@b.example"}, {"email": "nobody"}]}, "recipients.1"),
        ({"recipients": ["a@b.example"]}, "recipients.0"),
        ({"recipients": [{"email": "a@b.example", "variables": []}]}, "recipients.0.variables"),
        ({"recipients": [{"email": "a@b.example", "x": 1}]}, "recipients.0.x"),
        ({"people": []}, "people"),
        ([], "recipients"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_stored(opened, key, body, field):
    answer = post(opened, key, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field and not Mail.objects.exists()


def test_a_launched_campaign_takes_no_more_recipients(opened, key):
    spoolers.ready(opened, now=timezone.now())
    answer = post(opened, key, {"recipients": [{"email": "ann@people.example"}]})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "spooler_locked")


@pytest.mark.parametrize("in_form", [False, True])
def test_a_file_is_imported_by_a_job_that_can_be_followed(opened, key, in_form):
    file = SimpleUploadedFile("people.csv", FILE, "text/csv")
    answer = send_form(opened, key, file) if in_form else send_file(opened, key)
    assert answer.status_code == 202, answer.content
    job = answer.json()["job"]
    assert get(f"jobs/{job}/", key).json()["total"] == 2
    assert get(f"jobs/{job}/errors/", key).status_code == 404

    jobs.run_due(now=timezone.now())

    shown = get(f"jobs/{job}/", key).json()
    assert (shown["kind"], shown["state"], shown["progress"]) == ("import_recipients", "done", 2)
    assert shown["result"] == {"spooled": 1, "blocked": 0, "duplicate": 0, "refused": 1}
    errors = get(f"jobs/{job}/errors/", key)
    assert errors["Content-Type"] == "text/csv; charset=utf-8"
    assert errors["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(errors.content.decode())))
    assert rows[1][0] == "3" and rows[1][2] == "nobody,=1"


def test_a_charset_can_be_named(opened, key):
    data = "email,name\nann@people.example,Ren\xe9\n".encode("latin-1")
    assert send_file(opened, key, data).json()["errors"][0]["code"] == "invalid_import"
    assert send_file(opened, key, data, "text/csv; charset=iso-8859-1").status_code == 202
    form = SimpleUploadedFile("people.csv", data, "text/csv; charset=iso-8859-1")
    assert send_form(opened, key, form).status_code == 202
    jobs.run_due(now=timezone.now())
    assert Mail.objects.get().name == "Ren\xe9"


def test_the_same_file_twice_with_one_key_is_one_job(opened, key):
    first, second = (send_file(opened, key, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json() and JobRequest.objects.count() == 1
    assert send_file(opened, key, FILE + b"x", **{"Idempotency-Key": "k"}).status_code == 409


def test_what_is_no_file_is_refused(opened, key, settings):
    assert post(opened, key, {}, "import/").status_code == 415
    assert send_form(opened, key, None).status_code == 400
    for data in (b"", b"\xff\xfe", b"name\n", b'email\n"'):
        assert send_file(opened, key, data).status_code in (202, 400)
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    assert send_file(opened, key).status_code == 413
    assert send_form(opened, key, SimpleUploadedFile("people.csv", FILE)).status_code == 413


def test_adding_needs_send(account, opened):
    secret = api_keys.issue(account, name="k", scopes=("read", "manage"), now=timezone.now()).secret
    assert post(opened, secret, {"recipients": []}).status_code == 403
    assert send_file(opened, secret).status_code == 403


def test_a_stranger_adds_nobody_and_reads_no_errors(opened, key, other_key):
    assert send_file(opened, other_key).status_code == 404
    job = send_file(opened, key).json()["job"]
    jobs.run_due(now=timezone.now())
    assert get(f"jobs/{job}/errors/", other_key).status_code == 404
    assert get(f"jobs/{job}/errors/", key).status_code == 200
