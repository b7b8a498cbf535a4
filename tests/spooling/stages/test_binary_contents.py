"""What an uploaded file is called, and what it is taken for."""

import pytest

from spooling.models import BinaryContent
from spooling.stages import binary_contents
from spooling.stages.binary_contents import Upload
from tests.spooling.stages.conftest import NOON


def test_uploads_of_one_moment_have_names_of_their_own(account):
    upload = Upload(filename="a.MP3", type="", data=b"first")
    first = binary_contents.store(account.pk, upload, now=NOON)
    second = binary_contents.store(account.pk, upload, now=NOON)
    assert first.name == "20260302040000000000.mp3" and second.name.endswith(f"-{first.name}")
    binary_contents.replace(second, Upload(filename="b.mp3", type="", data=b"third"), now=NOON)
    assert [bytes(row.data) for row in BinaryContent.objects.order_by("id")] == [b"first", b"third"]
    assert len(set(BinaryContent.objects.values_list("name", flat=True))) == 2


@pytest.mark.parametrize(
    ("filename", "declared", "type_"),
    [
        ("a.png", "Audio/MPEG", "audio/mpeg"),
        ("a.mp3", "", "audio/mpeg"),
        ("a.mp3", "application/octet-stream", "audio/mpeg"),
        ("a.mp3", "no type", "audio/mpeg"),
        ("a", "a/" + "x" * 200, "application/octet-stream"),
    ],
)
def test_a_file_is_of_the_type_that_is_declared_or_that_its_name_says(account, filename, declared, type_):
    row = binary_contents.store(account.pk, Upload(filename=filename, type=declared, data=b"x"), now=NOON)
    assert row.type == type_
