from datetime import timedelta

import pytest
from django.utils import timezone

from spooling import routers
from spooling.delivery import shaping
from spooling.models import ConnectionSlot, Router, Shape

pytestmark = pytest.mark.django_db


@pytest.fixture
def destination():
    return make()


def make(**fields):
    Router.objects.create(name="way", host="way.example", default=True, **{"max_connections": 10, **fields})
    return routers.table().choose(1, "other")


def lease(destination, worker, lane="transactional", now=None):
    return shaping.lease_connections(destination, worker, lane=lane, now=now or timezone.now())


def test_the_first_worker_gets_all_and_gives_half_back_to_the_second(destination):
    assert lease(destination, "a") == 10
    assert lease(destination, "b") == 0
    assert lease(destination, "a") == 5
    assert lease(destination, "b") == 5


def test_connections_over_all_workers_never_exceed_the_routers_limit(destination):
    for _ in range(3):
        for worker in "abcd":
            lease(destination, worker)
            assert sum(ConnectionSlot.objects.values_list("connections", flat=True)) <= 10


def test_the_slots_of_a_worker_that_died_come_back(destination):
    lease(destination, "dead")
    later = timezone.now() + timedelta(seconds=shaping.SLOT_SECONDS + 1)

    assert lease(destination, "b", now=later) == 10


def test_a_rate_is_kept_over_any_minute():
    destination, now = make(mails_per_minute=60), timezone.now()

    taken = sum(
        shaping.take_rate(destination, wanted=100, now=now + timedelta(seconds=second / 4))
        for second in range(240)
    )

    assert 58 <= taken <= 62


def test_a_router_without_a_rate_gives_all_that_is_wanted(destination):
    assert shaping.take_rate(destination, wanted=500, now=timezone.now()) == 500


def test_many_refusals_halve_the_pace_and_it_recovers_by_itself(destination):
    shaping.note_answers(destination.id, sent=10, refused=90)
    shaping.note_answers(destination.id, sent=10, refused=90)
    assert Shape.objects.get().pace == 250

    for _ in range(10):
        shaping.note_answers(destination.id, sent=100, refused=0)
    assert Shape.objects.get().pace == 1000


def test_a_slowed_router_without_a_rate_uses_fewer_connections(destination):
    Shape.objects.create(router_id=destination.id, provider=routers.ALL_PROVIDERS, pace=250)

    assert lease(destination, "a") == 3


def test_campaigns_leave_a_connection_to_transactional_mail(destination):
    assert lease(destination, "campaigns", "bulk") == 8
    assert lease(destination, "letters") == 2
