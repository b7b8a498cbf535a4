"""Scenario 20 of the contract: its clients submit by SMTP too (contract §8)."""

import smtplib

import pytest
from django.utils import timezone

from earwig import accounts, api_keys, domains
from earwig.models.api_keys import Scope
from spooling.models import Mail
from tests import submission_servers
from tests.submission_servers import MESSAGE
from tests.wires.relay.clients import Caller

LETTER = MESSAGE.replace("sender.example", "test.com")


@pytest.fixture
def port(transactional_db, settings):
    settings.REQUIRE_HTTPS = False
    with submission_servers.running(submission_servers.plan()) as plan:
        yield plan.submission[0]


@pytest.fixture
def opened(transactional_db):
    """Call with a slug, an e-mail address and a domain; the account's key."""

    def call(slug, email, domain):
        now = timezone.now()
        account = accounts.open_account(slug, name=slug, email=email, password="s3cret", now=now)
        domains.add(account, name=domain, now=now)
        return api_keys.issue(account, name="tests", scopes=Scope.values, now=now).secret

    return call


def test_relay_20_two_recipients_are_two_deliveries_and_a_wrong_key_is_535(port, opened, client):
    key = opened("acme", "ana@acme.example", "test.com")
    stranger = opened("rival", "rita@rival.example", "rival.com")
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as session:
        session.ehlo()
        assert "LOGIN" in session.esmtp_features["auth"] and not session.has_extn("starttls")
        session.user, session.password = "ana@acme.example", key
        assert session.auth("LOGIN", session.auth_login, initial_response_ok=False)[0] == 235
        session.mail("shop@test.com")
        assert [session.rcpt(to)[0] for to in ("a@x.example", "b@x.example")] == [250, 250]
        assert session.data(LETTER)[0] == 250
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as session:
        session.ehlo()
        session.user, session.password = "ana@acme.example", stranger
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            session.auth("LOGIN", session.auth_login)
    assert caught.value.smtp_code == 535
    listed = Caller(client, key).get("deliveries").json()
    assert {each["recipientAddress"] for each in listed["items"]} == {"a@x.example", "b@x.example"}
    assert Caller(client, stranger, account="rival").get("deliveries").json()["items"] == []
    assert Caller(client, stranger).get("deliveries").status_code in (401, 403, 404)


def test_swaks_submits_by_the_accounts_name(port, opened):
    key = opened("acme", "ana@acme.example", "test.com")
    done = submission_servers.swaks(
        port,
        *("--auth", "LOGIN", "--auth-user", "acme", "--auth-password", key),
        *("--from", "shop@test.com", "--to", "a@x.example,b@x.example"),
    )
    assert done.returncode == 0, done.stdout
    assert Mail.objects.count() == 2
