"""Calls to services on loopback that are in no hurry to end, as whoever waits for them sees it."""

import ssl
import threading
import time
import urllib.error

import pytest

from earwig import openers
from tests import certificates

SECONDS = 0.4

#: What fails to give up takes longer.
MOST_SECONDS = 2.0


def drip(connection, begin, again):
    connection.recv(65536)
    connection.sendall(begin)
    while True:
        connection.sendall(again)
        time.sleep(0.05)


def took(opener, url):
    """Seconds until the call was given up."""
    begun = time.monotonic()
    with pytest.raises((TimeoutError, urllib.error.URLError)), opener.open(url, timeout=5) as answer:
        answer.read()
    return time.monotonic() - begun


@pytest.mark.parametrize(
    "begin, again",
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["header", "continue", "body", "chunks"],
)
def test_an_answer_that_drips_is_given_up(serve, begin, again):
    address = serve(lambda connection: drip(connection, begin, again))
    assert took(openers.make(seconds=SECONDS), f"http://{address}/") < MOST_SECONDS


def test_one_that_drips_over_tls_is_given_up_too(serve, tmp_path, monkeypatch):
    certificate = certificates.write(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    address = serve(
        lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        wrap=lambda connection: context.wrap_socket(connection, server_side=True),
    )
    assert SECONDS <= took(openers.make(seconds=SECONDS), f"https://{address}/") < MOST_SECONDS


def test_a_silent_one_is_given_up_after_a_step(serve):
    released = threading.Event()
    address = serve(lambda connection: released.wait(30))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        openers.make(seconds=30).open(f"http://{address}/", timeout=0.2)
    released.set()
    assert time.monotonic() - begun < MOST_SECONDS


def test_an_answer_in_time_comes_whole(serve):
    def answer(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000)
        connection.close()

    address = serve(answer)
    with openers.make(seconds=30).open(f"http://{address}/", timeout=5) as response:
        assert response.read() == b"x" * 300_000


def test_an_answer_elsewhere_is_not_followed(serve):
    def answer(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    address = serve(answer)
    with pytest.raises(urllib.error.HTTPError) as refused:
        openers.make(seconds=30).open(f"http://{address}/", timeout=5)
    refused.value.close()
    assert refused.value.code == 302
