"""Attachments as data and by URL, style sheets, embedded images, whole messages (contract §4.1, §4.3)."""

import base64
import email
import email.policy
import time

import pytest

from spooling.models import Content, HostedFile, Mail
from spooling.wires.smtpeter import attachments
from tests import drains, http_servers
from tests.wires.smtpeter.clients import refused

pytestmark = pytest.mark.django_db(transaction=True)

LETTER = {"recipient": "john@doe.com", "from": "info@example.com", "to": "john@doe.com", "html": "<p>Hi</p>"}
DATA = base64.b64encode(b"content").decode()


@pytest.fixture
def web(settings):
    """Another server, on a network that may be called."""
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.0/8"]
    with http_servers.serving(
        lambda request: (200, {"Content-Type": "text/csv; charset=utf-8"}, b"a,b")
    ) as running:
        yield running


def kept(caller, *given):
    """The files of a send with these attachments: name, type and data of each."""
    answer = caller.post("send", LETTER | {"attachments": list(given)})
    assert answer.content == b"1", answer.content
    rows = Content.objects.latest("id").files.order_by("position").select_related("attachment")
    return [(row.name, row.type, bytes(row.attachment.data)) for row in rows]


def refusal(caller, *given):
    status, sentence = refused(caller.post("send", LETTER | {"attachments": list(given)}))
    assert status == 400 and not Mail.objects.exists() and not Content.objects.exists()
    return sentence


def test_data_come_with_a_name_and_perhaps_a_type(caller):
    assert kept(
        caller, {"data": DATA, "name": "a.pdf"}, {"data": DATA, "name": "b", "type": "x/y"}, {"data": ""}
    ) == [
        ("a.pdf", "application/pdf", b"content"),
        ("b", "x/y", b"content"),
        ("attachment", "application/octet-stream", b""),
    ]
    lines = "\r\n".join(DATA[place : place + 4] for place in range(0, len(DATA), 4))
    assert kept(caller, {"data": lines, "name": "a.txt"})[0][2] == b"content"


@pytest.mark.parametrize(
    "given",
    [
        {"name": "a.txt"},
        {"data": "not base64!", "name": "a.txt"},
        {"data": "YWJj=YWJj", "name": "a.txt"},
        {"data": "ü", "name": "a.txt"},
        {"data": DATA, "name": "a\r\nContent-Type: text/html"},
        {"data": DATA, "name": "x" * 256},
        {"data": DATA, "name": ["a"]},
        {"data": DATA, "name": "a", "type": "text/html\r\nX-Mine: 1"},
        {"data": DATA, "name": "a", "type": "text"},
        {"data": [DATA], "name": "a"},
        "a.txt",
        7,
    ],
)
def test_what_is_no_file_is_named(caller, given):
    assert "attachments[1]" in refusal(caller, {"data": DATA, "name": "fine"}, given)


def test_at_most_a_hundred_files_come_along(caller):
    assert "attachments" in refusal(caller, *[{"data": DATA, "name": "a"}] * 101)


def test_a_file_is_fetched_and_named_by_its_url(caller, web):
    given = (
        {"url": f"{web.url}/list/a%20b.csv?x=1"},
        {"url": f"{web.url}/", "name": "c.pdf"},
        {"url": web.url, "type": "x/y"},
    )
    assert kept(caller, *given) == [
        ("a b.csv", "text/csv", b"a,b"),
        ("c.pdf", "application/pdf", b"a,b"),
        ("attachment", "x/y", b"a,b"),
    ]


def test_a_redirection_is_followed(caller, web):
    web.answer = lambda request: (
        (302, {"Location": "/there.txt"}, b"") if request.path == "/here.txt" else (200, {}, b"there")
    )
    assert kept(caller, {"url": f"{web.url}/here.txt"}) == [("here.txt", "text/plain", b"there")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}, b"no"), "Its server answered 404."),
        ((204, {}, b""), "Its server answered 204."),
        ((302, {"Location": "http://169.254.169.254/"}, b""), "private network"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "A URL is"),
        ((302, {"Location": "/again"}, b""), "Its server answered 302."),
    ],
)
def test_what_is_not_there_is_told(caller, web, answer, reason):
    web.answer = lambda request: answer
    assert reason in refusal(caller, {"url": f"{web.url}/a.txt"})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:6379/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0.0.0.0/",
    ],
)
def test_no_private_network_is_reached(caller, url):
    assert "private network" in refusal(caller, {"url": url})


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x.example/a",
        "gopher://x.example",
        "//x.example",
        "http://",
        "x" * 9000,
        "",
        "http://a:b@x.example/",
    ],
)
def test_what_is_no_url_is_told(caller, url):
    assert "attachments[0].url" in refusal(caller, {"url": url})


def test_what_is_fetched_is_bounded_together(caller, web, settings):
    settings.MAX_BODY_BYTES = 1000
    web.answer = lambda request: (200, {}, b"x" * 400)
    assert len(kept(caller, *[{"url": f"{web.url}/a"}] * 2)) == 2
    Mail.objects.all().delete()
    Content.objects.all().delete()
    assert "larger" in refusal(caller, *[{"url": f"{web.url}/a"}] * 3)


def test_fetching_ends_though_a_server_does_not(caller, web, monkeypatch):
    monkeypatch.setattr(attachments, "SECONDS", 0.3)
    web.answer = lambda request: time.sleep(2) or (200, {}, b"")
    assert "attachments[0].url" in refusal(caller, *[{"url": f"{web.url}/a"}] * 3)
    assert len(web.asked) == 1


# What becomes of the HTML

STYLED = "<html><head><style>p{color:red}</style></head><body><p>{$n}</p>{if $n}<i>x</i>{/if}</body></html>"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really").decode()
WHOLE = f"""From: info@example.com
To: john@doe.com
Subject: Whole {{$n}}
x-smtpeter-tags: order, shop
x-smtpeter-trackclicks: false
x-smtpeter-trackopens: false
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html; charset=iso-8859-1

<html><head><style>p{{color:red}}</style></head><body><p>Gr\u00fc\u00dfe {{$n}} <img src="cid:logo@x"></p></body></html>
--b
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-ID: <logo@x>

{PIXEL}
--b
Content-Type: text/plain; name=a.txt
Content-Disposition: attachment; filename=a.txt

kept
--b--
""".replace("iso-8859-1", "utf-8")


@pytest.mark.parametrize("name", ["inlinecss", "inlinizecss"])
def test_style_rules_become_attributes_and_tags_stay(caller, server, name):
    caller.post("send", LETTER | {"html": STYLED, name: True, "data": {"n": "Jón"}, "trackopens": False})
    html = arrived(server).get_body(["html"]).get_content()
    assert '<p style="color: red;">Jón</p>' in html and "<i>x</i>" in html


def test_styles_of_a_whole_message_become_attributes_too(caller, server):
    caller.post("send", {"recipient": "john@doe.com", "mime": WHOLE, "inlinecss": True, "data": {"n": "Jón"}})
    message = arrived(server)
    assert '<p style="color: red;">Grüße Jón' in message.get_body(["html"]).get_content()
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/html",
        "image/png",
        "text/plain",
    ]


def test_a_whole_message_is_personal_and_says_its_options_itself(caller, server):
    body = {
        "recipients": {"john@doe.com": {"n": "John"}},
        "mime": WHOLE,
        "tags": ["other"],
        "subject": "ignored",
    }
    assert caller.post("send", body).content == b"1"
    message = arrived(server)
    assert message["Subject"] == "Whole John"
    assert "Grüße John" in message.get_body(["html"]).get_content()
    assert not [name for name in message.keys() if name.lower().startswith("x-smtpeter")]
    assert Mail.objects.select_related("submission").get().submission.tags == ["order", "shop"]


def test_a_whole_message_comes_by_a_form_too(caller, server):
    assert caller.form("send", ("recipient", "john@doe.com"), ("mime", WHOLE)).content == b"1"
    assert arrived(server)["Subject"].strip() == "Whole"


@pytest.mark.parametrize(
    ("mime", "reason"),
    [
        ("Subject: x\r\n\r\nHi", "From"),
        ("From: a@example.com, b@example.com\r\n\r\nHi", "From"),
        ("From: info@example.com\r\nx-smtpeter-trackclicks: perhaps\r\n\r\nHi", "trackclicks"),
        ("From: info@example.com\r\nx-smtpeter-tags: a b\r\n\r\nHi", "tags"),
        ("From: info@example.com\r\n\r\n{if $a}", ""),
        ("From: me@foreign.test\r\n\r\nHi", "You cannot send mailings from foreign.test"),
        (
            "From: info@example.com\r\nSender: me@foreign.test\r\n\r\nHi",
            "You cannot send mailings from foreign.test",
        ),
        ("Hi", "header"),
        ("\r\n\r\n", "From"),
        ("From: info@example.com\r\n" + "X: y\r\n" * 50_000 + "\r\nHi", "header has more"),
    ],
)
def test_a_message_that_cannot_be_mailed_is_refused(caller, mime, reason):
    status, sentence = refused(caller.post("send", {"recipient": "john@doe.com", "mime": mime}))
    assert status == 400 and reason in sentence
    assert not Mail.objects.exists() and not Content.objects.exists()


@pytest.mark.parametrize("mime", ["", None])
def test_an_empty_message_is_none(caller, mime):
    assert caller.post("send", LETTER | {"mime": mime}).status_code == 200


def test_embedded_images_move_to_where_everybody_finds_them(client, caller, server):
    html = f"<p><img src=\"data:image/png;base64,{PIXEL}\"><img src='data:image/svg+xml;base64,{PIXEL}'></p>"
    caller.post("send", LETTER | {"html": html, "images": "hosted"})
    made = Content.objects.get().html
    assert "data:image/png" not in made and "data:image/svg+xml" in made
    assert hosted(client, made) == base64.b64decode(PIXEL)


def test_images_of_a_whole_message_move_too(client, caller, server):
    mime = WHOLE.replace("MIME-Version", "x-smtpeter-images: hosted\nMIME-Version")
    caller.post("send", {"recipient": "john@doe.com", "mime": mime})
    message = arrived(server)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/html", "text/plain"]
    html = message.get_body(["html"]).get_content()
    assert "cid:" not in html
    assert hosted(client, html) == base64.b64decode(PIXEL)


def test_images_stay_where_a_send_is_refused(caller):
    html = f'<img src="data:image/png;base64,{PIXEL}">'
    refused(caller.post("send", LETTER | {"html": html, "images": "hosted", "from": "me@foreign.test"}))
    assert not HostedFile.objects.exists()
    assert "images" in refused(caller.post("send", LETTER | {"images": "somewhere"}))[1]


def hosted(client, html):
    """The bytes of the one image in some HTML that is not part of it."""
    url = html.partition('src="http')[2].partition('"')[0]
    answer = client.get("/" + url.partition("//")[2].partition("/")[2])
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    return b"".join(answer) if answer.streaming else answer.content


def arrived(server):
    drains.run("transactional")
    (each,) = server.accepted
    return email.message_from_bytes(each.data, policy=email.policy.default)


# What each mail knows


def test_every_mail_knows_its_recipient_its_envelope_and_its_page_in_the_web(caller, server, settings):
    settings.TRACKING_URL = "https://mail.example.org"
    text = "{$recipient} {$envelope} {$webversion} {$missing}{if $missing}never{else}done{/if}"
    body = {"recipients": ["a@x.example", "john@doe.com"], "from": "info@example.com", "text": text}
    assert caller.post("send", body | {"envelope": "bounces@example.com"}).content == b"1"
    drains.run("transactional")
    for each in server.accepted:
        message = email.message_from_bytes(each.data, policy=email.policy.default)
        recipient, envelope, page, done = message.get_content().split()
        assert (recipient, envelope, done) == (each.recipient, "bounces@example.com", "done")
        assert page.startswith("https://mail.example.org/t/m/")


def test_ways_to_unsubscribe_leave_as_they_were_told(caller, server):
    unsubscribe = {
        "email": "out@example.com",
        "url": "https://x.example/u?r={$recipient|escape:url}",
        "oneclick": True,
    }
    caller.post("send", LETTER | {"unsubscribe": unsubscribe})
    message = arrived(server)
    assert message["List-Unsubscribe"] == "<mailto:out@example.com>, <https://x.example/u?r=john%40doe.com>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("changes", "sender"),
    [
        ({}, "b-"),
        ({"envelope": "bounces@example.com"}, "b-"),
        ({"envelope": "bounces@example.com", "trackbounces": False}, "bounces@example.com"),
        ({"trackbounces": False}, ""),
    ],
)
def test_bounces_come_back_to_us_or_where_the_call_says(caller, server, changes, sender):
    caller.post("send", LETTER | changes)
    drains.run("transactional")
    (each,) = server.accepted
    assert each.sender.startswith("b-") if sender == "b-" else each.sender == sender


def test_bounces_go_straight_to_no_other_accounts_domain(caller, rival):
    body = LETTER | {"envelope": "bounces@rival.example", "trackbounces": False}
    assert refused(caller.post("send", body))[0] == 400
    assert caller.post("send", body | {"trackbounces": True}).status_code == 200


def test_a_link_that_shows_its_target_is_spared(caller, server, settings):
    settings.TRACKING_URL = "https://mail.example.org"
    html = '<p><a href="https://shop.example/">https://shop.example/</a> <a href="https://shop.example/">Shop</a></p>'
    caller.post("send", LETTER | {"html": html, "preventscam": True})
    made = arrived(server).get_body(["html"]).get_content()
    assert '<a href="https://shop.example/">https://shop.example/</a>' in made
    assert made.count("https://mail.example.org/t/c/") == 1
