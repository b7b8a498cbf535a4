import ssl

import pytest

from tests import certificates, smtp_servers
from tests.smtp_clients import Client


@pytest.fixture
def send():
    """Run messages through a scripted server; both are ended with the test."""
    opened = []

    def run(script, messages, *, wait=True, **options):
        server = smtp_servers.Server(script)
        opened.append(server)
        client = Client(server.port, messages, **options)
        opened.append(client.loop)
        return server, client.run() if wait else client

    yield run
    for each in reversed(opened):
        each.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificates.write(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
