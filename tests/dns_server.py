"""A small name server on loopback, over UDP and TCP: it answers what a test told it to, rightly and wrongly."""

import socketserver
import threading
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

#: More aliases than this in one answer no server follows.
MOST_ALIASES = 20


class Zone:
    """Records by (name, type), and names that are answered in another way. `asked` lists (name, type, transport)."""

    def __init__(self):
        self.records = {}
        self.failing = set()
        self.silent = set()
        self.truncated = set()
        self.asked = []
        #: False: an alias is answered alone, its target is left to the client.
        self.chases = True
        self.deaf = False
        self.address = ""

    def publish(self, name, type, *values):
        """TXT values are texts of any length; others as in a zone file, absolute names."""
        self.records[name.lower(), type] = [_written(type, value) for value in values]

    def publish_record(self, record):
        self.publish(record.name, record.type, record.value)

    def withdraw(self, name, type):
        del self.records[name.lower(), type]

    def answer(self, wire, transport):
        """The octets of the answer, None where there is none."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, type = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(
            question.rdtype
        )
        self.asked.append((name, type, transport))
        if self.deaf or name in self.silent:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name in self.truncated and transport == "udp":
            response.flags |= dns.flags.TC
        else:
            self._fill(response, name, type)
        return response.to_wire()

    def _fill(self, response, name, type):
        known = {known for known, _ in self.records}
        if name not in known:
            response.set_rcode(dns.rcode.NXDOMAIN)
        for _ in range(MOST_ALIASES):
            if values := self.records.get((name, type)):
                response.answer.append(_rrset(name, type, values))
                return
            aliases = self.records.get((name, "CNAME"))
            if not aliases:
                return
            response.answer.append(_rrset(name, "CNAME", aliases))
            name = aliases[0].removesuffix(".").lower()
            if not self.chases:
                return
            if name not in known:
                response.set_rcode(dns.rcode.NXDOMAIN)


@contextmanager
def serving():
    """A zone that is served for as long as the block lasts, at `zone.address` (host:port)."""
    zone = Zone()
    udp, tcp = _pair(zone)
    zone.address = f"127.0.0.1:{udp.server_address[1]}"
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True) for server in (udp, tcp)
    ]
    for thread in threads:
        thread.start()
    try:
        yield zone
    finally:
        for server in (udp, tcp):
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


def _pair(zone):
    """Both transports on one port, which the system chose for UDP and TCP may have given away."""
    for _ in range(20):
        udp = _Udp(("127.0.0.1", 0), _Datagram)
        try:
            tcp = _Tcp(udp.server_address, _Stream)
        except OSError:
            udp.server_close()
            continue
        udp.zone = tcp.zone = zone
        return udp, tcp
    raise OSError("no port is free for both transports")


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        wire, socket = self.request
        if answer := self.server.zone.answer(wire, "udp"):
            socket.sendto(answer, self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    def handle(self):
        length = int.from_bytes(self.rfile.read(2), "big")
        if answer := self.server.zone.answer(self.rfile.read(length), "tcp"):
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)


def _rrset(name, type, values):
    return dns.rrset.from_text(dns.name.from_text(name), 60, "IN", type, *values)


def _written(type, value):
    if type != "TXT":
        return value if type in ("A", "AAAA") or value.endswith(".") else f"{value}."
    octets = value if isinstance(value, bytes) else value.encode()
    strings = [octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""]
    return " ".join('"' + "".join(f"\\{octet:03d}" for octet in string) + '"' for string in strings)
