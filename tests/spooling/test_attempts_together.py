"""Two control workers at once: what a lost lock or a lost guard would send twice."""

import pytest
from django.utils import timezone

from earwig import messages
from earwig.models import DeliveryAttempt, MessageRecipient
from spooling import attempts
from spooling.models import Mail
from tests import outbox_states
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
WORKERS = 3


@pytest.fixture
def rows(account, make_person, monkeypatch):
    monkeypatch.setattr(attempts, "BATCH", 5)
    people = [make_person(f"p{n}", f"p{n}a@people.example", f"p{n}b@people.example") for n in range(20)]
    sender = messages.SenderDraft(email="joe@bleu.example", name="Joe Bleu", ttl_days=10)
    ids = tuple(person.external_id for person in people)
    draft = messages.Draft(type="private", subject="s", message="m", sender=sender, recipients=ids)
    return messages.accept(account, draft, now=NOW).recipients.all()


def test_each_row_is_spooled_once(rows):
    together(WORKERS, lambda _: attempts.spool_due(NOW))
    attempts.spool_due(NOW)
    assert DeliveryAttempt.objects.count() == Mail.objects.count() == 20
    assert set(MessageRecipient.objects.values_list("status", flat=True)) == {"pending"}


def test_each_failure_is_followed_once(rows):
    attempts.spool_due(NOW)
    outbox_states.put(state="failed", last_code=550, ended_at=NOW)
    together(WORKERS, lambda _: attempts.collect(NOW))
    assert DeliveryAttempt.objects.filter(status="bad_data").count() == 20
    assert DeliveryAttempt.objects.filter(status="scheduled").count() == 20
    assert Mail.objects.filter(state="waiting").count() == 20
    assert set(MessageRecipient.objects.values_list("status", flat=True)) == {"attempted"}
