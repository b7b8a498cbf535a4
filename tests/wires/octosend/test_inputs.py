"""Parameters as clients write them (contract §1, §4, §22)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earwig.web.errors import InvalidJson
from spooling.wires.octosend import errors, inputs


def of(**values):
    return inputs.Parameters(values)


@pytest.mark.parametrize(
    "body", [b"", b" \r\n\r\n", b"{}", b"[]", b"null", b"\n{}\r\n\r\n", b'{"name": null}']
)
def test_many_bodies_hold_no_parameters(body):
    assert "name" not in inputs.read(body)


@pytest.mark.parametrize("body", [b"[1]", b"5", b'"x"', b"true", b"0", b'""'])
def test_a_body_is_an_object(body):
    with pytest.raises(errors.Refused) as refused:
        inputs.read(body)
    assert refused.value.slug == "invalid-json"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"a=b&c=d",
        b"\xff",
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_json_is_strict(body):
    with pytest.raises(InvalidJson):
        inputs.read(body)


def test_a_backslash_before_u0000_is_a_text():
    assert inputs.read(b'{"a": "\\\\u0000"}').text("a") == "\\u0000"


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), ("5", 5), (" 5 ", 5), (5.9, 5), (-5.1, -6), ("+5", 5), (2**63 - 1, 2**63 - 1), (None, 7)],
)
def test_an_integer_comes_in_many_forms(value, number):
    assert of(n=value).integer("n", 7) == number


@pytest.mark.parametrize("value", [True, "five", "5.5", "", "٥", [], {}, 2**63, 1.8e19, "9" * 30])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(errors.InvalidField):
        of(n=value).integer("n", 7)


@pytest.mark.parametrize("value", [True, 1, 1.0, "yes", "TRUE", "1", " on "])
def test_a_flag_is_set_in_many_forms(value):
    assert of(f=value).flag("f") is True


@pytest.mark.parametrize("value", [False, 0, 0.0, "no", "false", "0"])
def test_a_flag_is_unset_in_many_forms(value):
    assert of(f=value).flag("f", default=True) is False


@pytest.mark.parametrize("value", [2, "maybe", "", [], {}, -1])
def test_what_is_no_flag_is_refused(value):
    with pytest.raises(errors.InvalidField):
        of(f=value).flag("f")


def test_a_flag_may_be_absent():
    assert of().flag("f") is None
    assert of(f=None).flag("f", default=True) is True


def test_zero_is_no_moment():
    assert of(a=0).moment("a") is of(a=None).moment("a") is of().moment("a") is None
    assert of(a=0).until("a") is None
    assert of(a=1).moment("a") == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert of(a=1).until("a") == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_every_second_has_a_moment(seconds):
    assert of(a=seconds).moment("a") is None or of(a=seconds).moment("a") <= of(a=seconds).until("a")


@pytest.mark.parametrize(
    ("value", "texts"),
    [([], []), (None, []), (["a", 1, 1.5], ["a", "1", "1.5"]), ({"0": "a", "2": "b"}, ["a", "b"])],
)
def test_texts_come_as_a_list_or_with_gaps(value, texts):
    assert of(t=value).texts("t") == texts


@pytest.mark.parametrize(
    ("value", "field"), [("a", "t"), (["a", None], "t[1]"), ([["a"]], "t[0]"), ([True], "t[0]")]
)
def test_what_are_no_texts_is_refused_by_position(value, field):
    with pytest.raises(errors.InvalidField) as refused:
        of(t=value).texts("t")
    assert refused.value.fields.keys() == {field}


def test_a_mapping_is_of_strings():
    value = {"a": "x", "b": 1, "c": True, "d": None, "e": 1.5}
    assert of(m=value).mapping("m") == {"a": "x", "b": "1", "c": "true", "e": "1.5"}
    assert of(m=[]).mapping("m") == of(m=None).mapping("m") == of().mapping("m") == {}


@pytest.mark.parametrize(
    ("value", "field"), [(["a"], "m"), ("a", "m"), ({"a": {}}, "m.a"), ({"a": []}, "m.a")]
)
def test_what_is_no_mapping_is_refused(value, field):
    with pytest.raises(errors.InvalidField) as refused:
        of(m=value).mapping("m")
    assert refused.value.fields.keys() == {field}


def test_fields_of_objects_are_named_by_their_path():
    mails = of(mails=[{"email": "a@b.example"}, [], {"email": 5}]).objects("mails")
    assert mails[0].text("email") == "a@b.example"
    with pytest.raises(errors.MissingField) as missing:
        mails[1].text("email", required=True)
    assert missing.value.fields.keys() == {"mails[1].email"}
    with pytest.raises(errors.InvalidField) as invalid:
        mails[2].text("email")
    assert invalid.value.fields.keys() == {"mails[2].email"}


@pytest.mark.parametrize(("value", "field"), [("x", "mails"), ([5], "mails[0]"), ([{}, [1]], "mails[1]")])
def test_what_are_no_objects_is_refused(value, field):
    with pytest.raises(errors.InvalidField) as refused:
        of(mails=value).objects("mails")
    assert refused.value.fields.keys() == {field}


def test_a_page_is_honoured_or_refused():
    assert of().page() == (100, 0, False)
    assert of().page(1000).limit == 1000
    assert of(limit="100000", offset=2.0, reverse=1).page() == (100_000, 2, True)
    assert of(limit=0).page().rows == slice(0, 0)
    for limit in (-1, 100_001, 2**70):
        with pytest.raises(errors.InvalidField) as refused:
            of(limit=limit).page()
        assert refused.value.fields.keys() == {"limit"}


def test_the_farthest_offset_is_one_that_databases_know():
    rows = of(offset=2**63 - 1, limit=100_000).page().rows
    assert rows.stop <= 2**63 - 1


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_any_object_is_read_or_refused(values):
    parameters = inputs.Parameters(values)
    for name in values:
        for read in ("text", "moment", "until", "flag", "texts", "mapping", "objects"):
            try:
                getattr(parameters, read)(name)
            except errors.InvalidField:
                pass


@pytest.mark.parametrize(
    "number", [2**63, 2**64 - 1, 2**64, 10**19, -(10**20), 12345678901234567890123, 10**400]
)
def test_a_number_of_any_length_is_told_as_it_was_written(number):
    read = inputs.read(b'{"variables": {"order": %d, "name": "Ann"}, "limit": %d}' % (number, number))
    assert read.mapping("variables") == {"order": str(number), "name": "Ann"}
    with pytest.raises(errors.InvalidField):
        read.integer("limit", default=0)
