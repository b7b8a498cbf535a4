from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import errors, privacy, spoolers
from spooling.campaigns import messages, resources
from spooling.campaigns.compositions import Message
from spooling.campaigns.resources import Upload, Wanted
from spooling.models import Attachment, Resource

NOW = timezone.now()


@pytest.fixture
def spooler(account):
    return spoolers.open_campaign(account, lane="transactional", now=NOW)


def attachment(spooler, content="QUJD"):
    return resources.upload(spooler, Upload(kind="attachment", type="text/plain", content=content), now=NOW)


def test_the_bytes_of_a_file_are_stored_once_per_account(spooler, other_account):
    stranger = spoolers.open_campaign(other_account, lane="transactional", now=NOW)
    assert attachment(spooler).file_id == attachment(spooler).file_id != attachment(stranger).file_id
    assert Attachment.objects.count() == 2


def test_tokens_of_another_spooler_or_kind_are_unknown_by_their_paths(spooler, account):
    own = attachment(spooler).token
    other = attachment(spoolers.open_campaign(account, lane="transactional", now=NOW)).token
    wanted = [
        Wanted("attachments[0]", own, "attachment"),
        Wanted("attachments[1]", other, "attachment"),
        Wanted("parts[0]", own, "part"),
    ]
    assert set(resources.find(spooler, wanted[:1])) == {own}
    with pytest.raises(errors.UnknownResource) as refusal:
        resources.find(spooler, wanted)
    assert set(refusal.value.fields) == {"attachments[1]", "parts[0]"}


def test_the_files_of_one_mail_are_bounded_together(spooler, monkeypatch):
    tokens = [attachment(spooler, content).token for content in ("QUJD", "REVG")]
    assert [file.data for file in resources.files(tokens)] == [b"ABC", b"DEF"]
    monkeypatch.setattr(resources, "LARGEST_FILES", 5)
    with pytest.raises(errors.AttachmentTooLarge):
        resources.files(tokens)


def test_nothing_is_kept_for_a_cancelled_spooler(spooler):
    spoolers.cancel(spooler, now=NOW)
    for for_mails in (False, True):
        given = Upload(kind="part", type="text/html", content="x", for_mails=for_mails)
        with pytest.raises(errors.SpoolerLocked):
            resources.upload(spooler, given, now=NOW)


def test_what_was_uploaded_goes_when_the_mails_of_its_campaign_do(spooler, account):
    kept = spoolers.open_campaign(account, lane="transactional", now=NOW)
    files = [attachment(each, "QUJD") for each in (spooler, kept)] + [attachment(spooler, "REVG")]
    page = resources.upload(spooler, Upload(kind="unsubscribe", type="html", content="Bye"), now=NOW)
    messages.replace(spooler, Message(subject="Secret"))
    spoolers.cancel(spooler, now=NOW)
    assert resources.erase_old(NOW - timedelta(days=1)) == 0
    assert resources.erase_old(NOW) == 2
    assert set(Resource.objects.values_list("token", flat=True)) == {files[1].token, page.token}
    assert bytes(Attachment.objects.get().data) == b"ABC"
    assert messages.of(spooler) == Message()


def test_the_retention_of_mails_reaches_uploads(spooler, settings):
    settings.MAIL_RETENTION = 30
    attachment(spooler)
    spoolers.cancel(spooler, now=NOW)
    privacy.erase_old_mails(NOW + timedelta(days=31))
    assert not Resource.objects.exists() and not Attachment.objects.exists()
