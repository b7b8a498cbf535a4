"""Sends that need another service: the webhook and the remote identity store, both real servers on loopback."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from earwig import sealing
from spooling import routers
from spooling.models import (
    BinaryContent,
    JobRequest,
    Mail,
    Resend,
    Router,
    SendFailure,
    StageMessage,
    Subscription,
)
from spooling.stages import calls, requests, web_calls
from stats import metrics

from .conftest import NOON, RUN

pytestmark = pytest.mark.django_db(transaction=True)


class Service:
    """Answers `status` and `document`, bytes as they are, to everything, and remembers what it was asked."""

    def __init__(self):
        self.status, self.document, self.headers, self.before = 201, {"id": "outbound-1"}, {}, lambda: None
        self.asked = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                document = json.loads(body) if body else None
                service.asked.append((self.path, self.headers.get("Authorization"), document))
                service.before()
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                answer = service.document
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def service():
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def webhook(account, service):
    return Router.objects.create(
        account=account, name="hub", kind="webhook", url=service.url, password_sealed=sealing.seal("s3cret")
    )


@pytest.fixture
def sms(message_set, webhook):
    """The set goes by the webhook."""
    message_set.channel = "sms"
    message_set.save()
    return message_set


@pytest.fixture
def store(settings, service):
    settings.IDENTITY_STORE_URL = service.url
    settings.IDENTITY_STORE_TOKEN = "store-token"
    service.document = {"results": [{"address": "remote@people.example"}]}
    return service


@pytest.fixture
def call(work):
    """Call to have everything worked off, calls too."""

    def run(now=NOON):
        work(now)
        calls.work(now=now, seconds=10)

    return run


def number(subscription):
    subscription.refresh_from_db()
    return subscription.next_sequence_number


def test_a_message_of_a_channel_is_posted_as_the_original_did(subscription, sms, service, call):
    StageMessage.objects.update(metadata={"template": "t"})
    requests.ask_send(subscription, now=NOON)
    call()
    assert service.asked == [
        (
            "/outbound/",
            "Token s3cret",
            {
                "to_addr": "ann@people.example",
                "to_identity": "ann@people.example",
                "delivered": "false",
                "resend": "false",
                "channel": "sms",
                "content": "text 1 eng_ZA",
                "metadata": {"template": "t"},
            },
        )
    ]
    assert number(subscription) == 2
    assert subscription.locked_until is None
    assert JobRequest.objects.get().result == {"outcome": "sent"}
    assert Mail.objects.count() == 0


def test_audio_and_images_are_posted_as_links(account, subscribe, sms, make_set, service, call, settings):
    file = BinaryContent.objects.create(account=account, name="f.bin", type="audio/mpeg", data=b"a")
    StageMessage.objects.update(binary_content=file)
    audio = make_set("audio", 1, content_type="audio", channel="voice")
    StageMessage.objects.filter(messageset=audio).update(binary_content=file, text_content=None)
    requests.ask_send(subscribe(), now=NOON)
    requests.ask_send(subscribe(messageset=audio, metadata={"prepend_next_delivery": "http://p/"}), now=NOON)
    call()
    url = f"{settings.PUBLIC_URL}/media/f.bin"
    documents = {document["channel"]: document for _, _, document in service.asked}
    assert documents["sms"]["metadata"] == {"image_url": url}
    assert documents["voice"]["metadata"] == {"voice_speech_url": ["http://p/", url]}
    assert "content" not in documents["voice"]


def test_a_run_posts_each_message_once(subscribe, sms, service, tick, call, texts):
    for _ in range(5):
        subscribe()
    tick()
    call(RUN)
    call(RUN)
    assert len(service.asked) == 5
    assert set(Subscription.objects.values_list("next_sequence_number", flat=True)) == {2}
    assert texts() == []


def test_a_service_that_fails_is_asked_again_five_times_then_a_failure_stays(
    account, subscribe, sms, service, call
):
    subscription = subscribe(metadata={"prepend_next_delivery": "Welcome"})
    service.status = 503
    job = requests.ask_send(subscription, now=NOON)
    for hours in range(0, 60, 5):
        call(NOON + timedelta(hours=hours))
    assert len(service.asked) == 6
    job.refresh_from_db()
    assert (job.state, SendFailure.objects.get().reason) == ("failed", "The service answered 503.")
    assert number(subscription) == 1
    assert (subscription.process_status, subscription.locked_until) == (0, None)
    assert subscription.metadata == {"prepend_next_delivery": "Welcome"}
    assert metrics.values(account.pk)["sbm.send_next_message.http_error.503.sum"] == 6
    service.status = 201
    end = NOON + timedelta(days=4)
    requests.ask_requeue(account.pk, now=end)
    call(end)
    call(end)
    assert SendFailure.objects.count() == 0
    assert service.asked[-1][2]["content"] == "Welcome\ntext 1 eng_ZA"
    assert number(subscription) == 2


def test_a_redirect_is_not_followed(subscription, sms, service, call):
    service.status, service.headers = 302, {"Location": service.url + "/elsewhere"}
    requests.ask_send(subscription, now=NOON)
    call()
    assert [path for path, _, _ in service.asked] == ["/outbound/"]
    assert number(subscription) == 1


def test_a_service_that_is_silent_times_out(subscription, sms, service, call, monkeypatch, account):
    monkeypatch.setattr(web_calls, "TIME_OUT_SECONDS", 0.2)
    released = threading.Event()
    service.before = lambda: released.wait(5)
    requests.ask_send(subscription, now=NOON)
    call()
    released.set()
    assert metrics.values(account.pk)["sbm.send_next_message.timeout.sum"] == 1


@pytest.mark.parametrize(
    "answer", [b"[" * 100_000, b'{"id": "\\u0000\\ud800"}', b'{"id": ' + b"9" * 5000 + b"}"]
)
def test_what_no_id_can_be_read_from_was_handed_over_all_the_same(subscription, sms, service, call, answer):
    service.document = answer
    Subscription.objects.update(next_sequence_number=2)
    subscription.refresh_from_db()
    requests.ask_resend(subscription, now=NOON)
    call()
    requests.ask_send(subscription, now=NOON)
    call()
    assert [document["content"] for _, _, document in service.asked] == ["text 1 eng_ZA", "text 2 eng_ZA"]
    assert Resend.objects.get().outbound_id == ""


def test_without_a_webhook_the_failure_is_seen_at_once(subscription, sms, webhook, call):
    webhook.delete()
    requests.ask_send(subscription, now=NOON)
    call()
    assert SendFailure.objects.get().reason == calls.NO_WEBHOOK
    assert number(subscription) == 1


def test_the_installations_webhook_serves_who_has_none_and_a_strangers_does_not(
    subscription, sms, webhook, service, call, other_account
):
    Router.objects.update(account=other_account)
    requests.ask_send(subscription, now=NOON)
    call()
    assert service.asked == []
    Router.objects.update(account=None)
    requests.ask_send(subscription, now=NOON)
    call()
    assert len(service.asked) == 1


def test_mail_never_takes_a_webhook(webhook, monkeypatch):
    Router.objects.update(default=True)
    monkeypatch.setattr(routers, "_table", None)
    assert webhook.pk not in routers.table().destinations


def test_who_is_deactivated_while_the_call_runs_moves_on_but_stays_inactive(subscription, sms, service, call):
    service.before = lambda: Subscription.objects.update(active=False)
    requests.ask_send(subscription, now=NOON)
    call()
    assert number(subscription) == 2
    assert subscription.active is False


def test_a_number_that_is_patched_while_the_call_runs_stays(subscription, sms, service, call):
    service.before = lambda: Subscription.objects.update(next_sequence_number=3)
    requests.ask_send(subscription, now=NOON)
    call()
    assert number(subscription) == 3


def test_a_second_send_while_the_call_runs_is_dropped(subscription, sms, service, call, work):
    requests.ask_send(subscription, now=NOON)
    work()

    def again():
        requests.ask_send(subscription, now=NOON)
        work()

    service.before = again
    calls.work(now=NOON, seconds=10)
    call()
    assert len(service.asked) == 1
    assert number(subscription) == 2


def test_what_a_dead_process_had_taken_is_taken_up_again(subscription, sms, service, call, work, settings):
    requests.ask_send(subscription, now=NOON)
    work()
    calls._take(NOON)
    call(NOON + timedelta(seconds=settings.SUBSCRIPTION_LOCK_TIMEOUT - 1))
    assert service.asked == []
    call(NOON + timedelta(seconds=settings.SUBSCRIPTION_LOCK_TIMEOUT + 1))
    assert len(service.asked) == 1
    assert number(subscription) == 2


def test_a_resend_says_so_and_keeps_the_id_it_was_given(subscription, sms, service, call):
    Subscription.objects.update(next_sequence_number=3)
    requests.ask_resend(subscription, now=NOON)
    call()
    assert service.asked[0][2]["resend"] == "true"
    assert service.asked[0][2]["content"] == "text 2 eng_ZA"
    assert Resend.objects.get().outbound_id == "outbound-1"
    assert number(subscription) == 3


def test_a_resend_waits_for_a_call_under_way(subscription, sms, service, call, work):
    requests.ask_send(subscription, now=NOON)

    def resend():
        service.before = lambda: None
        requests.ask_resend(subscription, now=NOON)
        work()

    service.before = resend
    call()
    assert len(service.asked) == 1
    call(NOON + timedelta(seconds=301))
    assert [document["resend"] for _, _, document in service.asked] == ["false", "true"]
    assert service.asked[1][2]["content"] == "text 1 eng_ZA"


def test_a_dry_set_posts_nothing_and_moves_on(subscription, sms, service, call, settings):
    settings.DRY_RUN_MESSAGESETS = [sms.pk]
    requests.ask_send(subscription, now=NOON)
    call()
    assert service.asked == []
    assert number(subscription) == 2


class TestStore:
    def test_it_is_asked_for_who_is_not_known_here(self, subscribe, store, tick, call, texts):
        subscribe("0c03d360-1111")
        subscribe("known@people.example")
        tick()
        call(RUN)
        assert sorted(to for to, _ in texts()) == ["known@people.example", "remote@people.example"]
        path, token, _ = store.asked[0]
        assert len(store.asked) == 1
        assert path == ("/identities/0c03d360-1111/addresses/email?default=True&use_communicate_through=True")
        assert token == "Token store-token"

    def test_who_it_has_no_address_for_stops(self, subscribe, store, call):
        store.document = {"results": []}
        subscription = subscribe("unknown")
        requests.ask_send(subscription, now=NOON)
        call()
        subscription.refresh_from_db()
        assert (subscription.process_status, subscription.locked_until) == (-1, None)

    def test_whom_it_does_not_know_stops(self, subscribe, store, call):
        store.status = 404
        subscription = subscribe("unknown")
        requests.ask_send(subscription, now=NOON)
        call()
        subscription.refresh_from_db()
        assert subscription.process_status == -1

    @pytest.mark.parametrize("answer", [b"[" * 100_000, b'{"results": [{"address": "\\u0000a@b.example"}]}'])
    def test_an_answer_that_is_no_sense_is_a_failure(self, subscribe, store, call, account, answer):
        store.document = answer
        requests.ask_send(subscribe("known-to-the-store"), now=NOON)
        call()
        assert metrics.values(account.pk)["sbm.send_next_message.http_error.500.sum"] == 1

    def test_its_failure_is_tried_again(self, subscribe, store, call, texts):
        store.status = 500
        requests.ask_send(subscribe("unknown"), now=NOON)
        call()
        store.status = 200
        call(NOON + timedelta(minutes=10))
        assert len(texts()) == 1

    def test_the_webhook_gets_the_address_that_it_knows(self, subscribe, store, sms, call):
        requests.ask_send(subscribe("unknown"), now=NOON)
        call()
        assert [path.partition("?")[0] for path, _, _ in store.asked] == [
            "/identities/unknown/addresses/email",
            "/outbound/",
        ]
        assert store.asked[1][2]["to_addr"] == "remote@people.example"
