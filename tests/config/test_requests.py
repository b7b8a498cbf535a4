"""A charset that is none of text is not asked to decode anything."""

import pytest
from django.test import RequestFactory

from config.requests import Request
from config.wsgi import application


@pytest.mark.parametrize("charset", ["rot13", "base64", "zlib", "unknown", "utf-8", "latin-1"])
def test_any_charset_leaves_a_request_with_its_query(charset):
    environ = RequestFactory()._base_environ(
        QUERY_STRING="access_token=abc", CONTENT_TYPE=f"application/json; charset={charset}"
    )
    assert Request(environ).GET["access_token"] == "abc"


@pytest.mark.parametrize("parameter", ["x*=unknown'en'a", "charset*=unknown''utf-8", "boundary*=a b''c"])
@pytest.mark.parametrize("path", ["/v1/send", "/api/v1/user/token/", "/api/3.0/authenticate", "/message/"])
def test_parameters_of_a_type_that_cannot_be_read_break_no_mount(path, parameter, db):
    environ = RequestFactory()._base_environ(
        PATH_INFO=path, REQUEST_METHOD="POST", CONTENT_TYPE=f"application/json; {parameter}"
    )
    statuses = []
    application(environ, lambda status, *_: statuses.append(int(status[:3])))
    assert 400 <= statuses[0] < 500


def test_a_type_stays_where_its_parameters_cannot_be_read():
    environ = RequestFactory()._base_environ(CONTENT_TYPE="Application/JSON ; x*=unknown'en'a")
    request = Request(environ)
    assert (request.content_type, request.content_params) == ("application/json", {})
