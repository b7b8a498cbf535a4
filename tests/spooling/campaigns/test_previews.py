import pytest
from django.utils import timezone

from earwig import domains
from spooling import errors, spoolers
from spooling.campaigns import messages, previews
from spooling.campaigns.compositions import Message
from spooling.campaigns.filling import Entry
from spooling.campaigns.previews import PreviewedFile
from spooling.models import Mail
from spooling.outbox.drafts import NewContent, NewFile

NOW = timezone.now()
CONTENT = NewContent(
    from_email="a@shop.example",
    from_name="Shöp",
    subject="Hi {{gone}}{{name}}",
    html="<p>Dear {{name}}</p>",
    headers=(("X-Id", "{{id}}"),),
    to_name="{{name}}",
    variables={"id": "7"},
    files=(NewFile(name="a.txt", type="text/plain", data=b"ABC"),),
)


@pytest.fixture
def spooler(account):
    shop = domains.add(account, name="shop.example", now=NOW)
    spooler = spoolers.open_campaign(account, domain=shop, now=NOW)
    messages.write(spooler, CONTENT, now=NOW)
    return spooler


def test_a_preview_is_what_the_recipient_would_get(spooler):
    shown = previews.preview(spooler, Entry("a@X.example", variables={"name": "Zoé"}), now=NOW)
    assert (shown.email, shown.sender) == ("a@x.example", "Shöp <a@shop.example>")
    assert (shown.recipient, shown.subject) == ("Zoé <a@x.example>", "Hi Zoé")
    assert shown.parts == (("text/html", "<p>Dear Zoé</p>"),)
    assert shown.headers == {"X-Id": "7"}
    assert shown.attachments == (PreviewedFile("text/plain", "a.txt", 3),)
    assert shown.missing == ("gone",)
    assert "List-Unsubscribe" in shown.source and "DKIM-Signature" not in shown.source
    assert not Mail.objects.exists()


def test_a_preview_of_nobody_has_the_values_of_all(spooler):
    shown = previews.preview(spooler, None, now=NOW)
    assert (shown.email, shown.recipient, shown.headers) == ("", "", {"X-Id": "7"})
    assert shown.missing == ("gone", "name")


def test_a_launched_campaign_can_be_previewed_and_an_empty_one_not(spooler, other_account):
    spoolers.ready(spooler, now=NOW)
    own = previews.preview(spooler, Entry("a@x.example", override=Message(subject="Own")), now=NOW)
    assert own.subject == "Own"
    with pytest.raises(errors.MessageIncomplete):
        previews.preview(spoolers.open_campaign(other_account, now=NOW), None, now=NOW)


@pytest.mark.parametrize(("language", "missing"), [("braces", ()), ("mustache", ("email",))])
def test_the_recipients_address_is_a_value_by_itself_in_braces_alone(spooler, language, missing):
    content = NewContent(
        from_email="a@shop.example", subject="Hi", text="{{email}}", template_language=language
    )
    messages.write(spooler, content, now=NOW)
    shown = previews.preview(spooler, Entry("a@x.example"), now=NOW)
    assert shown.missing == missing
    assert ("a@x.example" in shown.parts[0][1]) is not bool(missing)
