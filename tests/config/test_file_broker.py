"""The embedded installation's broker: files that several processes write and read."""

import threading
from queue import Empty

import pytest
from kombu import Connection

from config import celery, file_broker

MESSAGES = 300


@pytest.fixture
def connect(tmp_path):
    def open_channel():
        options = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path)}
        return Connection("filesystem://", transport_options=options).channel()

    return open_channel


def test_the_installation_uses_it():
    with celery.app.connection_for_write("filesystem://") as connection:
        assert connection.get_transport_cls() is file_broker.Transport


def test_a_message_is_never_read_before_it_is_written(connect):
    # kombu's own transport gives a reader an empty file within some hundred messages.
    reader, writer, read = connect(), connect(), []
    body = {"body": "x" * 100_000}
    writing = threading.Thread(target=lambda: [writer._put("bulk", body) for _ in range(MESSAGES)])
    writing.start()
    while len(read) < MESSAGES:
        try:
            read.append(reader._get("bulk"))
        except Empty:
            assert writing.is_alive() or reader._size("bulk") or len(read) == MESSAGES
    writing.join()
    assert read == [body] * MESSAGES


def test_other_queues_and_drafts_are_left_alone(connect, tmp_path):
    channel = connect()
    channel._put("bulk", {"n": 1})
    (tmp_path / "1_a.bulk.msg.draft").write_bytes(b"")
    with pytest.raises(Empty):
        channel._get("control")
    assert channel._get("bulk") == {"n": 1}
    assert channel._size("bulk") == 0
