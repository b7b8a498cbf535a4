"""A client of the scripted SMTP servers, which keeps what was reported to it."""

import time
from collections import Counter

from spooling.delivery import smtp

DATA = b"Subject: hello\r\nMessage-ID: <1@a.example>\r\n\r\n.dot\r\n..two\r\nend\r\n"
QUICK = smtp.Timeouts(connect=2, command=2, data_start=2, body_reply=2, idle=1)
HASTY = smtp.Timeouts(connect=0.2, command=0.2, data_start=0.2, body_reply=0.2, idle=0.2)


def message(key, recipient="", data=DATA, **more):
    return smtp.Message(
        key, more.pop("sender", "bounce@a.example"), recipient or f"u{key}@b.example", data, **more
    )


class Client:
    """Sends messages and keeps what was reported, in order."""

    def __init__(self, port, messages, *, connections=1, allow=lambda keys: True, **server):
        self.messages = list(messages)
        self.reports = []
        self.gates = []
        self.fed = 0
        self.most_doubtful = 0
        self._allow = allow
        self.loop = smtp.Loop(self._gate, lambda key, outcome: self.reports.append((key, outcome)))
        server = {"host": "127.0.0.1", "tls": smtp.Tls.NONE, "timeouts": QUICK} | server
        self.pool = self.loop.open(smtp.Server(port=port, **server), connections=connections, feed=self._feed)

    def _feed(self):
        self.fed += bool(self.messages)
        return self.messages.pop(0) if self.messages else None

    def _gate(self, keys):
        self.gates.append(keys)
        return self._allow(keys)

    def turn_until(self, done, seconds=10):
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, (self.reports[-3:], self.pool.fault, self.loop.in_flight)
            self.loop.turn(0.05)
        return self

    def run(self, seconds=10):
        self.turn_until(lambda: not self.messages and not self.loop.in_flight, seconds)
        return self

    def outcome(self, key=1):
        (found,) = [outcome for reported, outcome in self.reports if reported == key]
        return found

    def verdicts(self):
        return Counter(outcome.verdict for _, outcome in self.reports)
