"""One send of one subscription, step by step (Seed contract §5.2, scenarios 14 to 20)."""

from datetime import timedelta

import pytest

from earwig.models import ContactDetail
from spooling import suppressions
from spooling.models import (
    BinaryContent,
    JobRequest,
    Mail,
    SendFailure,
    StageMessage,
    Subscription,
)
from spooling.stages import requests
from stats import metrics
from templates_app.models import Template, TemplateVersion

from .conftest import NOON

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def send(work):
    """Call to ask for a send and have it worked off."""

    def call(subscription, now=LATER):
        subscription.refresh_from_db()
        job = requests.ask_send(subscription, now=now)
        work(now)
        subscription.refresh_from_db()
        job.refresh_from_db()
        return job

    return call


def position(subscription):
    subscription.refresh_from_db()
    return (
        subscription.next_sequence_number,
        subscription.active,
        subscription.completed,
        subscription.process_status,
    )


def test_a_send_hands_over_the_next_message_and_moves_one_on(subscription, send, texts):
    job = send(subscription)
    assert texts() == [("ann@people.example", "text 1 eng_ZA")]
    assert position(subscription) == (2, True, False, 0)
    assert subscription.updated_at == LATER
    assert (job.state, job.result) == ("done", {"outcome": "sent"})


def test_the_mail_has_the_sets_label_as_its_subject_and_goes_with_bulk(subscription, send, settings):
    send(subscription)
    mail = Mail.objects.select_related("content").get()
    assert mail.content.subject == "The first set"
    assert mail.content.from_email == settings.HANDOFF_FROM
    assert (mail.content.template_language, mail.content.language, mail.lane) == ("plain", "eng_ZA", "bulk")


def test_a_prepend_stands_before_the_text_once_and_its_key_stays(subscribe, send, texts):
    subscription = subscribe(metadata={"prepend_next_delivery": "Welcome", "other": [1]})
    send(subscription)
    assert texts()[0][1] == "Welcome\ntext 1 eng_ZA"
    assert subscription.metadata == {"prepend_next_delivery": None, "other": [1]}
    send(subscription)
    assert texts()[1][1] == "text 2 eng_ZA"
    assert subscription.metadata == {"prepend_next_delivery": None, "other": [1]}


def test_the_last_message_completes_and_begins_the_next_set(subscription, send, next_set, texts):
    for _ in range(3):
        send(subscription)
    assert position(subscription) == (3, False, True, 2)
    following = Subscription.objects.get(messageset=next_set)
    assert (following.identity, following.lang) == (subscription.identity, "eng_ZA")
    assert following.schedule == next_set.default_schedule
    assert (following.next_sequence_number, following.initial_sequence_number) == (1, 1)
    assert (following.version, following.metadata, following.active) == (1, None, True)
    assert len(texts()) == 3


def test_a_fourth_send_does_nothing(subscription, send, texts):
    for _ in range(4):
        job = send(subscription)
    assert len(texts()) == 3
    assert Subscription.objects.count() == 2
    assert job.result == {"outcome": "skipped"}


@pytest.mark.parametrize("status", [1, -2, 5, -1])
def test_only_a_ready_subscription_is_sent(subscription, send, texts, status):
    Subscription.objects.update(process_status=status)
    send(subscription)
    assert texts() == []
    Subscription.objects.update(process_status=0)
    send(subscription)
    assert len(texts()) == 1


def test_without_an_address_it_stops_until_somebody_makes_it_ready(
    account, subscribe, send, make_person, texts
):
    subscription = subscribe("identity-without-address")
    send(subscription)
    assert position(subscription)[3] == -1
    assert metrics.values(account.pk)["subscriptions.send_next_message_errored.sum"] == 1
    make_person("identity-without-address", "found@people.example")
    Subscription.objects.update(process_status=0)
    send(subscription)
    assert texts() == [("found@people.example", "text 1 eng_ZA")]


def test_a_language_without_messages_sends_nothing_and_shows_a_failure(subscribe, send, texts):
    subscription = subscribe(lang="xho_ZA")
    send(subscription)
    send(subscription)
    assert texts() == []
    assert position(subscription) == (1, True, False, 0)
    assert SendFailure.objects.get().reason == "No message 1 in xho_ZA."


def test_a_gap_is_passed_over_and_the_highest_number_completes(make_set, subscribe, send, texts):
    gapped = make_set("gaps", 2, 5, 9)
    subscription = subscribe(messageset=gapped)
    send(subscription)
    assert position(subscription)[0] == 5
    Subscription.objects.update(next_sequence_number=6)
    send(subscription)
    assert position(subscription) == (6, False, True, 2)
    assert [text for _, text in texts()] == ["text 2 eng_ZA", "text 9 eng_ZA"]


def test_a_number_beyond_the_set_fails_and_moves_nothing(subscribe, send):
    subscription = subscribe(next_sequence_number=4)
    send(subscription)
    assert position(subscription) == (4, True, False, 0)
    assert SendFailure.objects.count() == 1


def test_a_set_that_follows_itself_starts_again(make_set, subscribe, send):
    endless = make_set("endless", 1)
    endless.next_set = endless
    endless.save()
    send(subscribe(messageset=endless))
    assert Subscription.objects.filter(messageset=endless).count() == 2
    assert Subscription.objects.ready().filter(messageset=endless).count() == 1


def test_several_requests_before_the_first_is_worked_send_once(subscription, work, texts):
    for _ in range(5):
        requests.ask_send(subscription, now=NOON)
    work()
    assert len(texts()) == 1
    assert position(subscription)[0] == 2
    outcomes = [job.result["outcome"] for job in JobRequest.objects.order_by("id")]
    assert outcomes == ["sent"] + 4 * ["skipped"]


def test_who_is_deactivated_after_the_request_gets_nothing(subscription, work, texts):
    requests.ask_send(subscription, now=NOON)
    Subscription.objects.update(active=False)
    work()
    assert texts() == []


def test_a_request_for_a_number_that_somebody_changed_sends_nothing(subscription, work, texts):
    requests.ask_send(subscription, now=NOON)
    Subscription.objects.update(next_sequence_number=3)
    work()
    assert texts() == []


def test_a_deleted_subscription_ends_its_requests(subscription, work, texts):
    requests.ask_send(subscription, now=NOON)
    Subscription.objects.all().delete()
    work()
    assert texts() == []
    assert JobRequest.objects.get().state == "done"


class TestAddresses:
    def test_contact_then_metadata_then_the_identity_itself(self, subscribe, send, make_person, texts):
        make_person("id-1", "contact@people.example")
        send(subscribe("id-1", metadata={"email": "meta@people.example"}))
        send(subscribe("id-2", metadata={"email": "meta@people.example"}))
        send(subscribe("self@people.example", metadata={"email": "no address"}))
        assert [to for to, _ in texts()] == [
            "contact@people.example",
            "meta@people.example",
            "self@people.example",
        ]

    def test_another_accounts_person_is_nobody(self, subscribe, send, make_person, other_account, texts):
        make_person("id-1", "theirs@people.example", of=other_account)
        subscription = subscribe("id-1")
        send(subscription)
        assert texts() == []
        assert position(subscription)[3] == -1

    def test_a_blocked_contact_is_no_address_wherever_it_is_named(self, subscribe, send, make_person, texts):
        make_person("id-1", "Gone@people.example")
        ContactDetail.objects.update(blocked=True, reason="staff")
        subscription = subscribe("id-1", metadata={"email": "gone@people.example"})
        send(subscription)
        assert texts() == []
        assert position(subscription)[3] == -1

    def test_a_suppressed_address_is_none(self, account, subscription, send, texts):
        scope = suppressions.Scope(account_id=account.pk)
        suppressions.suppress(scope, "ann@people.example", reason="unsubscribe", source="test", now=NOON)
        send(subscription)
        assert texts() == []
        assert position(subscription)[3] == -1

    def test_the_second_contact_serves_when_the_first_is_suppressed(
        self, account, subscribe, send, make_person, texts
    ):
        make_person("id-1", "first@people.example", "second@people.example")
        scope = suppressions.Scope(account_id=account.pk)
        suppressions.suppress(scope, "first@people.example", reason="manual", source="test", now=NOON)
        send(subscribe("id-1"))
        assert texts()[0][0] == "second@people.example"


class TestContents:
    @pytest.fixture
    def file(self, account):
        def make(type_="image/png", data=b"\x89PNG"):
            return BinaryContent.objects.create(account=account, name="20260302.bin", type=type_, data=data)

        return make

    def test_a_small_image_goes_with_the_mail(self, subscription, send, file):
        StageMessage.objects.update(binary_content=file())
        send(subscription)
        content = Mail.objects.get().content
        assert content.text == "text 1 eng_ZA"
        assert 'src="cid:image"' in content.html
        assert bytes(content.files.get().attachment.data) == b"\x89PNG"

    def test_a_large_image_is_linked(self, subscription, send, file, settings):
        StageMessage.objects.update(binary_content=file(data=bytes(200_000)))
        send(subscription)
        content = Mail.objects.get().content
        assert f"{settings.PUBLIC_URL}/media/20260302.bin" in content.html
        assert content.files.count() == 0

    def test_an_audio_message_is_a_link_after_its_prepend(self, make_set, subscribe, send, file, settings):
        audio = make_set("audio", 1, content_type="audio")
        StageMessage.objects.update(binary_content=file("audio/mpeg"))
        send(subscribe(messageset=audio, metadata={"prepend_next_delivery": "http://intro.example/a.mp3"}))
        url = f"{settings.PUBLIC_URL}/media/20260302.bin"
        assert Mail.objects.get().content.text == f"http://intro.example/a.mp3\n{url}\n"

    def test_text_in_an_audio_set_fails_and_moves_nothing(self, make_set, subscribe, send):
        subscription = subscribe(messageset=make_set("audio", 1, content_type="audio"))
        send(subscription)
        assert position(subscription) == (1, True, False, 0)
        assert "no file" in SendFailure.objects.get().reason

    def test_template_characters_in_a_text_stay(self, subscription, send, texts):
        StageMessage.objects.update(text_content="{{name}} {% x %} {a}")
        send(subscription)
        assert texts()[0][1] == "{{name}} {% x %} {a}"

    def test_the_messages_own_subject_comes_first(self, subscription, send):
        StageMessage.objects.update(metadata={"subject": "Week one"})
        send(subscription)
        assert Mail.objects.get().content.subject == "Week one"

    def test_a_set_that_may_not_send_from_its_address_fails(self, subscription, send, message_set):
        message_set.from_address = "no address"
        message_set.save()
        send(subscription)
        assert "From address" in SendFailure.objects.get().reason
        assert position(subscription) == (1, True, False, 0)


def test_a_message_may_name_a_template(account, subscribe, send, make_person, message_set):
    template = Template.objects.create(account=account, name="weekly", language="liquid")
    TemplateVersion.objects.create(template=template, number=1, subject="old", text="old")
    TemplateVersion.objects.create(
        template=template, number=2, subject="Hello {{ name }}", text="{{ prepend }} {{ clinic }}"
    )
    StageMessage.objects.update(template=template, text_content=None, metadata={"week": 3})
    make_person("id-1", "ann@people.example", name="Ann", attributes={"clinic": "one", "week": 1})
    send(subscribe("id-1", metadata={"clinic": "two", "prepend_next_delivery": "Welcome"}))
    mail = Mail.objects.get()
    assert (mail.content.subject, mail.content.template_language) == ("Hello {{ name }}", "liquid")
    assert mail.name == "Ann"
    shown = {"name": "Ann", "clinic": "two", "prepend": "Welcome", "identity": "id-1", "lang": "eng_ZA"}
    assert shown.items() <= mail.variables.items()
    assert mail.variables["week"] == 3


def test_a_dry_set_does_everything_but_the_hand_over(
    account, subscription, send, message_set, settings, texts
):
    settings.DRY_RUN_MESSAGESETS = [message_set.pk]
    send(subscription)
    assert texts() == []
    assert position(subscription)[0] == 2
    assert "message.text.sum" not in metrics.values(account.pk)


def test_what_is_handed_over_and_created_is_counted(account, subscription, send):
    for _ in range(3):
        send(subscription)
    values = metrics.values(account.pk)
    assert values["message.text.sum"] == values["message.text.M1.sum"] == 3
    assert values["subscriptions.created.sum"] == 2
    assert (
        values["subscriptions.message_set.M1.sum"] == values["subscriptions.message_set.M2.total.last"] == 1
    )
    assert values["subscriptions.language.eng_ZA.sum"] == values["subscriptions.message_format.text.sum"] == 2


def test_an_account_at_its_limit_is_tried_again_and_its_prepend_kept(account, subscribe, send, work, texts):
    account.mails_per_hour = 0
    account.save()
    subscription = subscribe(metadata={"prepend_next_delivery": "Welcome"})
    job = send(subscription)
    assert (job.state, job.tries, texts()) == ("waiting", 1, [])
    account.mails_per_hour = None
    account.save()
    work(LATER + timedelta(minutes=7))
    assert texts()[0][1] == "Welcome\ntext 1 eng_ZA"


def test_after_five_retries_a_failure_is_kept_and_requeued_on_request(
    account, subscription, send, work, texts
):
    account.mails_per_hour = 0
    account.save()
    job = send(subscription)
    for hours in range(1, 6):
        work(LATER + timedelta(hours=5 * hours))
    job.refresh_from_db()
    assert (job.state, job.tries) == ("failed", 6)
    assert SendFailure.objects.get().reason == "The account's sending limit is reached."
    assert position(subscription) == (1, True, False, 0)
    account.mails_per_hour = None
    account.save()
    end = LATER + timedelta(hours=40)
    requests.ask_requeue(account.pk, now=end)
    work(end)
    work(end)
    assert SendFailure.objects.count() == 0
    assert len(texts()) == 1


def test_a_text_that_no_mail_can_be_made_of_is_a_failure_and_nothing_moves(subscription, send, texts):
    StageMessage.objects.filter(messageset=subscription.messageset).update(
        text_content="x" * (1024 * 1024 + 1)
    )
    job = send(subscription)
    assert texts() == []
    assert position(subscription) == (1, True, False, 0)
    assert job.state == "failed"
    assert "larger than allowed" in SendFailure.objects.get().reason


@pytest.mark.parametrize("ask", [requests.ask_measure, requests.ask_find_behind, requests.ask_estimate])
def test_what_is_asked_for_again_before_it_began_is_one_job(account, other_account, ask):
    first = ask(account.pk, now=NOON)
    assert ask(account.pk, now=LATER) == first
    assert ask(other_account.pk, now=NOON) != first
    JobRequest.objects.filter(pk=first.pk).update(state="running")
    assert ask(account.pk, now=LATER) != first
