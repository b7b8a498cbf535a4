import pytest
from django.utils import timezone

from earwig import domains
from spooling import errors, ledger, spoolers
from spooling.campaigns import drafts, messages
from spooling.campaigns.filling import Entry
from spooling.models import Mail, Spooler
from spooling.outbox.drafts import NewContent, NewFile
from stats.models import Event

NOW = timezone.now()
CONTENT = NewContent(
    from_email="a@shop.example",
    subject="Hi {{name}}",
    text="x",
    files=(NewFile(name="a.txt", type="text/plain", data=b"A"),),
)


@pytest.fixture
def spooler(account):
    shop = domains.add(account, name="shop.example", now=NOW)
    spooler = spoolers.open_campaign(account, domain=shop, now=NOW)
    messages.write(spooler, CONTENT, now=NOW)
    return spooler


def send(spooler, *emails):
    return drafts.send(spooler, [Entry(email) for email in emails], api_key_id=None, now=timezone.now())


def test_a_draft_is_a_mail_of_the_hidden_spooler_with_a_content_of_its_own(spooler, other_account):
    spoolers.of_drafts(other_account.pk, None)
    (sent,) = send(spooler, "a@x.example")
    mail = Mail.objects.select_related("spooler", "content").get()
    assert sent.hex == mail.public_id.hex
    assert (mail.spooler.type, mail.spooler.domain_id, mail.spooler.account_id) == (
        "draft",
        spooler.domain_id,
        spooler.account_id,
    )
    assert mail.content_id != spooler.content_id
    assert mail.content.files.get().name == "a.txt"
    assert ledger.of_spooler(spooler.pk)["spooled"] == 0
    assert not Event.objects.exists()


@pytest.mark.parametrize("number", [0, 11])
def test_one_to_ten_drafts_are_sent(spooler, number):
    with pytest.raises(errors.TooManyDrafts):
        send(spooler, *[f"a{n}@x.example" for n in range(number)])
    assert not Mail.objects.exists()


def test_drafts_of_a_launched_or_incomplete_campaign_are_refused(spooler, account):
    with pytest.raises(errors.MessageIncomplete):
        send(spoolers.open_campaign(account, now=NOW), "a@x.example")
    with pytest.raises(errors.FieldsRefused):
        send(spooler, "broken")
    spoolers.ready(spooler, now=NOW)
    with pytest.raises(errors.SpoolerLocked):
        send(spooler, "a@x.example")
    assert not Mail.objects.exists() and not Spooler.objects.filter(type="draft").exists()
