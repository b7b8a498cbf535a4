"""Metrics posted to another system, over HTTP on loopback."""

import json
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stats import metrics, pushes, tasks

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Receiver(HTTPServer):
    """Keeps what it gets; answers `status`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got, self.status = [], 201

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver(settings):
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    settings.METRICS_URL, settings.METRICS_TOKEN = f"{server.url}/{{account}}/metrics/", "secret"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_changed_is_posted_once(account, other_account, receiver):
    metrics.put(account.pk, {"a.last": 3}, now=NOW)
    metrics.put(other_account.pk, {"b.last": 4}, now=NOW)
    assert (pushes.push_changed(), pushes.push_changed()) == (2, 0)
    assert receiver.got == [
        ("/acme/metrics/", "Token secret", {"a.last": 3}),
        ("/rival/metrics/", "Token secret", {"b.last": 4}),
    ]


def test_a_sum_is_posted_by_what_it_grew(account, receiver):
    for _ in range(2):
        metrics.add(account.pk, {"a.sum": 2}, now=NOW)
        metrics.put(account.pk, {"b.last": 5}, now=NOW)
        pushes.push_changed()
    assert [values for *_, values in receiver.got] == [{"a.sum": 2, "b.last": 5}, {"a.sum": 2}]


@pytest.mark.parametrize("status", [302, 400, 500])
def test_what_was_refused_is_posted_again(account, receiver, status, caplog):
    metrics.add(account.pk, {"a.sum": 2}, now=NOW)
    receiver.status = status
    assert pushes.push_changed() == 0
    assert "could not be posted" in caplog.text and "secret" not in caplog.text
    metrics.add(account.pk, {"a.sum": 1}, now=NOW)
    receiver.status = 200
    assert pushes.push_changed() == 1
    assert [(path, values) for path, _, values in receiver.got] == [
        ("/acme/metrics/", {"a.sum": 2}),
        ("/acme/metrics/", {"a.sum": 3}),
    ]


def test_nobody_there_is_logged_and_tried_again(account, settings, caplog):
    settings.METRICS_URL = "http://user:secret@127.0.0.1:1/"
    metrics.add(account.pk, {"a.sum": 2}, now=NOW)
    assert pushes.push_changed() == 0
    assert "could not be posted" in caplog.text and "secret" not in caplog.text


def test_an_answer_that_is_no_http_is_none(account, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.METRICS_URL = f"http://127.0.0.1:{server.getsockname()[1]}/"
        metrics.add(account.pk, {"a.sum": 2}, now=NOW)
        thread = threading.Thread(target=_babble, args=(server,))
        thread.start()
        assert pushes.push_changed() == 0
        thread.join()


def _babble(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"220 mail.example.org ESMTP\r\n")


def test_a_round_does_not_wait_for_ever(account, settings, monkeypatch):
    monkeypatch.setattr(pushes, "TIMEOUT_SECONDS", 0.1)
    with HTTPServer(("127.0.0.1", 0), Handler) as silent:
        settings.METRICS_URL = f"http://127.0.0.1:{silent.server_port}/"
        metrics.add(account.pk, {"a.sum": 2}, now=NOW)
        assert pushes.push_changed() == 0


def test_without_a_setting_nothing_is_asked(account, django_assert_num_queries):
    metrics.add(account.pk, {"a.sum": 2}, now=NOW)
    with django_assert_num_queries(0):
        assert tasks.push_metrics() == 0
