import dataclasses

import pytest
from django.utils import timezone

from earwig import domains
from earwig.errors import InvalidAddress
from spooling import errors, spoolers
from spooling.campaigns import compositions, displays, filling, messages, resources
from spooling.campaigns.compositions import Message
from spooling.campaigns.filling import Entry
from spooling.models import Content, ContentFile, Mail, Spooler, SpoolerMessage
from spooling.outbox.drafts import NewContent, NewFile

NOW = timezone.now()
WRITTEN = NewContent(
    from_email="shop@shop.example",
    from_name="Shop",
    subject="Hi {{name}}",
    html="<p>{{name}}</p>",
    headers=(("X-A", "content"),),
    files=(NewFile(name="a.txt", type="text/plain", data=b"A"),),
    track_opens=True,
)


@pytest.fixture
def shop(account):
    return domains.add(account, name="shop.example", now=NOW)


@pytest.fixture
def spooler(account, shop):
    return spoolers.open_campaign(account, domain=shop, now=NOW)


def part(spooler, content, type="text/html"):
    given = resources.Upload(kind="part", type=type, content=content)
    return resources.upload(spooler, given, now=NOW).token


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Shop", ("Shop", "news@shop.example")),
        ("Shop @ Home", ("Shop @ Home", "news@shop.example")),
        ("{{brand}}", ("{{brand}}", "news@shop.example")),
        ("Shop <a@shop.example>", ("Shop", "a@shop.example")),
        ('"Shop, Inc" <a@Shop.example>', ("Shop, Inc", "a@shop.example")),
        ("<a@shop.example>", ("", "a@shop.example")),
        (" a@shop.example ", ("", "a@shop.example")),
        ("Shop\r\nBcc: x@y.example", ("ShopBcc: x@y.example", "news@shop.example")),
    ],
)
def test_a_sender_is_a_name_an_address_or_both(text, pair):
    assert displays.author(text, domain="shop.example") == pair


@pytest.mark.parametrize("text", ["broken@", "Shop <broken>", "Shop <{{email}}>", "x" * 201])
def test_what_is_no_sender_is_refused(text):
    with pytest.raises(InvalidAddress):
        displays.author(text, domain="shop.example")


def test_a_name_alone_needs_a_domain():
    with pytest.raises(InvalidAddress):
        displays.author("Shop", domain="")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ("", "")),
        ("{{email}}", ("", "")),
        ("{{first}} {{last}}", ("{{first}} {{last}}", "")),
        ("{{first}} <{{ email }}>", ("{{first}}", "")),
        ("All <all@list.example>", ("All", "all@list.example")),
        ("all@list.example", ("", "all@list.example")),
    ],
)
def test_a_recipient_is_shown_by_its_name_or_as_one_address_for_all(text, shown):
    assert displays.addressee(text) == shown


def test_of_parts_of_one_type_the_last_counts(spooler):
    parts = (part(spooler, "old"), part(spooler, "text", "text/plain"), part(spooler, "new"))
    messages.replace(spooler, Message(sender="Shop", parts=parts))
    content = messages.compose(spooler)
    assert (content.html, content.text, content.from_email) == ("new", "text", "news@shop.example")
    assert content.template_language == "braces"


def test_headers_and_variables_of_a_mail_come_before_the_message_s_and_the_spooler_s(spooler):
    spooler.headers = {"X-A": "spooler", "X-B": "spooler", "x-c": "spooler"}
    spooler.variables = {"a": "spooler", "b": "spooler", "c": "spooler"}
    spooler.save()
    told = Message(headers={"X-B": "message", "X-C": "message"}, variables={"b": "message"})
    messages.replace(spooler, told)
    content = messages.compose(spooler, Message(headers={"X-C": "mail"}, variables={"c": "mail"}))
    assert content.headers == (("X-A", "spooler"), ("X-B", "message"), ("X-C", "mail"))
    assert content.variables == {"a": "spooler", "b": "message", "c": "mail"}


def test_the_platform_s_own_headers_are_ignored_and_reply_to_is_an_address(spooler):
    own = ("From", "to", "Subject", "Date", "Message-ID", "Return-Path", "MIME-Foo", "Content-Type")
    headers = {name: "evil" for name in (*own, "Received", "DKIM-Signature")}
    messages.replace(
        spooler, Message(headers={**headers, "X-A": "1\r\nBcc: x", "Reply-To": "Desk <d@x.example>"})
    )
    content = messages.compose(spooler)
    assert content.headers == (("X-A", "1Bcc: x"),)
    assert content.reply_to == (("Desk", "d@x.example"),)


def test_a_reply_to_of_the_spooler_counts_where_nothing_else_is_told(spooler):
    Spooler.objects.update(headers={"Reply-To": "all@x.example"})
    spooler.refresh_from_db()
    assert messages.compose(spooler).reply_to == (("", "all@x.example"),)
    messages.replace(spooler, Message(headers={"Reply-To": ""}))
    assert messages.compose(spooler).reply_to == (("", "all@x.example"),)
    messages.replace(spooler, Message(headers={"reply-to": "message@x.example"}))
    assert messages.compose(spooler).reply_to == (("", "message@x.example"),)
    own = messages.compose(spooler, Message(headers={"REPLY-TO": "mail@x.example"}))
    assert own.reply_to == (("", "mail@x.example"),)


def test_a_mail_with_a_body_of_its_own_uses_nothing_of_the_message_s(spooler):
    messages.replace(spooler, Message(parts=(part(spooler, "html"), part(spooler, "text", "text/plain"))))
    content = messages.compose(spooler, Message(parts=(part(spooler, "own", "text/plain"),)))
    assert (content.text, content.html) == ("own", "")


def test_a_written_content_is_composed_as_it_is_and_forgets_what_a_wire_told(spooler):
    messages.replace(spooler, Message(subject="Told"))
    for _ in range(2):
        messages.write(spooler, WRITTEN, now=NOW)
    assert not SpoolerMessage.objects.exists()
    assert Content.objects.count() == 1 and ContentFile.objects.count() == 1
    composed = messages.compose(spooler)
    assert composed == WRITTEN
    assert compositions.lacks(composed) == {}
    overlaid = messages.compose(spooler, Message(subject="Own"))
    assert (overlaid.subject, overlaid.html, overlaid.track_opens) == ("Own", "<p>{{name}}</p>", True)
    assert overlaid.template_language == "mustache"


def test_nothing_is_written_after_the_launch(spooler):
    spoolers.ready(spooler, now=NOW)
    with pytest.raises(errors.SpoolerLocked):
        messages.write(spooler, WRITTEN, now=NOW)
    with pytest.raises(errors.SpoolerLocked):
        messages.replace(spooler, Message(subject="x"))
    assert not Content.objects.exists() and not SpoolerMessage.objects.exists()


def test_an_author_of_another_account_s_verified_domain_is_refused(spooler, other_account):
    domains.verify(domains.add(other_account, name="rival.example", now=NOW), now=NOW)
    with pytest.raises(errors.FieldsRefused) as refusal:
        messages.replace(spooler, Message(sender="x@rival.example"))
    assert list(refusal.value.fields) == ["sender"]


def test_a_template_that_cannot_be_rendered_is_named(spooler):
    long = "{{" + "x" * 600 + "}}"
    messages.replace(spooler, Message(sender=long[:200], subject=long, headers={"X-A": long}))
    lacks = compositions.lacks(messages.compose(spooler))
    assert set(lacks) == {"parts", "subject", "headers.X-A"}


def test_a_stored_mail_says_what_the_campaign_says_but_what_is_its_own(spooler):
    messages.write(spooler, WRITTEN, now=NOW)
    entries = [Entry("a@x.example"), Entry("b@x.example", override=Message(subject="Own"))]
    filling.add(spooler, entries, api_key_id=None, now=NOW)
    shared, own = (messages.of_mail(mail) for mail in Mail.objects.order_by("id").select_related("spooler"))
    assert shared == WRITTEN
    assert own == dataclasses.replace(WRITTEN, subject="Own")
