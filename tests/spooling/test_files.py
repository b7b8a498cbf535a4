"""Hosted files: kept once, shown to everybody who knows their address, and harmless."""

import pytest
from django.utils import timezone

from spooling import files
from spooling.models import HostedFile

PNG = b"\x89PNG\r\n\x1a\n and more"


def kept(account, **changes):
    given = {"name": "logo.png", "type_": "image/png", "data": PNG, **changes}
    return files.keep(account.pk, **given, now=timezone.now())


def answer(client, file, **headers):
    return client.get("/media/" + files.url(file).rpartition("/")[2], headers=headers)


def test_a_file_is_kept_once_for_each_account_and_name(account, other_account):
    first = kept(account)
    assert kept(account) == first
    others = [
        kept(account, name="b.png"),
        kept(account, data=b"x"),
        kept(account, type_="image/gif"),
        kept(other_account),
    ]
    assert len({first, *others}) == HostedFile.objects.count() == 5
    assert (first.size, len(first.digest)) == (len(PNG), 64)


def test_everybody_finds_it_where_tracked_links_lead(client, account, settings):
    settings.TRACKING_URL = "https://mail.example.org"
    file = kept(account)
    assert files.url(file) == f"https://mail.example.org/media/{file.token}"
    shown = answer(client, file)
    assert (shown.status_code, shown.content, shown["Content-Type"]) == (200, PNG, "image/png")
    assert "immutable" in shown["Cache-Control"]
    assert answer(client, file, **{"If-None-Match": shown["ETag"]}).status_code == 304
    assert answer(client, file, Range="bytes=1-3").content == b"PNG"


@pytest.mark.parametrize("type_", ["text/html", "image/svg+xml", "application/javascript", "rubbish\r\nX: 1"])
def test_what_could_run_is_saved_and_not_shown(client, account, type_):
    shown = answer(client, kept(account, name="a.html", type_=type_, data=b"<script>alert(1)</script>"))
    assert shown["Content-Type"] == "application/octet-stream"
    assert shown["Content-Disposition"].startswith("attachment")
    assert "sandbox" in shown["Content-Security-Policy"]


@pytest.mark.parametrize("token", ["f" + "0" * 32, "x", "f%00", "é"])
def test_an_unknown_one_is_not_found(client, db, token):
    assert client.get(f"/media/{token}").status_code == 404
