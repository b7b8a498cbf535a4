"""Scenarios 20 to 22 of the handoff contract (§15): a real drain, a real SMTP server, and what the client polls."""

import email
import email.policy

import pytest
from django.utils import timezone

from earwig.models import ContactDetail
from spooling import attempts, routers, suppressions
from spooling.models import Mail, Router
from tests import drains, outbox_states, smtp_servers
from tests.smtp_scripts import Script, say
from tests.wires.handoff.clients import attempts_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(request, db):
    """Listens where the installation's mail leaves to; scripted by the test's `script` mark."""
    script = getattr(request, "param", None) or Script()
    with smtp_servers.Server(script) as running:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=running.port, tls="none")
        routers._table = None
        yield running
    routers._table = None


def tick():
    attempts.spool_due(timezone.now())
    attempts.collect(timezone.now())


def drain():
    drains.run("transactional")
    attempts.collect(timezone.now())


def message_to(server, address):
    data = next(each.data for each in server.accepted if each.recipient == address)
    return email.message_from_bytes(data, policy=email.policy.default)


def bodies_of(message):
    return [message.get_body([kind]).get_content().replace("\r\n", "\n") for kind in ("plain", "html")]


def test_handoff_20_a_tick_makes_it_pending_and_delivery_sent(settings, application, server, make_person):
    settings.HANDOFF_FROM = "Message hub <hub@earwig.example>"
    settings.PUBLIC_URL = "https://mail.earwig.example"
    settings.INBOUND_HOST = "in.earwig.example"
    settings.HANDOFF_LOGIN_URL = "https://site.example/login"
    person = make_person("ocd-person/1", "one@people.example", name="Jane <Roe> & Söhne")
    text = "Dear & <b>honoured</b> member,\n" + "long " * 200
    posted = application.hand_over(subject="Röad {{works}}", message=text, recipients=person.external_id)
    message_id = posted.json()["id"]
    tick()
    assert application.statuses(message_id) == ["pending"]
    drain()
    assert application.statuses(message_id) == ["sent"]
    mail = message_to(server, "one@people.example")
    (attempt,) = attempts_of(message_id)
    assert attempt.status == "sent"
    assert mail["From"] == "Message hub <hub@earwig.example>"
    assert mail["Subject"] == "You have 1 message(s)"
    link = mail["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"https://mail.earwig.example/flag/{attempt.pk}/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Reply-To"].startswith(f"reply+{attempt.recipient_id}-")
    assert mail["Reply-To"].endswith("@in.earwig.example")
    plain, html = bodies_of(mail)
    for shown in (
        "Jane <Roe> & Söhne",
        "Joe Bleu",
        "Röad {{works}}",
        text,
        link,
        "https://site.example/login",
    ):
        assert shown in plain
    for shown in ("Jane &lt;Roe&gt; &amp; Söhne", "Joe Bleu", "&lt;b&gt;honoured&lt;/b&gt;", link):
        assert shown in html
    assert "<b>honoured" not in html
    assert "whomever@example.com" not in str(mail)


def test_only_the_first_mail_explains_the_service(application, server, make_person):
    person = make_person("ocd-person/1", "one@people.example")
    for _ in range(2):
        application.hand_over(recipients=person.external_id)
        tick()
        drain()
    first, second = (
        bodies_of(email.message_from_bytes(each.data, policy=email.policy.default))[0]
        for each in server.accepted
    )
    assert "first mail" in first and "first mail" not in second


NO_SUCH_USER = Script(recipients={"one@people.example": {"rcpt": say("550 5.1.1 no such user")}})
POLICY = Script(recipients={"one@people.example": {"body": say("554 5.7.1 not welcome")}})


@pytest.mark.parametrize("server", [NO_SUCH_USER], indirect=True)
def test_handoff_21_a_bounced_address_makes_way_for_the_next(application, server, make_person):
    person = make_person("ocd-person/1", "one@people.example", "two@people.example")
    message_id = application.hand_over(recipients=person.external_id).json()["id"]
    tick()
    drain()
    assert application.statuses(message_id) == ["attempted"]
    assert [attempt.status for attempt in attempts_of(message_id)] == ["bad_data", "scheduled"]
    drain()
    assert application.statuses(message_id) == ["sent"]
    assert [attempt.status for attempt in attempts_of(message_id)] == ["bad_data", "sent"]
    assert server.recipients() == ["two@people.example"]


@pytest.mark.parametrize("server", [NO_SUCH_USER], indirect=True)
def test_handoff_21_with_a_single_address_the_row_expires(application, server, make_person):
    person = make_person("ocd-person/1", "one@people.example")
    message_id = application.hand_over(recipients=person.external_id).json()["id"]
    tick()
    drain()
    assert application.statuses(message_id) == ["expired"]


@pytest.mark.parametrize("server", [POLICY], indirect=True)
def test_a_refusal_of_policy_blocks_the_attempt(application, server, make_person):
    person = make_person("ocd-person/1", "one@people.example")
    message_id = application.hand_over(recipients=person.external_id).json()["id"]
    tick()
    drain()
    assert [attempt.status for attempt in attempts_of(message_id)] == ["blocked"]


TEMPORARY = Script(recipients={"one@people.example": {"rcpt": say("450 4.2.1 later")}})


@pytest.mark.parametrize("server", [TEMPORARY], indirect=True)
def test_a_deferred_mail_shows_as_attempted_and_can_still_be_sent(application, server, make_person):
    person = make_person("ocd-person/1", "one@people.example")
    message_id = application.hand_over(recipients=person.external_id).json()["id"]
    tick()
    drain()
    assert application.statuses(message_id) == ["attempted"]
    assert [attempt.status for attempt in attempts_of(message_id)] == ["retry"]
    server.script = Script()
    outbox_states.put(due_at=timezone.now())
    drain()
    assert application.statuses(message_id) == ["sent"]


def test_handoff_22_a_person_without_contacts_stops_nobody(application, server, make_person):
    good = make_person("ocd-person/1", "one@people.example")
    nobody = make_person("ocd-person/2")
    rubbish = make_person("ocd-person/3", "not an address", "a@b\r\nBcc: c@d.org")
    caller = make_person("ocd-person/4")
    ContactDetail.objects.create(person=caller, type="voice", value="+1 555 0100")
    people = (nobody, rubbish, good, caller)
    message_id = application.hand_over(recipients=[each.external_id for each in people]).json()["id"]
    tick()
    drain()
    assert application.statuses(message_id) == ["expired", "expired", "sent", "expired"]
    again = application.hand_over(recipients=good.external_id).json()["id"]
    tick()
    drain()
    assert application.statuses(again) == ["sent"]


def test_a_suppressed_address_counts_as_blocked_and_the_next_is_tried(
    application, account, server, make_person
):
    person = make_person("ocd-person/1", "one@people.example", "two@people.example")
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "ONE@people.example", reason="manual", source="test", now=timezone.now())
    message_id = application.hand_over(recipients=person.external_id).json()["id"]
    tick()
    drain()
    drain()
    assert [attempt.status for attempt in attempts_of(message_id)] == ["blocked", "sent"]
    assert server.recipients() == ["two@people.example"]


def test_a_removed_message_is_readable_and_never_delivered(application, server, person):
    message_id = application.hand_over(type="removed", recipients=person.external_id).json()["id"]
    tick()
    drain()
    assert application.statuses(message_id) == ["unscheduled"]
    assert not Mail.objects.exists()
