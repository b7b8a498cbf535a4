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


@pytest.mark.parametrize(
    ("given", "is_bare"),
    [
        ("application/vnd.ms-excel", True),
        ("image/svg+xml", True),
        ("text/html; charset=utf-8", False),
        ("text", False),
        ("text/", False),
        ("text/html\n", False),
        (f"text/{'x' * 63}", True),
        (f"text/{'x' * 64}", False),
    ],
)
def test_a_media_type_is_a_type_and_a_subtype(given, is_bare):
    assert media_types.is_bare(given) == is_bare
