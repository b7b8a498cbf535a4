"""Addresses go from complete messages, however their parts are encoded."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooling import erasure, raw_erasure, unicode_addresses
from spooling.delivery import structure, written_fields

ADDRESS = "joe.bleu@people.example"
WORDS = erasure.of_addresses([ADDRESS])
HEAD = b"From: ann@sender.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
#: Content lines end after 75 octets, wherever that is (RFC 5545 §3.1).
CALENDAR = "BEGIN:VCALENDAR\r\nATTENDEE:mailto:joe.b\r\n leu@people.example\r\nEND:VCALENDAR\r\n"
CARD = "BEGIN:VCARD\r\nEMAIL:joe.bleu@peo\r\n ple.example\r\nEND:VCARD\r\n"
NESTED = f"From: {ADDRESS}\r\nSubject: inner\r\n\r\nHello\r\n"


def encoded(data, encoding):
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(data).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return data


def mixed(type_, data, encoding, disposition="attachment"):
    """A message with a text, and a part."""
    part = (
        f"Content-Type: {type_}\r\nContent-Transfer-Encoding: {encoding}\r\n"
        f"Content-Disposition: {disposition}\r\n\r\n"
    ).encode()
    return b"".join(
        (
            HEAD + b"Content-Type: multipart/mixed; boundary=bb\r\n\r\n",
            b"--bb\r\nContent-Type: text/plain\r\n\r\nHello\r\n--bb\r\n",
            part + encoded(data, encoding),
            b"\r\n--bb--\r\n",
        )
    )


def last_of(raw):
    return list(structure.read(raw).leaves())[-1]


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("text/plain; charset=utf-8", f"for {ADDRESS}, über"),
        ("text/csv", f"a,{ADDRESS},b\r\n" * 20),
        ("text/calendar; charset=utf-8", CALENDAR),
        ("text/vcard", CARD),
    ],
)
def test_a_text_that_is_a_file_keeps_the_rest(type_, data, encoding):
    raw = mixed(type_, data.encode(), encoding)
    assert raw_erasure.holds(raw, WORDS)
    left = raw_erasure.without(raw, WORDS)
    text = last_of(left).text()
    assert "[erased]" in text and "people" not in text and not raw_erasure.holds(left, WORDS)
    assert b"\r\nHello\r\n" in left and left.startswith(HEAD)


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("application/json", b'{"to": "joe.bleu@people.example"}'),
        ("application/octet-stream", ADDRESS.encode()),
        ("application/pdf", b"%PDF \xff\x00" + ADDRESS.encode()),
        ("application/vnd.ms-excel", ADDRESS.encode("utf-16")),
        ("message/rfc822", NESTED.encode()),
    ],
)
def test_a_file_that_holds_the_address_is_empty_then(type_, data, encoding):
    raw = mixed(type_, data, encoding)
    assert raw_erasure.holds(raw, WORDS)
    left = raw_erasure.without(raw, WORDS)
    assert ADDRESS.encode() not in last_of(left).decoded() and not raw_erasure.holds(left, WORDS)
    assert b"\r\nHello\r\n" in left


def test_a_file_without_the_address_stays_octet_for_octet():
    raw = mixed("application/pdf", b"%PDF \xff" + b"bob.bleu@people.example", "base64")
    assert not raw_erasure.holds(raw, WORDS) and raw_erasure.without(raw, WORDS) == raw


@pytest.mark.parametrize("depth", [1, 3])
def test_a_message_in_a_message_in_a_file_is_looked_into(depth):
    inner = mixed("text/plain", ADDRESS.encode(), "base64")
    for _ in range(depth):
        inner = mixed("message/rfc822", inner, "base64")
    left = raw_erasure.without(inner, WORDS)
    assert raw_erasure.holds(inner, WORDS) and not raw_erasure.holds(left, WORDS)
    assert last_of(left).body == b""


def test_the_header_of_a_signed_message_loses_the_address_and_the_rest_stays():
    signed = (
        b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
        b"--s\r\nContent-Type: application/pgp-signature\r\n\r\nAAAA\r\n--s--\r\n"
    )
    left = raw_erasure.without(b"To: " + ADDRESS.encode() + b", bob@x.example\r\n" + HEAD + signed, WORDS)
    assert left == HEAD.join((b"To: bob@x.example\r\n", signed))


@pytest.mark.parametrize(
    "inside",
    [
        f"--n\r\nContent-Description: for {ADDRESS}\r\n\r\nHi\r\n--n--\r\n",
        f"Preamble of {ADDRESS}\r\n--n\r\n\r\nHi\r\n--n--\r\n",
        f"--n\r\nContent-Type: application/json\r\n\r\n{ADDRESS}\r\n--n--\r\n",
    ],
)
def test_what_is_signed_or_forwarded_is_empty_where_anything_in_it_holds_the_address(inside):
    nested = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n" + inside
    for raw in (mixed("message/rfc822", nested.encode(), "7bit"), HEAD + nested[19:].encode()):
        left = raw_erasure.without(raw, WORDS)
        assert ADDRESS.encode() not in left and not raw_erasure.holds(left, WORDS)


@given(
    st.sampled_from(["text/plain", "text/html", "text/calendar", "image/png", "message/rfc822", "x/y"]),
    st.sampled_from(["7bit", "8bit", "quoted-printable", "base64"]),
    st.binary(max_size=60),
    st.booleans(),
)
def test_whatever_the_part_is_the_address_is_gone(type_, encoding, around, inline):
    data = around + b" " + ADDRESS.encode() + b" " + around
    raw = mixed(type_, data, encoding, "inline" if inline else "attachment")
    left = raw_erasure.without(raw, WORDS)
    assert not raw_erasure.holds(left, WORDS) and raw_erasure.without(left, WORDS) == left


def test_messages_encoded_within_each_other_are_looked_into_so_often_and_stop_nothing():
    coded = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    seen, unseen = raw_erasure.MOST_ENCODED, 5_000
    inner = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b" " + ADDRESS.encode())
    assert raw_erasure.holds(HEAD + coded * seen + inner, WORDS)
    assert not raw_erasure.holds(HEAD + coded * unseen + inner, WORDS)
    left = raw_erasure.without(b"To: " + ADDRESS.encode() + b"\r\n" + HEAD + coded * unseen + inner, WORDS)
    assert ADDRESS.encode() not in left


@pytest.mark.parametrize(
    "stays", ["über@people.example", "Über <über@bücher.example>", "Ann <ann@x.example>"]
)
def test_other_addresses_of_a_field_stay_whatever_they_are_written_in(stays):
    raw = f"To: {stays}, {ADDRESS}\r\n".encode() + HEAD + b"\r\nHello\r\n"
    to = structure.read(raw_erasure.without(raw, WORDS)).fields[0]
    (kept,) = written_fields.addresses(to)
    assert kept.email.startswith(("über@", "ann@")) and ADDRESS.encode() not in to.octets


@pytest.mark.parametrize(
    "written", ["joe.bleu @ people.example", "joe.bleu@\r\n people.example", "joe.bleu(j)@people.example"]
)
def test_an_address_goes_from_its_field_however_it_is_written(written):
    raw = f"To: {written}, ann@x.example\r\n".encode() + HEAD + b"\r\nHello\r\n"
    assert raw_erasure.without(raw, WORDS).startswith(b"To: ann@x.example\r\nFrom: ")


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_a_header_that_a_report_returns_is_read_as_one(encoding):
    word = base64.b64encode(f"für {ADDRESS}".encode()).decode()
    header = f"Subject: =?utf-8?b?{word}?=\r\nX-Kept: yes\r\n".encode()
    left = raw_erasure.without(mixed("text/rfc822-headers", header, encoding), WORDS)
    text = last_of(left).text()
    assert "X-Kept: yes" in text and word not in text and not raw_erasure.holds(left, WORDS)


def test_an_address_that_is_not_ascii_goes_from_what_reports_tell_machines():
    email = "joe+blé@people.example"
    told = f"Final-Recipient: utf-8; {unicode_addresses.numbered(email)}\r\nAction: failed\r\n"
    raw = mixed("message/delivery-status", told.encode("ascii"), "7bit")
    left = raw_erasure.without(raw, erasure.of_addresses([email]))
    assert last_of(left).body.rstrip() == b"Final-Recipient: utf-8; [erased]\r\nAction: failed"
