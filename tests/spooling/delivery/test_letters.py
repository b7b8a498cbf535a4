import dataclasses

import pytest
from django.utils import timezone

from spooling.delivery import letters
from spooling.errors import ContentUnusable
from spooling.models import Content, Mail
from spooling.outbox import intake, values
from tests.spooling.conftest import CONTENT

pytestmark = pytest.mark.django_db


def test_an_erased_content_holds_its_own_mails_and_stops_no_others(spool):
    spool("a@x.example")
    Content.objects.update(from_email="", subject="", text="", erased_at=timezone.now())
    spool("b@x.example")
    erased, whole = values.claimed(Mail.objects.order_by("id"))
    loaded = letters.Letters()

    contents = loaded.load([erased, whole])

    assert contents[erased.content_id].erased and not contents[whole.content_id].erased
    assert b"To: b@x.example\r\n" in loaded.message(whole, contents[whole.content_id], 0).data
    with pytest.raises(ContentUnusable):
        loaded.message(erased, contents[erased.content_id], 0)


def test_what_breaks_in_the_making_of_one_mail_holds_that_mail_and_names_no_address(
    spool, monkeypatch, caplog
):
    spool("a@x.example")
    (mail,) = values.claimed(Mail.objects.all())
    loaded = letters.Letters()
    content = loaded.load([mail])[mail.content_id]

    def break_(*_):
        raise ZeroDivisionError("a@x.example")

    monkeypatch.setattr(loaded, "_draft", break_)
    with pytest.raises(ContentUnusable):
        loaded.message(mail, content, 0)

    (record,) = caplog.records
    assert (record.error, record.content) == ("ZeroDivisionError", mail.content_id)
    assert "a@x.example" not in record.getMessage() + record.where


def test_the_contents_language_is_told(spool):
    spool("a@x.example", content=intake.NewContent(from_email="a@x.example", text="Grüezi", language="de-CH"))
    (mail,) = values.claimed(Mail.objects.all())
    loaded = letters.Letters()
    content = loaded.load([mail])[mail.content_id]

    assert b"\r\nContent-Language: de-CH\r\n" in loaded.message(mail, content, 0).data


def test_a_batch_in_hand_keeps_its_contents_whatever_is_loaded_after_it(spool, monkeypatch):
    monkeypatch.setattr(letters, "MOST_CONTENTS", 2)
    for number in range(6):
        spool(
            f"{number}@x.example", content=intake.NewContent(from_email="a@x.example", text=f"text {number}")
        )
    mails = values.claimed(Mail.objects.order_by("id"))
    loaded = letters.Letters()
    first, second = loaded.load(mails[:3]), loaded.load(mails[3:])

    for number, mail in enumerate(mails):
        content = (first if number < 3 else second)[mail.content_id]
        assert f"text {number}".encode() in loaded.message(mail, content, 0).data
    assert len(loaded._contents) == 2


def test_no_more_messages_are_made_ahead_than_memory_is_set_aside_for(spool):
    large = dataclasses.replace(CONTENT, text="x" * (letters.MADE_OCTETS // 2))
    spool(*(f"{name}@x.example" for name in "abcde"), content=large)
    mails = values.claimed(Mail.objects.order_by("id"))
    loaded = letters.Letters()
    contents = loaded.load(mails)
    made = loaded.messages([(mail, contents[mail.content_id]) for mail in mails], 0)
    assert [message.recipient for message in made] == ["a@x.example", "b@x.example"]


def message_ids(spool, **shown):
    """Of two mails of one content that shows these addresses, each made twice."""
    content = dataclasses.replace(CONTENT, **shown)
    spool("a@x.example", "b@x.example", content=content)
    found = []
    for mail in (mail for _ in range(2) for mail in values.claimed(Mail.objects.order_by("-id")[:2])):
        loaded = letters.Letters()
        data = loaded.message(mail, loaded.load([mail])[mail.content_id], 0).data
        found.append(next(line for line in data.split(b"\r\n") if line.startswith(b"Message-ID:")))
    return found[:2], found[2:]


def test_who_sees_each_other_in_a_message_has_it_under_one_message_id(spool):
    first, again = message_ids(spool, to=(("", "a@x.example"),), cc=(("", "b@x.example"),))
    assert first == again and len(set(first)) == 1
    other, _ = message_ids(spool, to=(("", "a@x.example"), ("", "b@x.example")))
    assert other[0] != first[0]


def test_personal_mails_have_message_ids_of_their_own(spool):
    first, again = message_ids(spool)
    assert first == again and len(set(first)) == 2
