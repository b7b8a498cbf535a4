"""The fixture of the acceptance scenarios: account acme with its default domain test.com, and a stranger's."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from earwig import accounts, domains
from spooling.models import Mail
from spooling.outbox import intake
from spooling.outbox.drafts import NewContent, NewMail, NewSend, NewSubmission
from tests.wires.relay.clients import Caller

NOW = timezone.now()
#: When mails are spooled that are to be found by their time.
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def program():
    return Caller


@pytest.fixture
def owner(acme):
    return acme


@pytest.fixture
def acme(db):
    acme = accounts.open_account("acme", name="Acme", email="ana@acme.example", password="s3cret", now=NOW)
    domains.add(acme, name="test.com", now=NOW)
    return acme


@pytest.fixture
def rival(db):
    rival = accounts.open_account("rival", name="Rival", email="", password="", now=NOW)
    domains.add(rival, name="rival.com", now=NOW)
    return rival


@pytest.fixture
def spool(acme):
    """Call with addresses: the mails that go to them from then on."""

    def call(*emails, at=AT, of=acme, subject="Order {{n}}", **send):
        content = NewContent(from_email="shop@test.com", from_name="Shop", subject=subject, text="x")
        mails = tuple(NewMail(email, variables={"n": n}) for n, email in enumerate(emails, 1))
        call = NewSubmission(account_id=of.pk, wire="relay", metadata={"order": 7})
        accepted = intake.accept(call, [NewSend(content=content, mails=mails, **send)], now=at)
        return [Mail.objects.get(pk=each.id) for each in accepted]

    return call
