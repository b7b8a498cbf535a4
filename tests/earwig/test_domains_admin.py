import pytest
from django.urls import reverse
from django.utils import timezone

from earwig import dns_checks, dns_records, domains
from earwig.models import AuditEntry, Domain
from tests import dns_server

NOW = timezone.now()
DIALOG = {"_form_submitted": "on"}
#: The inline of its keys is read only.
INLINE = {"dkim_keys-TOTAL_FORMS": "0", "dkim_keys-INITIAL_FORMS": "0"}


@pytest.fixture
def domain(account, settings):
    settings.INBOUND_HOST = "mail.earwig.example"
    domain = domains.add(account, name="acme.example", now=NOW)
    domains.make_key(domain, algorithm="rsa-sha256", selector="s1", now=NOW)
    return domain


@pytest.fixture
def zone(settings):
    with dns_server.serving() as zone:
        settings.EARWIG_DNS_SERVERS = [zone.address]
        yield zone


def page(name, *arguments):
    return reverse(f"admin:earwig_domain_{name}", args=arguments)


def shown(browser, domain):
    response = browser.get(page("change", domain.pk))
    assert response.status_code == 200
    return response.content.decode()


def row(text, check):
    start = text.index(f'id="dns-{check}"')
    return text[start : text.index("</li>", start)]


def save(browser, domain, **fields):
    current = {"return_path_host": domain.return_path_host, "tracking_host": domain.tracking_host}
    ticked = {name: "on" for name in ("default", "disabled") if getattr(domain, name)}
    wanted = {**current, **ticked, **fields}
    return browser.post(page("change", domain.pk), {**wanted, **INLINE})


def test_the_page_shows_what_to_publish_before_anybody_looked(staff, domain):
    text = shown(staff, domain)
    assert "Not looked up yet." in text
    for record in dns_records.of(domain):
        assert record.name in row(text, record.check)
        assert record.value in row(text, record.check)
        assert 'data-state="not looked up"' in row(text, record.check)
        assert "data-copy" in row(text, record.check)
    assert "data-copy" not in row(text, "mx")
    assert "earwig/records.js" in text and "http://" not in row(text, "mx")


def test_check_now_looks_and_shows_each_state(staff, domain, zone):
    zone.publish("acme.example", "MX", "10 mx.acme.example")
    zone.publish("_dmarc.acme.example", "TXT", "v=DMARC1; p=<script>")
    zone.failing.add("s1._domainkey.acme.example")
    response = staff.post(page("check_now", domain.pk), DIALOG)
    assert response.headers["HX-Redirect"] == page("change", domain.pk)
    text = shown(staff, domain)
    states = {"mx": "ok", "dmarc": "wrong", "dkim:s1": "unreachable", "spf": "missing"}
    for check, state in states.items():
        assert row(text, check).startswith(f'id="dns-{check}" data-state="' + state)
    assert "v=DMARC1; p=&lt;script&gt;" in row(text, "dmarc")
    assert AuditEntry.objects.filter(action="check DNS", user__username="root@example.org").exists()


def test_name_servers_that_are_not_there_are_no_page_of_errors(staff, domain, settings, monkeypatch):
    settings.EARWIG_DNS_SERVERS = ["127.0.0.1:9"]
    monkeypatch.setattr(dns_checks, "SECONDS", 0.5)
    assert staff.post(page("check_now", domain.pk), DIALOG).status_code == 200
    assert 'data-state="unreachable"' in row(shown(staff, domain), "spf")


def test_the_list_says_how_each_domain_stands(staff, account, domain, zone):
    removed = domains.add(account, name="removed.example", now=NOW)
    Domain.objects.filter(pk=removed.pk).update(removed_at=NOW)
    failing = domains.add(account, name="failing.example", now=NOW)
    dns_checks.check(failing, now=NOW)
    text = staff.get(page("changelist")).content.decode()
    assert all(word in text for word in ("not looked up", "removed", "problems"))
    only = staff.get(page("changelist"), {"removed_at__isempty": "0"}).content.decode()
    assert "removed.example" in only and "failing.example" not in only


def test_hosts_are_set_and_what_was_found_is_forgotten(staff, domain, zone):
    dns_checks.check(domain, now=NOW)
    save(staff, domain, return_path_host=" Bounces.Acme.example. ", tracking_host="click.acme.example")
    domain.refresh_from_db()
    assert (domain.return_path_host, domain.tracking_host) == ("bounces.acme.example", "click.acme.example")
    assert (domain.dns_state, domain.dns_checked_at) == ({}, None)
    text = shown(staff, domain)
    assert "10 mail.earwig.example" in row(text, "return_path")
    assert "click.acme.example" in row(text, "tracking")


def test_what_is_no_host_of_the_domain_is_refused_in_words(staff, domain):
    for host in ("no host", "bounces.rival.example", "acme.example.rival.example"):
        response = save(staff, domain, return_path_host=host)
        assert response.status_code == 200
        assert "the domain itself or a name below it" in response.content.decode()
    domain.refresh_from_db()
    assert domain.return_path_host == ""


def test_another_domain_becomes_the_default_and_none_stops_being_it(staff, account, domain):
    second = domains.add(account, name="second.example", now=NOW)
    save(staff, second, default="on")
    domain.refresh_from_db()
    second.refresh_from_db()
    assert (domain.default, second.default) == (False, True)
    response = staff.post(page("change", second.pk), {"return_path_host": "", "tracking_host": "", **INLINE})
    assert "another domain the default" in response.content.decode()


def test_saving_writes_nothing_but_what_was_changed(staff, domain, zone):
    dns_checks.check(domain, now=NOW)
    save(staff, domain, disabled="on")
    domain.refresh_from_db()
    assert domain.disabled and domain.dns_checked_at == NOW


def test_who_may_only_look_makes_no_look_ups(clerk, domain, zone):
    assert "Not looked up yet." in shown(clerk, domain)
    assert clerk.post(page("check_now", domain.pk), DIALOG).status_code == 403
    assert zone.asked == []
