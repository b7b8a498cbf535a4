"""HTTP servers on loopback that keep what they were asked, and answer what a test told them to."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes


class Server:
    """`answer` is called with each request and tells status, headers and body; `asked` lists the requests."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    answer=lambda request: (200, {}, b""), *, wrap=lambda listener: listener, host="127.0.0.1", port=0
):
    server = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers.items()), body)
            server.asked.append(request)
            status, headers, content = server.answer(request)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_HEAD = handle_any

        def log_message(self, *_):
            pass

    class Listener(ThreadingHTTPServer):
        # What ends a connection early is what the tests are about.
        def handle_error(self, *_):
            pass

    listener = Listener((host, port), Handler)
    listener.socket = wrap(listener.socket)
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
