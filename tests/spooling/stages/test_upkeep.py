"""Estimates, requeueing, repairs, and message sets themselves."""

from datetime import timedelta

import pytest

from spooling import control, errors
from spooling.models import (
    BinaryContent,
    JobRequest,
    MessageSet,
    SendEstimate,
    SendFailure,
    StageMessage,
    Subscription,
)
from spooling.stages import failures, message_sets, repairs, requests

from .conftest import DAY, NOON

pytestmark = pytest.mark.django_db


class TestEstimates:
    def test_each_set_gets_one_for_the_day(
        self, account, subscribe, message_set, next_set, make_schedule, work
    ):
        for identity in ("a@x.example", "a@x.example", "b@x.example"):
            subscribe(identity)
        subscribe(schedule=make_schedule(day_of_week="2"))
        subscribe(active=False)
        for _ in range(2):
            requests.ask_estimate(account.pk, now=NOON)
            work()
        figures = SendEstimate.objects.values_list(
            "messageset", "estimated_on", "subscriptions", "identities"
        )
        assert sorted(figures) == [(next_set.pk, NOON.date(), 0, 0), (message_set.pk, NOON.date(), 3, 2)]

    def test_beat_asks_once_a_day(self, subscribe, work, other_account):
        subscribe()
        control.tidy(now=NOON)
        work()
        control.tidy(now=NOON + timedelta(minutes=1))
        assert JobRequest.objects.filter(kind="estimate").count() == 1
        control.tidy(now=NOON + DAY)
        assert JobRequest.objects.filter(kind="estimate").count() == 2


class TestRequeue:
    def test_every_failure_becomes_one_send_in_its_own_transaction(
        self, account, subscribe, work, texts, monkeypatch
    ):
        monkeypatch.setattr(failures, "SLICE", 2)
        chosen = [subscribe() for _ in range(5)]
        failures.note(account.pk, {each.pk: "It had to." for each in chosen}, now=NOON)
        job = requests.ask_requeue(account.pk, now=NOON)
        work()
        work()
        job.refresh_from_db()
        assert job.result == {"requeued": 5}
        assert SendFailure.objects.count() == 0
        assert len(texts()) == 5

    def test_a_strangers_failures_stay(self, account, other_account, subscribe, work):
        failures.note(account.pk, {subscribe().pk: "It had to."}, now=NOON)
        requests.ask_requeue(other_account.pk, now=NOON)
        work()
        assert SendFailure.objects.count() == 1


class TestRepairs:
    def test_stuck_subscriptions_become_ready(self, account, subscribe, other_account):
        stuck, broken = subscribe(process_status=1), subscribe(process_status=-1)
        assert repairs.reset_stuck(other_account.pk, now=NOON) == 0
        assert repairs.reset_stuck(account.pk, now=NOON) == 1
        stuck.refresh_from_db()
        broken.refresh_from_db()
        assert (stuck.process_status, broken.process_status) == (0, -1)

    def test_doubles_are_found_and_the_oldest_is_kept(self, account, subscribe, other_account):
        kept = subscribe("a@x.example")
        double = subscribe("a@x.example", now=NOON + timedelta(seconds=60))
        subscribe("a@x.example", now=NOON + timedelta(seconds=61))
        subscribe("a@x.example", lang="zul_ZA")
        subscribe("b@x.example")
        assert repairs.duplicates(account.pk) == [double.pk]
        assert repairs.remove_duplicates(other_account.pk) == 0
        assert repairs.remove_duplicates(account.pk) == 1
        assert Subscription.objects.filter(pk=kept.pk).exists()
        assert Subscription.objects.count() == 4

    def test_active_audio_subscriptions_get_a_prepend(self, account, subscribe, make_set):
        audio = make_set("audio", 1, content_type="audio")
        heard = subscribe(messageset=audio, metadata={"x": 1})
        subscribe(messageset=audio, active=False)
        subscribe()
        assert repairs.prepend_to_audio(account.pk, prepend="http://a/", now=NOON) == 1
        heard.refresh_from_db()
        assert heard.metadata == {"x": 1, "prepend_next_delivery": "http://a/"}


class TestSets:
    def test_a_clone_has_all_messages_and_shares_files(self, account, message_set, next_set):
        file = BinaryContent.objects.create(account=account, name="f", type="image/png", data=b"")
        StageMessage.objects.filter(messageset=message_set).update(binary_content=file)
        copy = message_sets.clone(message_set, short_name="copy", now=NOON)
        assert (copy.account, copy.label, copy.next_set) == (account, "The first set", next_set)
        fields = ("sequence_number", "lang", "text_content", "binary_content", "metadata")
        assert sorted(map(str, copy.messages.values_list(*fields))) == sorted(
            map(str, message_set.messages.values_list(*fields))
        )
        with pytest.raises(errors.NameTaken):
            message_sets.clone(message_set, short_name="copy", now=NOON)

    def test_languages_are_sorted_and_none_is_an_empty_list(
        self, account, message_set, make_set, other_account
    ):
        empty = make_set("empty")
        make_set("theirs", 1, of=other_account)
        spoken = message_sets.languages(account.pk)
        assert spoken[message_set.pk] == ["eng_ZA", "zul_ZA"]
        assert spoken[empty.pk] == []
        assert len(spoken) == 3

    def test_a_set_with_subscriptions_stays_and_one_without_leaves_its_predecessors(
        self, message_set, next_set, subscribe
    ):
        subscribe()
        with pytest.raises(errors.InUse):
            message_sets.remove(message_set)
        message_sets.remove(next_set)
        message_set.refresh_from_db()
        assert message_set.next_set is None
        assert MessageSet.objects.count() == 1
