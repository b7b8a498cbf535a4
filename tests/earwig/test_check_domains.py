from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from earwig import dns_records, domains
from earwig.models import Domain
from tests import dns_server

NOW = timezone.now()


@pytest.fixture
def domain(account, settings):
    settings.INBOUND_HOST = "mail.earwig.example"
    return domains.add(account, name="acme.example", now=NOW)


@pytest.fixture
def zone(settings, domain):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        for record in dns_records.of(domain):
            zone.publish_record(record)
        zone.publish("acme.example", "MX", "10 mx.acme.example")
        yield zone


def test_a_domain_in_order_is_said_to_be(zone, domain):
    out = StringIO()
    call_command("check_domains", stdout=out)
    assert out.getvalue() == "acme acme.example: in order\n"
    domain.refresh_from_db()
    assert domain.dns_state["ok"] and domain.verified_at


def test_what_is_not_in_order_is_named_and_fails_the_command(zone, domain, other_account):
    domains.add(other_account, name="rival.example", now=NOW)
    zone.withdraw("_dmarc.acme.example", "TXT")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_domains", "acme.example", stdout=out)
    assert ended.value.code == 1
    first, *others = out.getvalue().splitlines()
    assert first == "acme acme.example: problems"
    assert [line.split(":")[0] for line in others] == ["  missing _dmarc.acme.example"]


def test_a_domain_that_nobody_sends_from_is_refused(zone, domain):
    Domain.objects.update(removed_at=NOW)
    with pytest.raises(CommandError, match="No account sends from acme.example"):
        call_command("check_domains", "acme.example")
