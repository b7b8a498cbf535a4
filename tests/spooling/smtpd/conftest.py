import pytest

from tests import certificates, submission_servers


@pytest.fixture(scope="module")
def _running(django_db_setup):
    with submission_servers.running(submission_servers.plan()) as plan:
        yield plan


@pytest.fixture
def server(_running, transactional_db):
    """A running server, without a certificate: one for all tests of a module."""
    return _running


@pytest.fixture
def port(server):
    return server.submission[0]


@pytest.fixture
def outside(server):
    """The port that other servers come to."""
    return server.inbound[0]


@pytest.fixture
def certificate(tmp_path, settings):
    """A certificate in the settings."""
    path = certificates.write(tmp_path / "smtpd.pem")
    settings.SMTPD_TLS_CERT = str(path)
    return path


@pytest.fixture
def submit(port, key):
    """Call with addresses and perhaps a message; the reply to it, and the connection's refusals."""

    def call(*recipients, message=submission_servers.MESSAGE, user="acme", secret=None, **more):
        with submission_servers.client(port, user, secret or key) as client:
            client.mail(more.get("sender", "ann@sender.example"), more.get("options", ()))
            for recipient in recipients or ("bob@x.example",):
                assert client.rcpt(recipient, more.get("wishes", ()))[0] == 250
            return client.data(message)

    return call
