import base64
import email
import email.header
import email.policy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooling.delivery import errors, mime
from templates_app.errors import TemplateSyntaxError
from tests import mail_contents, mail_reader
from tests.mail_contents import build, parts, raw


@pytest.fixture(scope="module")
def reader():
    started = mail_reader.start()
    yield started
    started.close()


def parse(built):
    return email.message_from_bytes(raw(built), policy=email.policy.default)


def field(built, name):
    return next(header for header in built.headers if header.lower().startswith(f"{name.lower()}:".encode()))


def shape(message):
    """The tree of media types."""
    if message.is_multipart():
        return message.get_content_type(), [shape(part) for part in message.iter_parts()]
    return message.get_content_type()


def lf(text):
    return text.replace("\r\n", "\n")


def idna_email(address):
    return address.email.replace("bücher", "xn--bcher-kva")


def squeezed(text):
    """Python 3.11 reads a blank between two encoded words of a display name, against RFC 2047 §6.2."""
    return "".join(text.split())


def check_wire_form(built):
    mail = raw(built)
    assert mail.isascii() and b"\0" not in mail
    assert b"\r" not in mail.replace(b"\r\n", b"") and b"\n" not in mail.replace(b"\r\n", b"")
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    assert mail.endswith(b"\r\n")


def check_python_addresses(message, name, asked):
    read = message[name].addresses
    assert [(squeezed(address.display_name), address.addr_spec) for address in read] == [
        (squeezed(address.name), idna_email(address)) for address in asked
    ]


def expected_bodies(content):
    return content.text.removesuffix("\n"), content.html.removesuffix("\n")


def expected_files(content):
    return sorted((file.content_id, file.name, file.type, file.data) for file in content.files)


def python_bodies(message):
    bodies = (message.get_body((kind,)) for kind in ("plain", "html"))
    return tuple(lf(body.get_content()).removesuffix("\n") if body else "" for body in bodies)


def python_files(message):
    return sorted(
        (
            (part["Content-ID"] or "").strip("<>"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.walk()
        if part.get_content_disposition()
    )


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=mail_contents.contents(), to=mail_contents.addresses)
def test_python_reads_back_what_was_asked(content, to):
    built = build(content, to=to)
    check_wire_form(built)
    message = parse(built)
    assert message["subject"] == content.subject
    check_python_addresses(message, "From", [mime.Address(content.from_name, content.from_email)])
    check_python_addresses(message, "To", content.to or [to])
    for name, asked in (("Cc", content.cc), ("Reply-To", content.reply_to)):
        if asked:
            check_python_addresses(message, name, asked)
    assert [(name, message[name]) for name, _ in content.headers] == list(content.headers)
    assert python_bodies(message) == expected_bodies(content)
    assert python_files(message) == expected_files(content)


def node_addresses(read):
    return [(" ".join(address["name"].split()), address["address"]) for address in read]


def asked_addresses(asked):
    return [(" ".join(address.name.split()), address.email) for address in asked]


def node_bodies(mail):
    return tuple(lf(body or "").removesuffix("\n") for body in (mail.get("text"), mail["html"]))


def node_files(mail):
    return sorted(
        (file.get("content_id") or "", file["name"], file["type"], base64.b64decode(file["data"]))
        for file in mail["files"]
    )


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=mail_contents.contents(), to=mail_contents.addresses)
def test_mailparser_reads_back_what_was_asked(reader, content, to):
    mail = reader.read(raw(build(content, to=to)))["mail"]
    assert (mail.get("subject") or "") == content.subject
    assert node_addresses(mail["from"]) == [(" ".join(content.from_name.split()), content.from_email)]
    assert node_addresses(mail["to"]) == asked_addresses(content.to or [to])
    assert node_addresses(mail["cc"]) == asked_addresses(content.cc)
    assert node_addresses(mail["reply_to"]) == asked_addresses(content.reply_to)
    assert [(name, mail["values"].get(name.lower(), "")) for name, _ in content.headers] == list(
        content.headers
    )
    assert node_bodies(mail) == expected_bodies(content)
    assert node_files(mail) == expected_files(content)


@settings(max_examples=300, deadline=None)
@given(subject=mail_contents.lines, name=mail_contents.names, text=mail_contents.texts)
def test_rendered_values_read_back_as_literals_do(subject, name, text):
    tagged = parts(
        subject="{{{subject}}}",
        from_name="{{{name}}}",
        text="{{{text}}}",
        html="{{{text}}}",
        headers=(("X-Value", "{{{subject}}}"),),
    )
    message = parse(build(tagged, variables={"subject": subject, "name": name, "text": text}))
    assert message["subject"] == message["x-value"] == subject
    check_python_addresses(message, "From", [mime.Address(name, "ann@example.org")])
    assert python_bodies(message) == (text.removesuffix("\n"), text.removesuffix("\n"))


INLINE = mime.File(name="a.png", type="image/png", data=b"png", content_id="a")
ATTACHED = mime.File(name="b.pdf", type="application/pdf", data=b"pdf")
RELATED = ("multipart/related", ["text/html", "image/png"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (parts(text="a"), "text/plain"),
        (parts(html="a"), "text/html"),
        (parts(), "text/plain"),
        (parts(text="a", html="b"), ("multipart/alternative", ["text/plain", "text/html"])),
        (parts(html="b", files=(INLINE,)), RELATED),
        (parts(text="a", html="b", files=(INLINE,)), ("multipart/alternative", ["text/plain", RELATED])),
        (parts(text="a", files=(INLINE,)), ("multipart/mixed", ["text/plain", "image/png"])),
        (
            parts(text="a", html="b", files=(ATTACHED, INLINE)),
            ("multipart/mixed", [("multipart/alternative", ["text/plain", RELATED]), "application/pdf"]),
        ),
    ],
)
def test_parts_nest_as_the_content_asks(content, expected):
    assert shape(parse(build(content))) == expected


def test_a_skeleton_builds_the_same_bytes_again():
    skeleton = mime.Skeleton.compile(parts(text="{{a}}", html="b", files=(ATTACHED,)))
    mails = [raw(skeleton.build(mail_contents.values(variables={"a": 1}))) for _ in range(2)]
    assert mails[0] == mails[1]


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
@pytest.mark.parametrize(
    "hostile",
    [
        lambda value: parts(subject=value),
        lambda value: parts(from_name=value),
        lambda value: parts(to=(mime.Address(value, "a@example.org"),)),
        lambda value: parts(cc=(mime.Address(value, "a@example.org"),)),
        lambda value: parts(reply_to=(mime.Address(value, "a@example.org"),)),
        lambda value: parts(headers=(("X-A", value),)),
        lambda value: parts(files=(mime.File(name=value, type="", data=b""),)),
    ],
)
def test_a_line_break_or_null_in_a_header_is_refused(character, hostile):
    with pytest.raises(errors.HeaderInjection) as refused:
        mime.Skeleton.compile(hostile(f"a{character}Bcc: eve@example.com"))
    assert refused.value.code == "header_injection"


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\n"])
@pytest.mark.parametrize(
    ("hostile", "refusal"),
    [
        (lambda value: {"to": mime.Address(value, "a@example.org")}, errors.HeaderInjection),
        (lambda value: {"to": mime.Address("", f"a@example.org{value}")}, errors.AddressInvalid),
        (lambda value: {"to": mime.Address("", '"' + value + '"@example.org')}, errors.AddressInvalid),
        (lambda value: {"message_id": value}, errors.HeaderInjection),
    ],
)
def test_a_line_break_in_what_a_mail_adds_is_refused(character, hostile, refusal):
    with pytest.raises(refusal):
        build(**hostile(f"a{character}Bcc: eve@example.com"))


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\r\n", "\n\n"])
def test_a_rendered_line_break_becomes_a_space(character):
    content = parts(subject="Hi {{{a}}}", from_name="{{{a}}}", headers=(("X-A", "{{{a}}}"),), text="x")
    built = build(content, variables={"a": f"b{character}Bcc: eve@example.com"})
    message = parse(built)
    assert message["subject"] == "Hi b Bcc: eve@example.com"
    assert message["x-a"] == message["from"].addresses[0].display_name == "b Bcc: eve@example.com"
    assert "bcc" not in message


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@",
        "@b",
        "a b@c",
        "a@b c",
        "<a@b>",
        "a@b,c@d",
        "a@b>",
        "a@b\u2028",
        "ü@",
        "\ud800@b.c",
        "a\xa0b@c.d",
        "a@" + "ü" * 400,
    ],
)
def test_a_broken_address_is_refused(email):
    with pytest.raises(errors.AddressInvalid):
        build(to=mime.Address("", email))


@pytest.mark.parametrize(
    "name",
    ["From", "BCC", "content-type", "Content-Whatever", "Resent-To", "DKIM-Signature", "Sender", "Reply-To"],
)
def test_the_platforms_headers_cannot_be_set(name):
    with pytest.raises(errors.HeaderReserved):
        mime.check_header(name, "a")
    with pytest.raises(errors.HeaderReserved):
        mime.Skeleton.compile(parts(headers=((name, "a"),)))


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X-Ä", "X\tA", "X" * 77, "X\nBcc", "X\rBcc", "X\0"])
def test_a_malformed_header_name_is_refused(name):
    with pytest.raises(errors.HeaderNameInvalid):
        mime.check_header(name, "a")


@pytest.mark.parametrize("name", ["List-Unsubscribe", "X-Anything!", "In-Reply-To", "References", "Fromage"])
def test_other_headers_may_be_set(name):
    mime.check_header(name, "a")
    assert parse(build(parts(text="a", headers=((name, "<a>"),))))[name] == "<a>"


def test_each_mail_shows_its_own_recipient_where_no_list_is_visible():
    assert field(build(), "To") == b"To: Bob <bob@example.net>\r\n"
    listed = parts(text="a", to=(mime.Address("", "x@example.org"), mime.Address("", "y@example.org")))
    assert field(build(listed), "To") == b"To: x@example.org, y@example.org\r\n"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", b"a@b.org"),
        ("Ann Bee", b"Ann Bee <a@b.org>"),
        ("Bee, Ann", b'"Bee, Ann" <a@b.org>'),
        ("Ann (at work)", b'"Ann (at work)" <a@b.org>'),
        ('The "A" \\', b'"The \\"A\\" \\\\" <a@b.org>'),
        ("J. Doe", b'"J. Doe" <a@b.org>'),
        ("Zoë", b"=?utf-8?q?Zo=C3=AB?= <a@b.org>"),
        ("Ζωή", b"=?utf-8?b?zpbPic6u?= <a@b.org>"),
        ("=?utf-8?q?x?=", b"=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <a@b.org>"),
    ],
)
def test_names_are_written_as_atoms_strings_or_encoded_words(name, written):
    assert field(build(to=mime.Address(name, "a@b.org")), "To") == b"To: %b\r\n" % written


def test_a_domain_is_written_in_a_labels():
    built = build(to=mime.Address("", "a@Bücher.example"))
    assert field(built, "To") == b"To: a@xn--bcher-kva.example\r\n"
    assert not built.utf8


@pytest.mark.parametrize(
    "content", [parts(), parts(from_email="ö@example.org"), parts(cc=(mime.Address("", "ö@b.c"),))]
)
def test_a_local_part_outside_ascii_needs_smtputf8(content):
    to = mime.Address("Jörg", "jörg@example.org" if content == parts() else "a@b.c")
    built = build(content, to=to)
    assert built.utf8
    assert "ö".encode() in b"".join(built.headers)
    assert not build().utf8


def test_a_hidden_recipient_outside_ascii_needs_smtputf8_too():
    listed = parts(text="a", to=(mime.Address("", "x@example.org"),))
    assert build(listed, to=mime.Address("", "jörg@example.org")).utf8
    assert not build(listed, to=mime.Address("", "a@bücher.example")).utf8


def test_a_long_subject_is_folded_at_78():
    subject = "word " * 60 + "end"
    written = field(build(parts(subject=subject, text="a")), "Subject")
    assert max(map(len, written.split(b"\r\n"))) <= 78
    assert written.replace(b"\r\n", b"") == f"Subject: {subject}".encode()


def test_a_word_over_the_line_limit_is_split():
    subject = "a" * 3000
    built = build(parts(subject=subject, text="a"))
    assert max(map(len, field(built, "Subject").split(b"\r\n"))) <= 78
    assert parse(built)["subject"] == subject


@given(subject=st.text(st.characters(min_codepoint=0x80, exclude_categories=["Cs", "Cc"]), min_size=1))
def test_an_encoded_word_is_short_and_whole(subject):
    written = field(build(parts(subject=subject, text="a")), "Subject").decode()
    assert max(map(len, written.split("\r\n"))) <= 76
    words = written.removeprefix("Subject: ").split()
    assert max(map(len, words)) <= 75
    read = [email.header.decode_header(word)[0][0].decode("utf-8") for word in words]
    assert "".join(read) == subject


def test_a_file_name_has_a_plain_fallback():
    file = mime.File(name="Ärger & Café.pdf", type="application/pdf", data=b"")
    body = build(parts(text="a", files=(file,))).body
    assert b"filename*=utf-8''%C3%84rger%20&%20Caf%C3%A9.pdf;\r\n" in body
    assert b'filename="_rger & Caf_.pdf"\r\n' in body


@pytest.mark.parametrize("kind", ["", "message/rfc822", "multipart/mixed"])
def test_what_base64_may_not_carry_travels_as_octets(kind):
    message = parse(
        build(parts(text="a", files=(mime.File(name="a.eml", type=kind, data=b"A: b\r\n\r\nc"),)))
    )
    (file,) = message.iter_attachments()
    assert (file.get_content_type(), file.get_content()) == ("application/octet-stream", b"A: b\r\n\r\nc")


@pytest.mark.parametrize(
    "kind", ["text", "text/", "a/b\r\nX: y", "a/b; c", "text/plain, b", "ä/b", 'a/b;c="\n"']
)
def test_a_malformed_media_type_is_refused(kind):
    with pytest.raises(errors.FileInvalid):
        mime.Skeleton.compile(parts(files=(mime.File(name="a", type=kind, data=b""),)))


@pytest.mark.parametrize("content_id", ["<a>", "a b", "a\r\nX: y", "ä"])
def test_a_malformed_content_id_is_refused(content_id):
    with pytest.raises(errors.FileInvalid):
        mime.Skeleton.compile(parts(files=(mime.File(name="a", type="", data=b"", content_id=content_id),)))


def test_the_date_is_in_utc():
    assert field(build(), "Date") == b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"


def test_values_are_escaped_in_html_alone():
    content = parts(subject="{{a}}", text="{{a}}", html="{{a}}")
    message = parse(build(content, variables={"a": "<b>"}))
    assert message["subject"] == "<b>"
    assert [body.strip() for body in python_bodies(message)] == ["<b>", "&lt;b&gt;"]


@pytest.mark.parametrize("part", ["subject", "from_name", "text", "html"])
def test_a_template_error_is_raised_on_compiling(part):
    with pytest.raises(TemplateSyntaxError):
        mime.Skeleton.compile(parts(**{part: "{{#open}}"}))


def test_a_rendered_reply_to_beside_an_address_of_another_script_is_refused():
    content = parts(text="x", reply_to=(mime.Address("", "{{a}}@b.org"), mime.Address("", "zoë@b.org")))
    with pytest.raises(errors.AddressInvalid):
        mime.Skeleton.compile(content)


def test_lone_surrogates_do_not_stop_a_mail():
    built = build(
        parts(subject="{{a}}", text="x"), variables={"a": "\ud800"}, to=mime.Address("\udfff", "a@b.c")
    )
    check_wire_form(built)
