from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from spooling.models import Mail
from stats.models import Event
from tests import mail_moves
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, NEWS, OTHER
from tests.wires.octosend.test_statistics import NOTHING, added, result

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(caller, token):
    """Two mails: one delivered at the third try."""
    mails = [{"email": email} for email in ("a@x.example", "b@x.example")]
    assert caller.post(f"spooler/{token}/spool", {"mails": mails}).status_code == 200
    mail_moves.settle(Mail.objects.order_by("id").first().pk, "tempfail", "tempfail", "delivered")
    return token


def results(buckets):
    return [{part: bucket[part] for part in NOTHING} for bucket in buckets]


def test_a_spoolers_timeline_goes_by_hours_and_has_no_gap(caller, filled):
    now = timezone.now()
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    Event.objects.filter(kind="spooled").update(at=first + timedelta(minutes=59))
    buckets = caller.post(f"timeline/spooler/{filled}", {}).json()
    assert [bucket["timestamp"] for bucket in buckets[:6]] == [
        int(first.timestamp()) + 3600 * number for number in range(6)
    ]
    assert results(buckets)[:5] == [result(count=2), NOTHING, NOTHING, NOTHING, NOTHING]
    assert added(results(buckets)) == result(count=2, ok=1, tempfail=2)


def test_a_spooler_without_events_has_no_timeline(caller, token):
    assert caller.post(f"timeline/spooler/{token}", {}).json() == []
    assert caller.post(f"timeline/spooler/{token}").json() == []


def test_an_entitys_timeline_goes_by_days_and_ends_today(caller, filled):
    for path in ("timeline/global", f"timeline/domain/{DEMO}"):
        buckets = caller.post(path, {"type": "marketing"}).json()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        assert [bucket["timestamp"] for bucket in buckets] == [
            int((today - timedelta(days=number)).timestamp()) for number in reversed(range(30))
        ]
        assert results(buckets)[-1] == result(count=2, ok=1, tempfail=2)
        assert results(buckets)[:-1] == [NOTHING] * 29
        assert caller.post(path).json() == buckets


def test_each_type_of_mail_has_its_own(caller, filled):
    for path in ("timeline/global", f"timeline/domain/{NEWS}"):
        asked = {"type": "transactional"}
        assert results(caller.post(path, asked).json()) == [NOTHING] * 30
    assert results(caller.post(f"timeline/domain/{NEWS}").json()) == [NOTHING] * 30


def test_what_is_older_than_thirty_days_is_not_shown(caller, filled):
    with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
        assert results(caller.post("timeline/global").json()) == [NOTHING] * 30


def test_an_unknown_type_is_refused(caller, token):
    answer = caller.post("timeline/global", {"type": "spam"})
    assert refused(answer) == (400, "invalid-field")
    assert "transactional" in answer.json()["details"]["fields"]["type"]


def test_a_stranger_finds_nothing(caller, stranger, keyless, filled):
    assert results(stranger.post("timeline/global").json()) == [NOTHING] * 30
    for path in (f"timeline/spooler/{filled}", f"timeline/domain/{DEMO}", "timeline/spooler/s0"):
        assert refused(stranger.post(path, {"type": "spam"})) == (404, "not-found")
        assert refused(keyless.post(path)) == (403, "forbidden")
    assert refused(caller.post(f"timeline/domain/{OTHER}")) == (404, "not-found")
