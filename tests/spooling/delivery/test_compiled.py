import dataclasses
import email
import email.policy

import pytest
from django.utils import timezone

from earwig.models import Domain
from spooling import errors, spoolers
from spooling.delivery import letters
from spooling.models import Content, ContentLink, Mail
from spooling.outbox import dialect, intake, moves, settlements, values
from spooling.outbox.drafts import Handling, NewContent, NewFile, NewMail
from stats.models import Event
from tests import made_letters

pytestmark = pytest.mark.django_db

WORKER = values.Worker(name="w", host="h", boot="b")
BASE = NewContent(
    from_email="shop@sender.example",
    from_name="Shop",
    subject="Hi {{firstname}}",
    text="Dear {{firstname}} of {{city}}, {{email}}",
    html="<p>{{firstname}} <a href='{{click:http://t.example/a?b=1&amp;c=2}}'>x</a>{{pixel}}</p>",
    headers=(("X-One", "base"), ("X-Two", "base")),
    variables={"city": "Basel", "firstname": "you"},
    template_language="braces",
    to_name="Dear {{firstname}}",
    files=(NewFile(name="a.txt", type="text/plain", data=b"a"),),
)


def message_of(accepted):
    return email.message_from_bytes(made_letters.of(accepted.id).data, policy=email.policy.default)


def body(message, kind):
    return message.get_body((kind,)).get_content().strip()


@pytest.fixture
def send(account):
    def call(content, address="ann@x.example", name="", variables=None, **more):
        mail = NewMail(email=address, name=name, variables=variables or {})
        submission = intake.NewSubmission(account_id=account.pk, wire="octosend")
        (accepted,) = intake.accept(
            submission, [intake.NewSend(content=content, mails=(mail,), **more)], now=timezone.now()
        )
        return accepted

    return call


def stored_base(send):
    send(BASE, "first@x.example")
    return Content.objects.get().pk


def test_a_mail_without_a_word_of_its_own_says_what_its_base_says(send):
    base = stored_base(send)
    own = NewContent(from_email="", template_language="braces", base_id=base)
    message = message_of(send(own, variables={"firstname": "Ann"}))
    assert message["Subject"] == "Hi Ann"
    assert message["From"] == "Shop <shop@sender.example>"
    assert message["To"] == "Dear Ann <ann@x.example>"
    assert body(message, "plain") == "Dear Ann of Basel, ann@x.example"
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.txt"]


def test_own_bodies_replace_all_bodies_and_files_and_own_headers_win(send):
    base = stored_base(send)
    own = NewContent(
        from_email="",
        subject="Other",
        text="Only {{city}}",
        headers=(("x-two", "own"),),
        variables={"city": "Bern"},
        template_language="braces",
        base_id=base,
    )
    message = message_of(send(own))
    assert message["Subject"] == "Other"
    assert message.get_content_type() == "text/plain" and body(message, "plain") == "Only Bern"
    assert (message["X-One"], message.get_all("X-Two")) == ("base", ["own"])


def test_a_mails_own_values_win_over_its_contents_and_email_is_the_recipient_unless_said(send):
    assert "of Olten, me" in body(message_of(send(BASE, variables={"city": "Olten", "email": "me"})), "plain")
    assert "of Basel, ann@x.example" in body(message_of(send(BASE)), "plain")


def test_in_smarty_the_recipient_the_envelopes_sender_and_the_page_are_values_by_themselves(send):
    content = NewContent(
        from_email="shop@sender.example",
        subject="{$recipient}",
        text="{$recipient} {$envelope|default:'none'} {if $webversion}{$webversion}{/if} {$city|upper}",
        html="<a href='{$webversion}'>{$recipient}</a>",
        headers=(("X-To", "{$recipient}"),),
        template_language="smarty",
        variables={"city": "Basel"},
    )
    message = message_of(send(content))
    assert (message["Subject"], message["X-To"]) == ("ann@x.example", "ann@x.example")
    said = body(message, "plain").split()
    assert said[:2] == ["ann@x.example", "none"] and said[3] == "BASEL"
    assert said[2].startswith("http") and "/t/m/" in said[2]
    assert "<a href='" + said[2] + "'>ann@x.example</a>" in body(message, "html")
    asked = dataclasses.replace(content, handling=Handling(envelope_sender="back@sender.example"))
    assert body(message_of(send(asked)), "plain").split()[1] == "back@sender.example"


def test_a_name_template_that_comes_out_empty_leaves_the_mails_own_name(send):
    named = dataclasses.replace(BASE, to_name="{{nickname}}")
    assert message_of(send(named, name="Ann Own"))["To"] == "Ann Own <ann@x.example>"


def test_a_mail_whose_base_is_gone_or_erased_is_not_sent(send):
    base = stored_base(send)
    accepted = send(NewContent(from_email="", template_language="braces", base_id=base))
    Content.objects.filter(pk=base).update(erased_at=timezone.now(), text="", html="", from_email="")
    (claimed,) = values.claimed(Mail.objects.filter(public_id=accepted.public_id))
    loaded = letters.Letters()
    content = loaded.load([claimed])[claimed.content_id]
    assert content.erased
    with pytest.raises(errors.ContentUnusable):
        loaded.message(claimed, content, 0)


def test_numbers_of_links_are_stored_once_and_stay_whatever_loads_them(send):
    accepted = send(BASE)
    first = body(message_of(accepted), "html")
    assert list(ContentLink.objects.values_list("number", "kind", "target")) == [
        (1, "click", "http://t.example/a?b=1&c=2")
    ]
    assert body(message_of(accepted), "html") == first
    assert ContentLink.objects.count() == 1


def test_an_untracked_content_leads_straight_to_its_targets_and_shows_no_picture(send):
    plain = dataclasses.replace(BASE, tracked=False, html=BASE.html + "{{unsubscribe}}")
    shown = body(message_of(send(plain)), "html")
    assert "href='http://t.example/a?b=1&amp;c=2'" in shown
    assert "<img" not in shown and "/t/u/" in shown


def test_links_lead_to_the_tracking_host_of_the_mails_domain(send, account, settings):
    domain = Domain.objects.create(account=account, name="sender.example", tracking_host="go.sender.example")
    assert "href='https://go.sender.example/t/c/" in body(message_of(send(BASE, domain_id=domain.pk)), "html")
    assert f"href='{settings.TRACKING_URL}/t/c/" in body(message_of(send(BASE)), "html")


def test_links_work_in_header_values_and_show_nothing_in_a_subject(send):
    linked = dataclasses.replace(
        BASE, subject="a{{unsubscribe}}b", headers=(("List-Unsubscribe", "<{{unsubscribe}}>"),)
    )
    message = message_of(send(linked, lane="bulk"))
    assert message["Subject"] == "ab"
    assert message["List-Unsubscribe"].startswith("<http") and "/t/u/" in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] is None


def test_mail_of_the_bulk_lane_alone_offers_to_unsubscribe_by_one_click(send):
    message = message_of(send(BASE, lane="bulk"))
    assert message["List-Unsubscribe"].startswith("<http") and "/t/u/" in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message_of(send(BASE))["List-Unsubscribe"] is None


def test_an_example_is_the_message_with_links_that_lead_nowhere(send, settings):
    made = letters.example(BASE, NewMail(email="ann@x.example"), domain_id=None, at=0)
    message = email.message_from_bytes(made, policy=email.policy.default)
    assert message["Subject"] == "Hi you" and f"{settings.TRACKING_URL}/t/c/AAAA" in body(message, "html")
    assert b"a.txt" in made
    assert not ContentLink.objects.exists()
    with pytest.raises(errors.ContentUnusable):
        letters.example(NewContent(from_email=""), NewMail(email="b@x.example"), domain_id=None, at=0)


def test_the_moves_of_drafts_leave_no_events(account, send):
    spooler = spoolers.of_drafts(account.pk, None)
    mail = NewMail(email="ann@x.example")
    submission = intake.NewSubmission(account_id=account.pk, wire="octosend")
    sends = [intake.NewSend(content=BASE, mails=(mail,), spooler_id=spooler.pk)]
    intake.accept(submission, sends, now=timezone.now())
    moves.cancel(Mail.objects.get(), now=timezone.now())
    assert Mail.objects.get().state == "cancelled" and not Event.objects.exists()


def test_the_settlement_of_drafts_leaves_no_events(account, send):
    spooler = spoolers.of_drafts(account.pk, None)
    send(BASE, spooler_id=spooler.pk)
    order = values.Order(lane="transactional", provider="other", worker=WORKER, size=10, lease_seconds=60)
    batch = dialect.current().claim(order, timezone.now())
    spooled = Event.objects.count()
    results = [
        values.Result(mail.id, batch.claim_id, "delivered", "delivered", 250, "ok", 1) for mail in batch.mails
    ]
    assert settlements.settle(results, router_id=None, router_name="", now=timezone.now()) == 1
    assert Event.objects.count() == spooled
