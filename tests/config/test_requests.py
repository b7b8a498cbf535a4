"""A charset that is none of text is not asked to decode anything."""

import pytest
from django.test import RequestFactory

from config.requests import Request


@pytest.mark.parametrize("charset", ["rot13", "base64", "zlib", "unknown", "utf-8", "latin-1"])
def test_any_charset_leaves_a_request_with_its_query(charset):
    environ = RequestFactory()._base_environ(
        QUERY_STRING="access_token=abc", CONTENT_TYPE=f"application/json; charset={charset}"
    )
    assert Request(environ).GET["access_token"] == "abc"
