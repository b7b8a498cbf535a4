import pytest

from earwig import media_types


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("text/html", "text/html"),
        ("Text/HTML; charset=utf-8", "text/html"),
        (" text/csv ;header=present;x=y", "text/csv"),
        ("; charset=utf-8", ""),
        ("", ""),
    ],
)
def test_a_media_type_is_known_without_its_parameters(given, bare):
    assert media_types.bare(given) == bare
