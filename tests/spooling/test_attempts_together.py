"""Two control workers at once: what a lost lock or a lost guard would send twice."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from earwig import messages
from earwig.models import DeliveryAttempt, MessageRecipient
from spooling import attempts
from spooling.models import Mail
from tests import outbox_states

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
WORKERS = 3


def together(verb):
    """Call the verb in several threads at the same moment; answers what each returned."""
    gate, answers = threading.Barrier(WORKERS), []

    def work():
        gate.wait(10)
        try:
            answers.append(verb())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == WORKERS
    return answers


@pytest.fixture
def rows(account, make_person, monkeypatch):
    monkeypatch.setattr(attempts, "BATCH", 5)
    people = [make_person(f"p{n}", f"p{n}a@people.example", f"p{n}b@people.example") for n in range(20)]
    sender = messages.SenderDraft(email="joe@bleu.example", name="Joe Bleu", ttl_days=10)
    ids = tuple(person.external_id for person in people)
    draft = messages.Draft(type="private", subject="s", message="m", sender=sender, recipients=ids)
    return messages.accept(account, draft, now=NOW).recipients.all()


def test_each_row_is_spooled_once(rows):
    together(lambda: attempts.spool_due(NOW))
    attempts.spool_due(NOW)
    assert DeliveryAttempt.objects.count() == Mail.objects.count() == 20
    assert set(MessageRecipient.objects.values_list("status", flat=True)) == {"pending"}


def test_each_failure_is_followed_once(rows):
    attempts.spool_due(NOW)
    outbox_states.put(state="failed", last_code=550, ended_at=NOW)
    together(lambda: attempts.collect(NOW))
    assert DeliveryAttempt.objects.filter(status="bad_data").count() == 20
    assert DeliveryAttempt.objects.filter(status="scheduled").count() == 20
    assert Mail.objects.filter(state="waiting").count() == 20
    assert set(MessageRecipient.objects.values_list("status", flat=True)) == {"attempted"}
