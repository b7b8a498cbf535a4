"""Uploaded files, and how everybody reads them (contract §3.6; scenario 9)."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from spooling.models import BinaryContent
from tests.wires.seed.clients import WAV, refusal, upload


def path_of(url):
    return url.removeprefix("http://testserver")


@pytest.mark.parametrize("slash", ["", "/"])
def test_09_an_uploaded_file_is_shown_by_a_message_and_public(hub, stage, slash):
    uploaded = upload(hub, "Über uns.MP3", WAV, "audio/mpeg")
    assert uploaded.status_code == 201
    file = uploaded.json()
    assert list(file) == ["id", "content"]
    assert re.fullmatch(r"http://testserver/media/\d{20}\.mp3", file["content"])

    message = hub.message(stage.first, 4, text_content=None, binary_content=file["id"])
    assert hub.get(f"/message/{message}/").json()["binary_content"] == file["id"]
    shown = hub.get(f"/message/{message}/content{slash}").json()
    assert shown["binary_content"] == file and shown["metadata"] == {}
    assert hub.get(f"/message/{stage.messages[0]}/content{slash}").json()["binary_content"] is None
    assert hub.get(f"/messageset/{stage.first}/messages/").json()["messages"][-1]["binary_content"] == file

    fetched = Client().get(path_of(file["content"]))
    assert (fetched.status_code, fetched.content, fetched["Content-Type"]) == (200, WAV, "audio/mpeg")
    assert fetched["Content-Security-Policy"].startswith("sandbox")
    assert fetched["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in fetched["Cache-Control"]


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({}, "json", "No file was submitted."),
        (
            {"content": "text"},
            "json",
            "The submitted data was not a file. Check the encoding type on the form.",
        ),
        ({"content": None}, "json", "No file was submitted."),
        ({}, "form", "No file was submitted."),
        ({"content": ""}, "form", "The submitted data was not a file. Check the encoding type on the form."),
        ({"content": SimpleUploadedFile("a.mp3", b"")}, "form", "No file was submitted."),
    ],
)
def test_an_upload_without_a_file_is_refused(hub, body, kind, text):
    answer = hub.form("/binarycontent/", body) if kind == "form" else hub.post("/binarycontent/", body)
    assert refusal(answer) == {"content": [text]}


def test_a_file_beyond_the_limit_is_413(hub, settings):
    settings.MAX_BODY_BYTES = 1000
    assert refusal(upload(hub, data=b"x" * 2000), 413) == {
        "detail": "The body is larger than this installation takes."
    }
    assert not BinaryContent.objects.exists()


def test_an_upload_with_an_idempotency_key_is_stored_once(hub):
    def again(data):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="content"; filename="a.wav"\r\n\r\n'
            + data
            + b"\r\n--x--"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Idempotency-Key": "k"}
        return hub.call("POST", "/binarycontent/", body, **headers)

    first, second = again(WAV), again(WAV)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert bytes(BinaryContent.objects.get().data) == WAV
    assert again(b"other").status_code == 409


def test_a_file_in_use_is_kept(hub, stage):
    file = upload(hub).json()["id"]
    message = hub.message(stage.first, 4, text_content=None, binary_content=file)
    assert list(refusal(hub.delete(f"/binarycontent/{file}/"), 409)) == ["detail"]
    hub.delete(f"/message/{message}/")
    assert hub.delete(f"/binarycontent/{file}/").content == b""
    assert hub.get(f"/binarycontent/{file}/").status_code == 404


def test_a_replaced_file_has_a_new_url(hub, key):
    file = upload(hub).json()
    assert hub.patch(f"/binarycontent/{file['id']}/", {}).json() == file
    data = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a.png"\r\n\r\nPNG\r\n--x--\r\n'
    replaced = hub.call(
        "PUT", f"/binarycontent/{file['id']}/", data, **{"Content-Type": "multipart/form-data; boundary=x"}
    ).json()
    assert replaced["id"] == file["id"] and replaced["content"].endswith(".png")
    assert Client().get(path_of(file["content"])).status_code == 404
    fetched = Client().get(path_of(replaced["content"]))
    assert (fetched.content, fetched["Content-Type"]) == (b"PNG", "image/png")
    assert hub.put(f"/binarycontent/{file['id']}/", {}).status_code == 400


@pytest.mark.parametrize(
    ("name", "type_", "extension"),
    [
        ("a.html", "text/html", ".html"),
        ("a.svg", "image/svg+xml", ".svg"),
        ("../../etc/passwd", "text/plain", ""),
        ("a.p h p", "x", ""),
        ("a.exe", "", ".exe"),
    ],
)
def test_whatever_is_no_picture_sound_or_film_is_an_attachment(hub, name, type_, extension):
    url = upload(hub, name, b"<script>alert(1)</script>", type_).json()["content"]
    assert re.fullmatch(r"http://testserver/media/\d{20}" + re.escape(extension), url)
    fetched = Client().get(path_of(url))
    assert fetched["Content-Type"] == "application/octet-stream"
    assert fetched["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("asked", "status", "content", "range_"),
    [
        ("bytes=0-3", 206, b"RIFF", "bytes 0-3/44"),
        ("bytes=40-", 206, b"\0\0\0\0", "bytes 40-43/44"),
        ("bytes=-4", 206, b"\0\0\0\0", "bytes 40-43/44"),
        ("bytes=0-999", 206, WAV, "bytes 0-43/44"),
        ("bytes=-999", 206, WAV, "bytes 0-43/44"),
        ("bytes=44-", 416, b"", "bytes */44"),
        ("bytes=9-3", 200, WAV, None),
        ("bytes=-0", 416, b"", "bytes */44"),
        ("bytes=-", 200, WAV, None),
        ("bytes=0-1,3-4", 200, WAV, None),
        ("lines=1-2", 200, WAV, None),
        ("bytes=" + "9" * 30 + "-", 200, WAV, None),
    ],
)
def test_a_sound_is_played_from_anywhere(hub, asked, status, content, range_):
    path = path_of(upload(hub).json()["content"])
    answer = Client().get(path, headers={"Range": asked})
    assert (answer.status_code, answer.content, answer.get("Content-Range")) == (status, content, range_)
    assert answer["Accept-Ranges"] == "bytes"
    assert status != 206 or int(answer["Content-Length"]) == len(content)


def test_a_file_is_asked_for_again_only_when_it_changed(hub):
    path = path_of(upload(hub).json()["content"])
    first = Client().head(path)
    assert (first.status_code, first.content, first["Content-Length"]) == (200, b"", "44")
    assert Client().get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304
    part = {"Range": "bytes=0-3", "If-Range": first["ETag"]}
    assert Client().get(path, headers=part).status_code == 206
    assert Client().get(path, headers={**part, "If-Range": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["", "none.mp3", "%00", "a%0ab", "../x"])
def test_no_other_file_is_served(db, name):
    assert Client().get(f"/media/{name}").status_code == 404
    assert Client().post("/media/none.mp3").status_code == 405
