"""Hits are answered in front of Django's handler as they are behind it."""

import io

import psycopg2
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection

from config.tracked_links import TrackedLinks
from spooling.models import Mail
from spooling.tracking import hits, tokens
from stats.models import Event
from tests.spooling.tracking.conftest import PHONE

# Around a request Django looks whether its session is as it was opened, which one in a test's transaction is not.
pytestmark = pytest.mark.django_db(transaction=True)


def ask(application, path, method="GET", **more):
    """Status line, headers and body."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "here.example",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_USER_AGENT": PHONE,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    said = []
    body = b"".join(application(environ | more, lambda status, headers: said.append((status, headers))))
    ((status, headers),) = said
    return status, dict(headers), body


class Behind:
    """An application that remembers what was handed on to it."""

    def __init__(self):
        self.paths = []

    def __call__(self, environ, start_response):
        self.paths.append(environ["PATH_INFO"])
        start_response("204 No Content", [])
        return []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("link", ["click", "own_click", "pixel"])
@pytest.mark.parametrize("agent", [PHONE, "", "Slackbot 1.0", "x" * 2000])
def test_both_ways_answer_and_record_the_same(sent, settings, method, link, agent):
    settings.TRUSTED_PROXIES = ["192.0.2.0/24"]
    caller = {"HTTP_USER_AGENT": agent, "HTTP_X_FORWARDED_FOR": "198.51.100.7", "QUERY_STRING": "url=x"}
    given, kept = [], []
    for application in (TrackedLinks(Behind()), WSGIHandler()):
        mail = sent()
        given.append(ask(application, getattr(mail, link), method, **caller))
        (event,) = Event.objects.filter(mail_id=mail.id, kind__in=["click", "open"])
        kept.append((event.kind, event.counts, event.detail))
    assert given[0] == given[1] and given[0][0] in ("200 OK", "302 Found")
    assert kept[0] == kept[1] and kept[0][2]["ip"] == "198.51.100.7"


def test_all_else_is_handed_on(sent):
    mail, behind = sent(), Behind()
    front = TrackedLinks(behind)
    unknown = f"/t/c/{tokens.sign(b'c', 10**9, 0)}"
    others = ["/", "/t/", "/t/c/", "/t/c/x", unknown, mail.click + "/", f"/{mail.click}", mail.mirror]
    for path in (*others, mail.unsubscribe):
        assert ask(front, path)[0] == "204 No Content"
    assert behind.paths == [*others, mail.unsubscribe]
    assert ask(front, mail.click, "POST")[0] == ask(front, mail.click, "get")[0] == "204 No Content"
    assert ask(front, mail.click, CONTENT_LENGTH="4")[0] == "204 No Content"
    assert ask(front, mail.click, HTTP_TRANSFER_ENCODING="chunked")[0] == "204 No Content"
    assert not Event.objects.filter(kind="click").exists()


@pytest.mark.parametrize(("error", "status"), [(OperationalError, 503), (RuntimeError, 500)])
def test_what_goes_wrong_is_told_in_plain_text(sent, monkeypatch, error, status):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(hits, "record", fail)
    said, headers, body = ask(TrackedLinks(Behind()), sent().click)
    assert said.startswith(str(status)) and headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body.decode() == said[4:].lower()
    assert headers.get("Retry-After") == ("2" if status == 503 else None)


@pytest.mark.postgresql
def test_after_its_session_was_cut_a_hit_is_answered_again(sent):
    front, mail = TrackedLinks(Behind()), sent()
    assert ask(front, mail.pixel)[0] == "200 OK"
    _cut(connection.connection.info.backend_pid)
    assert [ask(front, mail.pixel)[0] for _ in range(2)] == ["503 Service Unavailable", "200 OK"]
    assert Event.objects.filter(kind="open").count() == 2 and Mail.objects.get().opened_at


def _cut(pid):
    other = psycopg2.connect(**connection.get_connection_params())
    with other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
