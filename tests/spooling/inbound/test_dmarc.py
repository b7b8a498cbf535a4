"""Reports on DMARC: unpacked within bounds, counted, kept for whoever owns the domain."""

import gzip
import io
import tracemalloc
import zipfile
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from spooling.inbound import archives, dmarc
from spooling.models import DmarcReport
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import HOST

pytestmark = pytest.mark.django_db

ADDRESS = f"dmarc@{HOST}"


def row(count, spf, dkim):
    return (
        f"<record><row><source_ip>192.0.2.1</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row>"
        "<identifiers><header_from>shop.example</header_from></identifiers>"
        "<auth_results><spf><domain>shop.example</domain><result>pass</result></spf></auth_results></record>"
    )


ROWS = (row(7, "pass", "fail"), row(3, "fail", "pass"))


def report(domain="shop.example", report_id="r1", rows=ROWS, extra=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{extra}<feedback><report_metadata><org_name>receiver.example</org_name>'
        f"<email>noreply@receiver.example</email><report_id>{report_id}</report_id><date_range><begin>1767225600</begin>"
        f"<end>1767311999</end></date_range></report_metadata><policy_published><domain>{domain}</domain><p>none</p>"
        f"</policy_published>{''.join(rows)}</feedback>"
    ).encode()


def zipped(data, name="r.xml"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def mail(data, name):
    return messages.written("noreply@receiver.example", ADDRESS, subject="Report", files=[(name, data)])


@pytest.fixture
def domain(account):
    return account.domains.create(name="shop.example", verified_at=timezone.now())


@pytest.mark.parametrize("pack", [gzip.compress, zipped, lambda data: data], ids=["gzip", "zip", "xml"])
@pytest.mark.parametrize("name", ["r!shop.example!1!2.xml.gz", "r.zip", "r.xml", "attachment"])
def test_a_report_is_kept_for_the_domains_account(arrive, domain, pack, name):
    incoming = arrive(mail(pack(report()), name), ADDRESS)
    assert (incoming.kind, incoming.account_id) == ("dmarc", domain.account_id)
    (kept,) = DmarcReport.objects.all()
    assert (kept.account_id, kept.domain, kept.organisation, kept.report_id, kept.email) == (
        domain.account_id, "shop.example", "receiver.example", "r1", "noreply@receiver.example",
    )  # fmt: skip
    assert (kept.messages, kept.failed_spf, kept.failed_dkim) == (10, 3, 7)
    assert kept.begins_at == datetime(2026, 1, 1, tzinfo=UTC) and kept.ends_at > kept.begins_at
    assert "<feedback>" in kept.xml


def test_a_report_is_kept_once(arrive, domain):
    for number in range(2):
        arrive(mail(gzip.compress(report(rows=(row(number, "pass", "pass"),))), "a.gz"), ADDRESS)
    assert DmarcReport.objects.count() == 1


def test_a_domain_that_nobody_is_known_to_own_gets_none(arrive, account, other_account):
    account.domains.create(name="shop.example")
    other_account.domains.create(name="gone.example", removed_at=timezone.now())
    for name in ("shop.example", "gone.example", "else.example"):
        assert arrive(mail(gzip.compress(report(name)), "a.gz"), ADDRESS).account_id is None
    assert not DmarcReport.objects.exists()


def test_another_accounts_domain_stays_its_own(arrive, domain, other_account):
    other_account.domains.create(name="rival.example", verified_at=timezone.now())
    arrive(mail(gzip.compress(report("rival.example")), "a.gz"), ADDRESS)
    assert DmarcReport.objects.get().account == other_account


def test_a_report_with_a_namespace_is_read():
    xml = (
        report()
        .replace(b"<feedback>", b'<d:feedback xmlns:d="urn:x">')
        .replace(b"</feedback>", b"</d:feedback>")
    )
    assert dmarc.read(xml).messages == 10


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE = {
    "entities": report(extra=LAUGHS),
    "external": report(extra='<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
    "deep": b"<feedback>" + b"<a>" * 100_000,
    "many": report(rows=("<a/>" * 600_000,)),
    "no domain": report().replace(b"<domain>shop.example</domain><p>", b"<p>"),
    "no count": report(rows=("<record><row><count>x</count></row></record>",)),
    "no moment": report().replace(b"1767225600", b"9" * 40),
    "nothing": b"",
    "words": b"Hello",
    "cut": report()[:-40],
    "nulls": report().replace(b"r1", b"r\0"),
    "charset": report().replace(b"UTF-8", b"x-unknown"),
}


@pytest.mark.parametrize("xml", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_report_is_a_notice(arrive, domain, xml):
    assert dmarc.read(xml) is None
    assert arrive(mail(gzip.compress(xml), "a.gz"), ADDRESS).kind == "notice"


def many_in_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(20_000):
            archive.writestr(str(number), b"")
    return file.getvalue()


BOMBS = {
    "gzip": lambda: gzip.compress(b"\0" * 100_000_000, 9),
    "zip": lambda: zipped(b"\0" * 100_000_000),
    "many": many_in_zip,
    "large": lambda: b"x" * 5_000_000,
    "broken gzip": lambda: b"\x1f\x8b" + b"x" * 100,
    "broken zip": lambda: b"PK\x03\x04" + b"x" * 100,
    "cut gzip": lambda: gzip.compress(report())[:-20],
    "cut zip": lambda: zipped(report())[:-20],
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_an_archive_that_would_burst_or_is_broken_is_empty(make):
    assert archives.unpack(make()) == b""


def test_an_unpacked_file_is_bounded_in_memory():
    data = BOMBS["gzip"]()
    tracemalloc.start()
    archives.unpack(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * archives.MOST_OCTETS


def test_an_encrypted_archive_is_empty():
    data = bytearray(zipped(report()))
    data[6] |= 1
    central = bytes(data).rindex(b"PK\x01\x02")
    data[central + 8] |= 1
    assert archives.unpack(bytes(data)) == b""
