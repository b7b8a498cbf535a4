import fcntl
import os

import pytest

from spooling.delivery import journal
from spooling.delivery.journal import Answer


@pytest.fixture
def living(tmp_path):
    opened = journal.Journal(tmp_path, "w1")
    yield opened
    opened.close()


def test_a_body_without_a_reply_is_begun_and_one_with_a_reply_is_answered(living):
    living.append([1, 2], [])
    living.append([3], [Answer(1, "d", 250)])

    record = journal.read(living.path)

    assert record.begun == {2, 3}
    assert record.answers == {1: Answer(1, "d", 250)}


def test_a_mail_begun_again_after_an_answer_is_begun(living):
    living.append([1], [])
    living.append([], [Answer(1, "u", 0)])
    living.append([1], [])

    record = journal.read(living.path)

    assert (record.begun, record.answers) == ({1}, {})


def test_a_torn_last_line_is_passed_over(living):
    living.append([1], [])
    with living.path.open("ab") as file:
        file.write(b"b 99")

    assert journal.read(living.path).begun == {1}


def test_the_lock_of_a_living_drain_cannot_be_taken_and_that_of_a_dead_one_can(tmp_path):
    living = journal.Journal(tmp_path, "w1")
    assert journal.lock_of_the_dead(living.path) is None

    living.close()

    lock = journal.lock_of_the_dead(living.path)
    assert lock is not None
    os.close(lock)


def test_a_discarded_journal_is_gone(tmp_path):
    living = journal.Journal(tmp_path, "w1")
    living.discard()

    with pytest.raises(FileNotFoundError):
        journal.lock_of_the_dead(tmp_path / "w1")


def test_a_journal_that_another_rescuer_removed_is_gone_though_it_was_open(living, monkeypatch):
    lock = fcntl.flock

    def removed_meanwhile(fd, how):
        lock(fd, how)
        living.path.unlink()

    living.close()
    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    with pytest.raises(FileNotFoundError):
        journal.lock_of_the_dead(living.path)
    monkeypatch.undo()
    living._fd = os.open(os.devnull, os.O_WRONLY)
