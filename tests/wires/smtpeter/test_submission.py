"""SMTPeter's clients submit by SMTP too (contract §6.8): same header fields, same DSN parameters."""

import ssl

import pytest
from django.utils import timezone

from earwig import accounts, api_keys, domains
from earwig.models.api_keys import Scope
from spooling.models import Content, Mail
from spooling.smtpd import certificates
from tests import certificates as test_certificates
from tests import submission_servers
from tests.submission_servers import MESSAGE

LETTER = MESSAGE.replace("sender.example", "example.com")


@pytest.fixture
def token(transactional_db):
    now = timezone.now()
    account = accounts.open_account("acme", name="Acme", email="ana@acme.example", password="x", now=now)
    domains.add(account, name="example.com", now=now)
    return api_keys.issue(account, name="tests", scopes=Scope.values, now=now).secret


def test_header_fields_and_dsn_are_taken_behind_starttls_and_an_empty_sender_is_allowed(
    token, tmp_path, settings
):
    certificate = test_certificates.write(tmp_path / "smtpd.pem")
    settings.SMTPD_TLS_CERT = str(certificate)
    fields = "x-smtpeter-trackclicks: true\r\nx-smtpeter-tags: a,b\r\nx-smtpeter-preventscam: true\r\n"
    with submission_servers.running(submission_servers.plan(), certificates.load()) as plan:
        with submission_servers.client(plan.submission[0]) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(certificate)))
            client.ehlo()
            client.login("acme", token)
            assert client.mail("", ["RET=FULL", "ENVID=e1"])[0] == 250
            assert client.rcpt("b@x.example", ["NOTIFY=SUCCESS", "ORCPT=rfc822;o@x.example"])[0] == 250
            assert client.data(fields + LETTER)[0] == 250
    content, mail = Content.objects.get(), Mail.objects.get()
    assert content.handling == {
        **{"notify": "SUCCESS", "ret": "FULL", "envid": "e1", "orcpt": "o@x.example"},
        "spare_shown_links": True,
    }
    assert content.track_clicks and mail.submission.tags == ["a", "b"]
    assert b"smtpeter" not in bytes(content.raw.data).lower()


def test_a_from_domain_that_is_not_approved_is_refused_after_data(token):
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.client(plan.submission[0], "acme", token) as client:
            client.mail("a@else.example")
            client.rcpt("b@x.example")
            assert client.data(MESSAGE)[0] == 550
    assert not Mail.objects.exists()
