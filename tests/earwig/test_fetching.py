"""Calls of URLs that others named: servers on loopback see what comes, and what does not."""

import socket
import ssl
import threading
import time

import pytest

from earwig import errors, fetching, networks
from tests import certificates, http_servers

LOOPBACK = ["127.0.0.0/8", "::1"]
BOUNDS = fetching.Bounds(seconds=5, most_bytes=1_000_000)


@pytest.fixture
def server():
    with http_servers.serving() as running:
        yield running


@pytest.fixture
def allowed(settings):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = LOOPBACK


@pytest.fixture
def named(monkeypatch):
    """Call with lists of addresses: what a hostile name server answers to one look-up after the other."""

    def name(*answers):
        left = list(answers)

        def look_up(host, port, **_):
            found = left.pop(0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(fetching.socket, "getaddrinfo", look_up)
        return left

    return name


def get(url, **bounds):
    return fetching.request(
        fetching.Call(url=url), fetching.Bounds(**{"seconds": 5, "most_bytes": 1_000_000, **bounds})
    )


def test_an_answer_comes_with_status_headers_and_body(allowed, server):
    server.answer = lambda request: (404, {"X-Kind": "none"}, b"nothing")
    call = fetching.Call(method="POST", url=f"{server.url}/a?b=ü#c", headers={"X-Mine": "1"}, body=b"{}")
    answer = fetching.request(call, BOUNDS)
    assert (answer.status, answer.headers["x-kind"], answer.body) == (404, "none", b"nothing")
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.body) == ("POST", "/a?b=%C3%BC", b"{}")
    assert asked.headers["X-Mine"] == "1" and asked.headers["Host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0", "0.0.0.0"]
    + ["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "１２７.0.0.1", "①②⑦.0.0.1"],
)
def test_no_spelling_of_this_machine_is_called(server, host):
    with pytest.raises(errors.TargetRefused):
        get(f"http://{host}:{server.port}/")
    assert not server.asked


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255"]
    + [
        "192.0.0.8",
        "198.18.0.1",
        "fe80::1",
        "fe80::1%1",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "::7f00:1",
        "2001:db8::1",
    ]
    + [
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
        "::ffff:10.0.0.1",
        "3fff::1",
        "5f00::1",
    ],
)
def test_private_addresses_are_not_public(address):
    assert not networks.is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_others_are(address):
    assert networks.is_public(address)


def test_a_name_that_leads_to_a_private_address_is_not_called(server, named):
    named(["127.0.0.1"])
    with pytest.raises(errors.TargetRefused):
        get(f"http://inside.example:{server.port}/")
    assert not server.asked


def test_a_name_is_looked_up_once_so_that_it_cannot_change_after_the_check(allowed, server, named):
    left = named(["127.0.0.1"], ["10.0.0.1"])
    get(f"http://rebound.example:{server.port}/")
    assert left == [["10.0.0.1"]] and server.asked[0].headers["Host"] == f"rebound.example:{server.port}"


def test_private_addresses_among_others_are_passed_over(settings, server, named):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.1"]
    named(["10.255.255.1", "127.0.0.1"])
    assert get(f"http://mixed.example:{server.port}/").status == 200


def test_the_next_address_is_tried_when_one_refuses(allowed, server, named):
    named(["127.0.0.2", "127.0.0.1"])
    assert get(f"http://two.example:{server.port}/").status == 200


@pytest.mark.parametrize("networks_", [["10.0.0.0/8"], ["127.0.0.2/32"], []])
def test_only_the_allowed_networks_are_called(settings, server, networks_):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = networks_
    with pytest.raises(errors.TargetRefused):
        get(server.url)


def test_a_redirection_is_an_answer_where_none_may_be_followed(allowed, server):
    server.answer = lambda request: (302, {"Location": "/elsewhere"}, b"")
    assert get(server.url).status == 302
    assert [asked.path for asked in server.asked] == ["/"]


def test_redirections_are_followed_as_often_as_said(allowed, server):
    server.answer = lambda request: (302, {"Location": f"{request.path}a"}, b"")
    answer = get(f"{server.url}/a", redirects=3)
    assert answer.status == 302 and [asked.path for asked in server.asked] == ["/a", "/aa", "/aaa", "/aaaa"]


def test_headers_are_not_sent_on_to_where_a_redirection_leads(allowed, server):
    server.answer = lambda request: (302, {"Location": "/b"}, b"") if request.path == "/a" else (200, {}, b"")
    call = fetching.Call(url=f"{server.url}/a", headers={"X-Token": "secret"})
    fetching.request(call, fetching.Bounds(seconds=5, redirects=1))
    assert [("X-Token" in asked.headers) for asked in server.asked] == [True, False]


def test_a_post_is_not_redirected(allowed, server):
    server.answer = lambda request: (307, {"Location": "/b"}, b"")
    call = fetching.Call(method="POST", url=server.url, body=b"x")
    assert fetching.request(call, fetching.Bounds(seconds=5, redirects=3)).status == 307
    assert len(server.asked) == 1


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "[::ffff:127.0.0.2]", "10.0.0.1"])
def test_a_redirection_to_a_private_address_is_not_followed(settings, server, host):
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["127.0.0.1"]
    server.answer = lambda request: (302, {"Location": f"http://{host}:{server.port}/secret"}, b"")
    with pytest.raises(errors.TargetRefused):
        get(server.url, redirects=3)
    assert len(server.asked) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x.example/", "http://[::1", "gopher://x"])
def test_a_redirection_to_what_is_no_url_of_ours_is_refused(allowed, server, location):
    server.answer = lambda request: (302, {"Location": location}, b"")
    with pytest.raises(errors.InvalidUrl):
        get(server.url, redirects=3)


@pytest.mark.parametrize(
    "length", [{"Content-Length": "2000"}, {"Content-Length": "2000", "Connection": "close"}]
)
def test_an_answer_that_is_too_large_is_refused(allowed, server, length):
    server.answer = lambda request: (200, length, b"x" * 2000)
    assert len(get(server.url, most_bytes=2000).body) == 2000
    with pytest.raises(errors.AnswerTooLarge):
        get(server.url, most_bytes=1999)


def test_what_nobody_asked_for_is_not_unpacked(allowed, server):
    server.answer = lambda request: (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b")
    assert get(server.url).body == b"\x1f\x8b"
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


def test_an_answer_without_end_is_refused_by_its_size(allowed, serve):
    def flood(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with pytest.raises(errors.AnswerTooLarge):
        get(f"http://{serve(flood)}/")


@pytest.mark.parametrize(
    "begin, again",
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"", b""),
    ],
    ids=["header", "continue", "body", "silent"],
)
def test_a_slow_one_is_given_up(allowed, serve, begin, again):
    def drip(connection):
        connection.recv(65536)
        connection.sendall(begin)
        while True:
            time.sleep(0.05)
            connection.sendall(again)

    begun = time.monotonic()
    with pytest.raises(errors.TargetUnanswered, match="in time"):
        get(f"http://{serve(drip)}/", seconds=0.4)
    assert 0.4 <= time.monotonic() - begun < 4


def test_time_is_counted_over_all_redirections(allowed, server):
    def slowly(request):
        time.sleep(0.25)
        return 302, {"Location": "/"}, b""

    server.answer = slowly
    with pytest.raises(errors.TargetUnanswered):
        get(server.url, seconds=0.6, redirects=100)
    assert len(server.asked) < 6


def test_a_look_up_that_hangs_is_left_behind(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *_, **__: released.wait(30) and [])
    with pytest.raises(errors.TargetUnanswered, match="in time"):
        get("http://slow.example/", seconds=0.2)
    released.set()


@pytest.mark.parametrize(
    "said, reason",
    [
        (b"", "broke off"),
        (b"SSH-2.0-x\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "not HTTP"),
    ]
    + [(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxx", "broke off")],
)
def test_what_is_no_answer_is_none(allowed, serve, said, reason):
    def answer(connection):
        connection.recv(65536)
        connection.sendall(said)
        connection.close()

    with pytest.raises(errors.TargetUnanswered, match=reason):
        get(f"http://{serve(answer)}/")


def test_nobody_listens(allowed):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.TargetUnanswered, match="connection"):
        get(f"http://127.0.0.1:{port}/")


def test_a_name_without_address_is_told(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(fetching.socket, "getaddrinfo", fail)
    with pytest.raises(errors.TargetUnanswered, match="no address"):
        get("http://nowhere.example/")


def test_a_label_that_is_too_long_has_no_address():
    with pytest.raises(errors.TargetUnanswered, match="no address"):
        get(f"http://{'a' * 64}.example/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//x.example/",
        "ftp://x.example/",
        "file:///etc/passwd",
        "http://",
        "http:///a",
        "http://u:p@x.example/",
    ]
    + [
        "http://x.example:0/",
        "http://x.example:70000/",
        "http://x.example:x/",
        "http://[::1",
        "http://[fe80::1%25lo]/",
    ]
    + [
        "http://x.example/a b",
        "http://x.example/\r\nX: y",
        "http://x.example\r\n/",
        "http://x.example/\0",
        "\thttp://x.example/",
    ]
    + [
        "http://x.example/\ud800",
        "http://x\ud800.example/",
        "http://x.example\\@y.example/",
        "http://x_ y/",
        "http://a%00b/",
    ]
    + ["http://x.example/" + "a" * 8000, "javascript:alert(1)", "http://[1.2.3.4]/", "http://a@/"],
)
def test_what_is_no_url_is_refused(url):
    with pytest.raises(errors.InvalidUrl):
        fetching.target(url)


@pytest.mark.parametrize(
    "url, authority, path",
    [
        ("HTTP://X.Example", "x.example", "/"),
        ("https://x.example:443/a//b?c=%20&d#e", "x.example", "/a//b?c=%20&d"),
        ("http://x.example:8080/?", "x.example:8080", "/"),
        ("http://bücher.example/ü", "xn--bcher-kva.example", "/%C3%BC"),
        ("https://[2606:4700::1111]:444/", "[2606:4700::1111]:444", "/"),
    ],
)
def test_the_parts_of_a_url(url, authority, path):
    found = fetching.target(url)
    assert (found.authority, found.path) == (authority, path)


def test_a_header_of_two_lines_is_never_sent(allowed, server):
    with pytest.raises(ValueError):
        fetching.request(fetching.Call(url=server.url, headers={"X": "a\r\nY: b"}), BOUNDS)
    assert not server.asked


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://127.1/", "http://[::1]/", "http://2130706433/"])
def test_a_url_of_a_private_address_is_refused_before_it_is_called(settings, url):
    with pytest.raises(errors.TargetRefused):
        fetching.require_callable(url)
    settings.EARWIG_ALLOW_PRIVATE_TARGETS = ["10.0.0.0/8", *LOOPBACK]
    fetching.require_callable(url)
    fetching.require_callable("http://no-such-name.example/")


def test_tls_is_verified(allowed, tmp_path, monkeypatch):
    certificate = certificates.write(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    fetching._trusted.cache_clear()
    with http_servers.serving(wrap=lambda sock: context.wrap_socket(sock, server_side=True)) as secure:
        url = secure.url.replace("http:", "https:")
        with pytest.raises(errors.TargetUnanswered, match="TLS"):
            get(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fetching._trusted.cache_clear()
        assert get(url).status == 200
    fetching._trusted.cache_clear()


def test_a_handshake_that_hangs_is_given_up(allowed, serve):
    with pytest.raises(errors.TargetUnanswered, match="in time"):
        get(f"https://{serve(lambda connection: time.sleep(5))}/", seconds=0.3)


def test_no_proxy_is_asked(allowed, server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(server.url).status == 200


def test_what_fails_never_names_the_url(allowed):
    call = fetching.Call(url="http://127.0.0.1:9/secret-path", headers={"X": "secret"}, body=b"secret")
    with pytest.raises(errors.TargetUnanswered) as failed:
        fetching.request(call, BOUNDS)
    assert "secret" not in failed.value.message + repr(call) and "127" not in failed.value.message
