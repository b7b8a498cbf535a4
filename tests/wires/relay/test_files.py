"""Files that everybody can fetch (contract §7.6)."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from earwig import senders
from spooling import files, privacy
from spooling.models import HostedFile
from spooling.wires.relay.views import files as views
from tests.wires.relay.clients import refused

pytestmark = pytest.mark.django_db

PIXEL = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
_BOUNDARY = "BoUnDaRyStRiNg"


def upload(caller, name="a.gif", type_="image/gif", data=PIXEL, **more):
    form = {"file": SimpleUploadedFile(name, data, content_type=type_)} | more
    return caller.post("files", encode_multipart(_BOUNDARY, form), content_type=MULTIPART_CONTENT)


def link(document, relation):
    return next(each["href"] for each in document["_links"] if each["rel"].endswith(relation))


def names(caller, query=""):
    return [item["name"] for item in caller.get(f"files?{query}").json()["items"]]


@pytest.fixture
def stored(acme):
    """Files of three days: b.gif, A.png, c.txt."""
    days = timezone.now() - timedelta(days=3)
    for number, (name, type_) in enumerate(
        [("b.gif", "image/gif"), ("A.png", "image/png"), ("c.txt", "text/plain")]
    ):
        moment = days + timedelta(days=number)
        files.keep(acme.pk, name=name, type_=type_, data=name.encode(), now=moment)


def test_a_file_is_uploaded_shown_and_deleted(caller, client, acme):
    answer = upload(caller)
    document = answer.json()
    id = document["createdResourceId"]
    assert answer.status_code == 201 and answer["Location"].endswith(f"/accounts/acme/files/{id}")
    (item,) = caller.get("files").json()["items"]
    assert (item["id"], item["name"], item["image"], item["size"]) == (id, "a.gif", True, len(PIXEL))
    assert {name: value for name, value in caller.get(f"files/{id}").json().items() if name != "_links"} == {
        name: value for name, value in item.items() if name != "_links"
    }
    for relation in ("get-file-content", "get-file-thumbnail-small", "get-file-thumbnail-large"):
        fetched = client.get(urlsplit(link(item, relation)).path)
        assert (fetched.content, fetched["Content-Type"]) == (PIXEL, "image/gif")
    assert link(item, "get-file-content").startswith("http")
    assert caller.delete(f"files/{id}", {}).status_code == 200
    assert client.get(urlsplit(link(item, "get-file-content")).path).status_code == 404
    assert refused(caller.delete(f"files/{id}")) == ("404.1", [])


def test_the_same_file_is_kept_once(caller, acme):
    first, second = upload(caller).json(), upload(caller).json()
    assert first["createdResourceId"] == second["createdResourceId"]
    assert HostedFile.objects.count() == 1


def test_a_document_of_a_stranger_runs_nowhere(caller, client, acme):
    id = upload(caller, "a.html", "text/html", b"<script>alert(1)</script>").json()["createdResourceId"]
    answer = client.get(f"/media/{id}")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert caller.get(f"files/{id}").json()["image"] is False


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["c.txt", "A.png", "b.gif"]),
        ("sortBy=date&order=asc", ["b.gif", "A.png", "c.txt"]),
        ("sortBy=date&order=DESC", ["c.txt", "A.png", "b.gif"]),
        ("sortBy=name", ["A.png", "b.gif", "c.txt"]),
        ("sortBy=name&order=desc", ["c.txt", "b.gif", "A.png"]),
        ("onlyImages=true", ["A.png", "b.gif"]),
        ("onlyImages=false", ["c.txt", "A.png", "b.gif"]),
        ("query=PNG", ["A.png"]),
        ("query=%25", []),
    ],
)
def test_files_are_found_and_sorted(caller, stored, query, found):
    assert names(caller, query) == found


def test_files_are_shown_by_pages(caller, acme):
    for number in range(7):
        files.keep(acme.pk, name=str(number), type_="image/gif", data=b"x", now=timezone.now())
    page = caller.get("files?per_page=5&sortBy=name&query=").json()
    assert (page["itemsCount"], page["pagesCount"], len(page["items"])) == (7, 2, 5)
    second = caller.get(link(page, " next")).json()
    assert [item["name"] for item in second["items"]] == ["5", "6"]


@pytest.mark.parametrize(
    ("query", "key"),
    [("sortBy=size", "sortBy"), ("order=up", "order"), ("query=a%00", "query"), ("page=0", "page")],
)
def test_a_query_that_cannot_be_is_named(caller, stored, query, key):
    assert refused(caller.get(f"files?{query}")) == ("400.1", [key])


def test_files_are_nobody_elses(caller, stranger, rival, acme):
    id = upload(caller).json()["createdResourceId"]
    stranger.account = "rival"
    assert names(stranger) == []
    for answer in (stranger.get(f"files/{id}"), stranger.delete(f"files/{id}")):
        assert refused(answer) == ("404.1", [])
    assert refused(caller.get("files/é%00")) == ("404.1", [])
    assert HostedFile.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        (b"", MULTIPART_CONTENT),
        (b"{}", "application/json"),
        (b"x" * 100, MULTIPART_CONTENT),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=é"),
        (encode_multipart(_BOUNDARY, {"file": "text"}), MULTIPART_CONTENT),
    ],
)
def test_a_form_without_a_file_is_refused(caller, acme, content, type_):
    assert refused(caller.post("files", content, content_type=type_)) == ("400.1", ["file"])
    assert not HostedFile.objects.exists()


def test_one_file_at_a_time_and_no_larger_one(caller, acme, monkeypatch, settings):
    second = SimpleUploadedFile("b.gif", PIXEL, content_type="image/gif")
    assert refused(upload(caller, other=second)) == ("400.1", ["file"])
    monkeypatch.setattr(views, "MOST_BYTES", 5)
    assert refused(upload(caller)) == ("413.0", [])
    settings.MAX_BODY_BYTES = 10
    assert refused(upload(caller)) == ("413.0", [])
    assert not HostedFile.objects.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "é\u2028\x07.gif", "x" * 400 + ".gif", 'a;b".gif'])
def test_any_name_is_taken(caller, client, acme, name):
    answer = upload(caller, name)
    assert answer.status_code == 201
    shown = caller.get(f"files/{answer.json()['createdResourceId']}").json()["name"]
    assert shown.isprintable() or "\u2028" in shown
    assert len(shown) <= 255 and "/" not in shown


def test_who_is_forgotten_is_in_no_name_of_a_file(caller, acme):
    upload(caller, "ana@x.example portrait.gif")
    sender = senders.vouch(acme, email="ana@x.example", name="Ana", ttl_days=30, now=timezone.now())
    assert privacy.forget(sender, now=timezone.now())
    assert names(caller) == ["[erased] portrait.gif"]
