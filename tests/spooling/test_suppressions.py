from collections import namedtuple
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import domains
from earwig.errors import InvalidAddress
from spooling import spoolers, suppressions
from spooling.models import Suppression
from spooling.models.suppressions import SuppressionReason
from stats.models import Event

Recipient = namedtuple("Recipient", "account_id email lane domain_id", defaults=[None])
pytestmark = pytest.mark.django_db


def suppress(address, account_id=None, **changes):
    scope = suppressions.Scope(account_id=account_id, stream=changes.pop("stream", ""))
    return suppressions.suppress(scope, address, reason="manual", source="test", now=timezone.now())


def reason(email, account_id, lane="bulk"):
    return suppressions.reasons([Recipient(account_id, email, lane)], now=timezone.now())[0]


@pytest.mark.parametrize("spelling", ["Ann@Example.ORG", "ann@example.org", "ANN@EXAMPLE.ORG"])
def test_all_spellings_of_an_address_are_one(account, spelling):
    suppress("ann@example.org", account.pk)

    assert reason(spelling, account.pk) == "manual"
    assert reason("bob@example.org", account.pk) is None


def test_an_idn_domain_is_suppressed_in_both_its_forms(account):
    suppress("ann@bücher.example", account.pk)

    assert reason("ann@xn--bcher-kva.example", account.pk) == "manual"


def test_a_suppression_holds_in_its_account_and_one_without_account_everywhere(account, other_account):
    suppress("ann@example.org", account.pk)
    suppress("bob@example.org")

    assert reason("ann@example.org", other_account.pk) is None
    assert reason("bob@example.org", account.pk) == reason("bob@example.org", other_account.pk) == "manual"


def test_a_suppression_of_one_stream_leaves_the_other_alone(account):
    suppress("ann@example.org", account.pk, stream="bulk")

    assert reason("ann@example.org", account.pk, "bulk") == "manual"
    assert reason("ann@example.org", account.pk, "transactional") is None


def test_a_suppression_of_one_sending_domain_leaves_the_others_alone(account):
    shop, news = (
        domains.add(account, name=f"{name}.example", now=timezone.now()) for name in ("shop", "news")
    )
    scope = suppressions.Scope(account_id=account.pk, domain="Shop.example")
    suppressions.suppress(scope, "ann@example.org", reason="manual", source="test", now=timezone.now())
    mails = [Recipient(account.pk, "ann@example.org", "bulk", pk) for pk in (shop.pk, news.pk, None)]

    assert suppressions.reasons(mails, now=timezone.now()) == ["manual", None, None]


@pytest.mark.parametrize(
    "address", ["", " ", "ann", "ann@", "@example.org", "ann@localhost", "a b@example.org"]
)
def test_what_is_no_address_is_not_suppressed(account, address):
    with pytest.raises(InvalidAddress):
        suppress(address, account.pk)

    assert not Suppression.objects.exists()


def test_an_address_is_stored_as_the_outbox_stores_it(account):
    assert suppress("Ann@BÜCHER.example", account.pk).address == "Ann@xn--bcher-kva.example"


def occasion(account_id, spooler_id=1):
    return suppressions.Occasion(
        account_id=account_id,
        domain_id=None,
        spooler_id=spooler_id,
        mail_id=1,
        destination="localhost",
        provider="other",
        router="out",
        lane="bulk",
        email="ann@localhost",
    )


def test_a_refused_address_is_suppressed_as_it_was_sent_to(account):
    refusal = suppressions.Refusal(occasion=occasion(account.pk), stage="rcpt", code=550, enhanced="5.1.1")
    suppressions.note_refusals([refusal], now=timezone.now())

    assert reason("ann@localhost", account.pk) == "hard_bounce"
    (told,) = Event.objects.all()
    assert (told.kind, told.mail_id, told.detail) == ("suppressed", 1, {"reason": "hard_bounce"})

    suppressions.note_refusals([refusal], now=timezone.now())
    assert Event.objects.count() == 1


def test_what_a_draft_teaches_holds_and_no_event_tells_it(account):
    drafts = spoolers.of_drafts(account.pk, None)
    learned_from = occasion(account.pk, drafts.pk)
    assert suppressions.learn(
        learned_from, reason=SuppressionReason.HARD_BOUNCE, source="smtp", now=timezone.now()
    )

    assert reason("ann@localhost", account.pk) == "hard_bounce"
    assert not Event.objects.exists()


def test_an_expired_suppression_holds_no_more(account):
    row = suppress("ann@example.org", account.pk)
    Suppression.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert reason("ann@example.org", account.pk) is None


def test_suppressing_twice_keeps_one_row_and_the_first_reason(account):
    suppress("ann@example.org", account.pk)
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "Ann@example.org", reason="complaint", source="x", now=timezone.now())

    assert Suppression.objects.get().reason == "manual"


@pytest.mark.parametrize(
    ("stage", "code", "enhanced", "hard"),
    [
        ("rcpt", 550, "5.1.1", True),
        ("rcpt", 550, "", True),
        ("body", 550, "5.1.1", True),
        ("rcpt", 554, "", False),
        ("body", 550, "", False),
        ("rcpt", 550, "5.7.1", False),
        ("rcpt", 552, "5.2.2", False),
        ("mail", 550, "", False),
    ],
)
def test_only_the_address_itself_refused_is_a_hard_bounce(stage, code, enhanced, hard):
    refusal = suppressions.Refusal(occasion=occasion(1), stage=stage, code=code, enhanced=enhanced)

    assert suppressions.is_hard_bounce(refusal) is hard
