"""Complete messages of clients: what is refused, what is made fit, and what is told of them."""

import dataclasses
import email
import email.policy
import quopri
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spooling import erasure, errors, raw_erasure, raw_messages
from spooling.delivery import quoted_printable, structure

HEADER = b"From: Ann Lee <ann@sender.example>\r\nTo: bob@x.example\r\nSubject: Hello\r\n"


def crlf(text):
    return text.replace("\n", "\r\n").encode()


SIGNED = HEADER + crlf(
    """Content-Type: multipart/signed; boundary=s; micalg=sha-256; protocol="application/pkcs7-signature"

preamble
--s
Content-Type: text/html

<p>ann@sender.example</p>
--s
Content-Type: application/pkcs7-signature
Content-Transfer-Encoding: base64

AAAA
--s--
"""
)


def test_a_plain_message_is_told_and_stays_as_it_is():
    raw = HEADER + b"Cc: =?utf-8?q?J=C3=B6rg?= <j@x.example>, group: k@x.example;\r\nX-One: 1\r\n\r\nHi.\r\n"
    content = raw_messages.read(raw)
    assert content.raw == raw
    assert (content.from_name, content.from_email) == ("Ann Lee", "ann@sender.example")
    assert content.subject == "Hello"
    assert content.to == (("", "bob@x.example"),)
    assert content.cc == (("Jörg", "j@x.example"), ("", "k@x.example"))
    assert content.headers == (("X-One", "1"),)
    assert (content.text, content.html) == ("Hi.\n", "")
    assert content.template_language == "plain"


def test_who_else_gets_it_and_what_the_caller_names_do_not_go_out():
    raw = (
        b"Return-Path: <x@x.example>\r\nBcc: secret@x.example,\r\n more@x.example\r\nX-SMTPeter-Tags: a\r\n"
        + HEADER
        + b"\r\nHi.\r\n"
    )
    assert raw_messages.read(raw, dropped=("x-smtpeter-",)).raw == HEADER + b"\r\nHi.\r\n"


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_bare_line_ends_become_whole_ones(end):
    raw = HEADER + b"\r\n.\r\nTwo.\r\n"
    assert raw_messages.read(raw.replace(b"\r\n", end)).raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"just words",
        b"From: a@x.example\r\n",
        b"Subject: nobody\r\n\r\nx",
        HEADER + b"From: other@x.example\r\n\r\nx",
        HEADER + b"subject: twice\r\n\r\nx",
        HEADER + b"\r\nnull\0",
        HEADER + b"no field\r\n\r\nx",
        b"From mbox Mon Jan 1\r\n" + HEADER + b"\r\nx",
        HEADER + b"Sender: a@x.example, b@x.example\r\n\r\nx",
        b"From: a@x.example, b@x.example\r\n\r\nx",
        b"From: undisclosed:;\r\n\r\nx",
        b"From: nobody\r\n\r\nx",
        b"From: a@localhost\r\n\r\nx",
        b"From: " + b"(" * 5000 + b"\r\n\r\nx",
        HEADER + b"X-Long: " + b"a" * raw_messages.LONGEST_HEADER + b"\r\n\r\nx",
        SIGNED.replace(b"<p>", b"<p>" + b"x" * 1000),
    ],
)
def test_what_cannot_be_mailed_is_refused(raw):
    if raw == b"From: a@x.example\r\n":
        assert raw_messages.read(raw).from_email == "a@x.example"
        return
    with pytest.raises(errors.MessageUnusable):
        raw_messages.read(raw)


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("ann@x.example", "", "ann@x.example"),
        ('"Lee, Ann" <ann@X.example>', "Lee, Ann", "ann@x.example"),
        ("ann@x.example (Ann Lee)", "Ann Lee", "ann@x.example"),
        ("=?iso-8859-1?q?J=F6rg?= <j@x.example>", "Jörg", "j@x.example"),
        ("Jörg <j@bücher.example>", "Jörg", "j@xn--bcher-kva.example"),
        ("Ann\r\n Lee <ann@x.example>", "Ann Lee", "ann@x.example"),
    ],
)
def test_authors_are_read_as_people_write_them(written, name, address):
    content = raw_messages.read(f"From: {written}\r\n\r\nx".encode())
    assert (content.from_name, content.from_email) == (name, address)


def test_eight_bit_texts_and_headers_become_seven_bit_and_say_the_same():
    raw = (
        "From: Jörg <j@x.example>\nSubject: Grüezi\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nschön\n"
        "--b\nContent-Type: text/html; charset=iso-8859-1\n\n<p>schön</p>\n"
        "--b\nContent-Type: application/x-own\nContent-Transfer-Encoding: binary\n\nä\n--b--\n"
    )
    octets = crlf(raw).replace("<p>schön".encode(), "<p>schön".encode("latin-1"))
    content = raw_messages.read(octets)
    assert content.raw.isascii()
    message = email.message_from_bytes(content.raw, policy=email.policy.default)
    assert (message["From"], message["Subject"]) == ("Jörg <j@x.example>", "Grüezi")
    plain, html, own = message.iter_parts()
    assert (plain.get_content().strip(), html.get_content().strip()) == ("schön", "<p>schön</p>")
    assert own.get_content() == "ä".encode()
    assert (content.text, content.html) == ("schön", "<p>schön</p>")


def test_lines_that_servers_refuse_are_encoded():
    long = "word " * 400
    content = raw_messages.read(HEADER + f"X-Long: {long}\r\n\r\n{long}\r\n.\r\nend\r\n".encode())
    assert max(map(len, content.raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(content.raw, policy=email.policy.default)
    assert message.get_content() == f"{long}\r\n.\r\nend\r\n"
    assert message["X-Long"].split() == long.split()
    assert message["MIME-Version"] == "1.0"


def test_a_signed_part_keeps_its_octets_even_eight_bit_ones():
    raw = SIGNED.replace(b"<p>", "<p>ü".encode()).replace(b"preamble", b"pre")
    assert raw_messages.read(raw).raw == raw


def test_the_sender_is_told():
    content = raw_messages.read(HEADER + b"Sender: Desk <desk@other.example>\r\n\r\nx")
    assert raw_messages.sender_of(content) == "desk@other.example"
    assert raw_messages.sender_of(raw_messages.read(HEADER + b"\r\nx")) == ""


def test_an_address_is_taken_out_of_header_and_texts_and_the_rest_stays():
    words = erasure.of_addresses(["bob@x.example"])
    raw = HEADER.replace(b"Hello", b"=?utf-8?q?For_bob=40x.example?=") + crlf(
        "Cc: Bob <bob@x.example>, c@x.example\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Transfer-Encoding: base64\n\nSGkgYm9iQHguZXhhbXBsZSE=\n"
        "--b\nContent-Type: image/png\n\nraw\n--b--\n"
    )
    left = raw_erasure.without(raw, words)
    content = raw_messages.read(left)
    assert content.cc == (("", "c@x.example"),) and content.to == ()
    assert content.subject == "For [erased]"
    assert content.text.strip() == "Hi [erased]!"
    assert b"--b\r\nContent-Type: image/png\r\n\r\nraw\r\n--b--\r\n" in left
    assert raw_erasure.without(left, words) == left


@pytest.mark.parametrize("field", [b"X-" + b"a" * 80 + b": ", b"To: x y@b@c, "], ids=["name", "addresses"])
def test_a_field_that_cannot_be_written_anew_goes_as_a_whole(field):
    raw = field + b"joe@x.example\r\nFrom: ann@sender.example\r\n\r\nHi\r\n"
    left = raw_erasure.without(raw_messages.read(raw).raw, erasure.of_addresses(["joe@x.example"]))
    assert b"joe@" not in left and left.endswith(b"From: ann@sender.example\r\n\r\nHi\r\n")


def test_a_signed_part_that_holds_the_address_is_emptied():
    left = raw_erasure.without(SIGNED, erasure.of_addresses(["ann@sender.example"]))
    assert b"<p>" not in left and b"AAAA" not in left
    assert raw_erasure.without(SIGNED, erasure.of_addresses(["no@x.example"])) == SIGNED


@pytest.mark.parametrize(
    "broken", ["charset*0=x;charset*1=y;charset*=z", "boundary*=x'y'%zz", "charset*=utf-8''%ff", "=;=", '"']
)
def test_parameters_that_nobody_can_read_are_passed_on(broken):
    raw = HEADER + f"Content-Type: text/plain; {broken}\r\n\r\nHi\r\n".encode()
    assert raw_messages.read(raw).raw == raw


hostile = st.lists(
    st.sampled_from(
        [
            *(
                b"From: a@x.example\r\n",
                b"To: b@x.example\r\n",
                b"\r\n",
                b"--b\r\n",
                b"--b--\r\n",
                b"--bb\r\n",
            ),
            *(
                b"Content-Type: multipart/mixed; boundary=b\r\n",
                b"Content-Type: message/rfc822\r\n",
                b" \r\n",
            ),
            *(b"Content-Type: multipart/digest; boundary=bb\r\n", b"Content-Transfer-Encoding: base64\r\n"),
            *(
                b"Content-Type: text/html; charset=zz\r\n",
                b"Subject: =?utf-8?q?=\r\n",
                b"x",
                b"\xff",
                b"=\r\n",
            ),
            *(
                b"Content-Transfer-Encoding: quoted-printable\r\n",
                b"Content-Type: ;;;=\r\n",
                b"a" * 1200,
                b"\t",
            ),
        ]
    ),
    max_size=14,
).map(b"".join)


@given(hostile)
def test_any_octets_are_cut_and_joined_again(raw):
    assert structure.read(raw).octets() == raw


@given(hostile)
def test_any_octets_are_refused_or_made_fit_for_every_server(raw):
    try:
        content = raw_messages.read(b"From: a@x.example\r\n" + raw)
    except errors.MessageUnusable:
        return
    assert max(map(len, content.raw.split(b"\r\n"))) <= 998
    assert content.raw.endswith(b"\r\n") and b"\0" not in content.raw
    for line_end in (b"\r", b"\n"):
        assert line_end not in content.raw.replace(b"\r\n", b"")
    again = raw_messages.read(content.raw)
    assert dataclasses.replace(again, text="", html="") == dataclasses.replace(content, text="", html="")


@pytest.mark.parametrize(
    "header",
    [b"a:\r\n" * 3_000_000, b"X: " + b"y" * 12_000_000 + b"\r\n"],
    ids=["many fields", "a long one"],
)
def test_a_header_without_end_is_refused_before_it_is_taken_apart(header):
    tracemalloc.start()
    with pytest.raises(errors.MessageUnusable):
        raw_messages.read(b"From: a@sender.example\r\n" + header + b"\r\nHello\r\n")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * len(header)


def test_a_part_with_a_header_without_end_goes_out_as_a_file():
    long = b"Content-Type: text/html; x=" + b"y" * 2_000_000 + b"\r\n\r\nHello\r\n"
    message = (
        b"From: a@sender.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + long
        + b"--b--\r\n"
    )
    content = raw_messages.read(message)
    assert content.html == ""
    assert b"\r\nContent-Transfer-Encoding: base64\r\n" in content.raw
    assert max(map(len, content.raw.split(b"\r\n"))) <= 998


def test_a_delimiter_is_a_line_of_its_own_however_many_look_like_it():
    head = b"From: a@sender.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    body = b"--b\r\n\r\n--bx\r\nx--b\r\n--b x\r\n--b \t\r\n\r\ntwo\r\n--b--\r\nafter"
    message = structure.read(head + body)
    assert [part.body for part in message.parts] == [b"--bx\r\nx--b\r\n--b x", b"two"]
    assert message.octets() == head + body


@pytest.mark.parametrize(
    "written",
    ["victim@bank.example, <ann@sender.example>", "victim@bank.example, Ann <ann@sender.example>",
     "<@victim@bank.example:ann@sender.example>", "victim@bank.example <ann@sender.example>",
     "ann@sender.example <victim@bank.example", "Ann <ann@sender.example>(victim@bank.example",
     "Victim: ann@sender.example;", "ann@sender.example\t<victim@bank.example",
     "V\xf6 victim@bank.example, <ann@sender.example>"],
)  # fmt: skip
def test_no_reader_finds_an_author_whose_domain_was_not_looked_at(written):
    try:
        content = raw_messages.read(f"From: {written}\r\nSubject: Hi\r\n\r\nHello\r\n".encode())
    except errors.MessageUnusable:
        return
    assert content.from_email == "ann@sender.example"
    (author,) = email.message_from_bytes(content.raw, policy=email.policy.default)["From"].addresses
    assert author.addr_spec == "ann@sender.example"


@pytest.mark.parametrize(
    "written",
    ["ann@sender.example", "Ann Lee <ann@sender.example>", '"Lee, Ann" <ann@sender.example>', "<ann@sender.example>",
     "=?utf-8?q?Ann_L=C3=A9?= <ann@sender.example>", "ann@sender.example (Ann)"],
)  # fmt: skip
def test_an_author_whom_all_readers_understand_stays_as_written(written):
    raw = f"From: {written}\r\nSubject: Hi\r\n\r\nHello\r\n".encode()
    assert raw_messages.read(raw).raw == raw


@given(st.lists(st.integers(0, 1_010), max_size=6))
def test_a_line_is_too_long_from_999_octets_on(lengths):
    lines = b"\r\n".join(b"x" * length for length in lengths)
    assert raw_messages._has_long_line(lines) == any(length > 998 for length in lengths)


def test_a_large_text_of_short_lines_is_encoded_in_a_few_times_its_size():
    text = b"\xc3\xa4\r\n.\r\n" * 600_000
    tracemalloc.start()
    quoted = quoted_printable.quoted(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert quopri.decodestring(quoted) == text and most < 8 * len(text)
