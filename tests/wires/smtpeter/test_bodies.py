"""Forms and JSON say the same (contract §1)."""

import json

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from earwig.web import errors as web_errors
from spooling.wires.smtpeter import bodies, errors

FORM = "application/x-www-form-urlencoded"


def read(body, type_):
    return bodies.read(RequestFactory().generic("POST", "/v1/send", body, content_type=type_))


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("recipient=a%40b.example&subject=a+b", {"recipient": "a@b.example", "subject": "a b"}),
        ("to[]=a&to[]=b", {"to": ["a", "b"]}),
        ("to%5B%5D=a&to%5B%5D=b", {"to": ["a", "b"]}),
        ("to[0]=a&to[1]=b", {"to": ["a", "b"]}),
        ("to[1]=a&to[]=b&to[7]=c", {"to": {"1": "a", "2": "b", "7": "c"}}),
        ("to[]=a&to[0]=b", {"to": [["a", "b"]]}),
        ("recipients=a&recipients=b&recipients=c", {"recipients": ["a", "b", "c"]}),
        ("dsn[notify]=NEVER&dsn[ret]=FULL", {"dsn": {"notify": "NEVER", "ret": "FULL"}}),
        ("data[name]=J%C3%B3n&data[pets][]=cat", {"data": {"name": "Jón", "pets": ["cat"]}}),
        ("attachments[0][url]=u&attachments[0][name]=n", {"attachments": [{"url": "u", "name": "n"}]}),
        ("recipients[][a@b]=x&recipients[][c@d]=y", {"recipients": [{"a@b": "x"}, {"c@d": "y"}]}),
        ("recipients[a@b.example][first]=A", {"recipients": {"a@b.example": {"first": "A"}}}),
        ("subject=", {"subject": ""}),
        ("a[b=1&]=2&[c]=3&a[b]c=4", {"a[b": "1", "]": "2", "[c]": "3", "a[b]c": "4"}),
    ],
)
def test_names_in_brackets_nest(form, data):
    assert read(form.encode(), FORM) == data
    assert read(form.encode(), f"{FORM}; charset=utf-8") == data


def test_a_multipart_form_says_the_same():
    request = RequestFactory().post("/v1/send", {"recipient": "a@b.example", "to[]": ["x", "y"]})
    assert bodies.read(request) == {"recipient": "a@b.example", "to": ["x", "y"]}


def test_a_file_of_a_form_is_an_attachment():
    body = (
        b'--x\r\nContent-Disposition: form-data; name="attachments[0]"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nHello\r\n--x--\r\n"
    )
    attachment = {"name": "a.txt", "type": "text/plain", "data": "SGVsbG8="}
    assert read(body, "multipart/form-data; boundary=x") == {"attachments": [attachment]}


@pytest.mark.parametrize(
    "type_", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", ""]
)
def test_json_is_read_by_its_type_and_without_one_by_its_brace(type_):
    assert read(b' {"a":"\\u00f3\\/"}', type_) == {"a": "ó/"}


def test_without_a_type_a_body_is_a_form():
    assert read(b"a=1", "") == {"a": "1"}


@pytest.mark.parametrize("body", [b"", b" ", b"null", b"[]", b"{}"])
def test_nothing_has_no_properties(body):
    assert read(body, "application/json") == {}


@pytest.mark.parametrize("type_", ["text/plain", "application/xml", "rubbish", "application/jsonx"])
def test_other_types_are_refused(type_):
    with pytest.raises(errors.UnknownType):
        read(b"a=1", type_)


@pytest.mark.parametrize(
    "body", [b"{", b'{"a":NaN}', b'{"a":"\\u0000"}', b'{"a":"\\ud800"}', b'{"a":"\xff"}']
)
def test_broken_json_is_refused(body):
    with pytest.raises(web_errors.InvalidJson):
        read(body, "application/json")


@pytest.mark.parametrize(
    "body",
    [
        b'"text"',
        b"[1]",
        b"7",
    ],
)
def test_json_that_is_no_object_is_refused(body):
    with pytest.raises(errors.Refused):
        read(body, "application/json")


@pytest.mark.parametrize(
    "body",
    [b"a=%ff", b"a=\xff", b"a=%00", b"%00=a", b"a=1&a[b]=2", b"a" + b"[b]" * 21 + b"=1", b"a=1&" * 20_001],
)
def test_forms_that_cannot_be_read_are_refused(body):
    with pytest.raises(errors.Refused):
        read(body, FORM)


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (b"--x\r\nrubbish", "multipart/form-data"),
        (
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\0\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (b"--x", "multipart/form-data; boundary=" + "x" * 300),
    ],
)
def test_multipart_forms_that_cannot_be_read_are_refused(body, type_):
    with pytest.raises(errors.Refused):
        read(body, type_)


def test_a_body_over_the_limit_is_too_large(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.MAX_BODY_BYTES = 100
    for type_ in ("application/json", FORM, "multipart/form-data; boundary=x"):
        with pytest.raises(web_errors.TooLarge):
            read(b"a=" + b"x" * 100, type_)


@given(st.lists(st.tuples(st.text("a[]01", min_size=1, max_size=12), st.text("xy", max_size=2)), max_size=30))
def test_any_names_make_json_or_a_refusal(pairs):
    try:
        data = bodies.nested(pairs)
    except errors.Refused:
        return
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize("wrong", [b'name="a"; filename="a"\r\nContent-Type: text/pl\0ain', b'name="\0"'])
def test_a_null_character_in_what_a_part_says_of_itself_is_refused(wrong):
    body = b"--B\r\nContent-Disposition: form-data; " + wrong + b"\r\n\r\nx\r\n--B--\r\n"
    with pytest.raises(errors.Refused):
        read(body, "multipart/form-data; boundary=B")
