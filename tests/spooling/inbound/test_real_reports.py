"""Reports of real mail servers on mails of ours, and those that a library was made for: right mail, right class."""

import ast
import re
from pathlib import Path

import pytest

from spooling import received
from spooling.inbound import bounces, bounds, classes
from spooling.inbound.fields import Fields
from spooling.models import Mail, Suppression
from tests import made_letters, mail_servers, smtp_servers
from tests.mail_servers import Exim, Postfix
from tests.smtp_scripts import Script, say
from tests.spooling.inbound.conftest import HOST, return_path

#: What the next server says, at which stage, and what that makes of the mail.
REFUSALS = {
    "nobody@x.example": ("rcpt", "550 5.1.1 no such user", "bad_mailbox"),
    "plain@x.example": ("rcpt", "550 User unknown", "bad_mailbox"),
    "host@x.example": ("rcpt", "550 5.1.2 no such host", "bad_domain"),
    "full@x.example": ("rcpt", "452 4.2.2 mailbox full", "full"),
    "later@x.example": ("rcpt", "451 4.3.0 try again later", "soft"),
    "large@x.example": ("body", "552 5.3.4 too large", "too_large"),
    "spam@x.example": ("body", "554 5.7.1 rejected as spam", "spam"),
    "policy@x.example": ("body", "550 5.7.26 not authenticated", "policy"),
    "never@x.example": ("body", "554 5.6.0 no", "hard"),
}
SCRIPT = Script(
    recipients={address: {stage: say(reply)} for address, (stage, reply, _) in REFUSALS.items()},
    extensions=("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"),
)


@pytest.fixture
def next_server():
    with smtp_servers.Server(SCRIPT) as running:
        yield running


def reports(server):
    """By the return path that they came back to."""
    with server.lock:
        return {each.recipient: each.data for each in server.accepted if each.recipient.endswith(HOST)}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Postfix, Exim])
def test_each_report_of_a_server_marks_its_mail_with_its_class(kind, sent, arrive, next_server):
    mails = {address: sent(address) for address in REFUSALS}
    with kind(next_server.port) as server:
        for mail in mails.values():
            letter = made_letters.of(mail.pk)
            server.send(letter.sender, letter.recipient, letter.data)

        def come_back():
            server.push()
            return len(reports(next_server)) == len(mails)

        mail_servers.wait_for(come_back)
    found = reports(next_server)
    assert found.keys() == {return_path(mail) for mail in mails.values()}
    for path, report in found.items():
        assert arrive(report, path).kind == "bounce"
    classes_of = {mail.email: mail.bounce_class for mail in Mail.objects.exclude(bounced_at=None)}
    assert classes_of == {address: expected for address, (_, _, expected) in REFUSALS.items()}
    suppressed = set(Suppression.objects.values_list("address", flat=True))
    assert suppressed == {"nobody@x.example", "plain@x.example", "host@x.example"}


@pytest.mark.django_db
def test_a_report_of_success_is_a_notice(sent, arrive, next_server):
    mail = sent()
    with Postfix(next_server.port) as server:
        letter = made_letters.of(mail.pk)
        server.send(letter.sender, letter.recipient, letter.data, notify="SUCCESS")
        mail_servers.wait_for(lambda: reports(next_server))
    ((path, report),) = reports(next_server).items()
    assert b"Action: relayed" in report
    assert (arrive(report, path).kind, Mail.objects.get().bounced_at) == ("notice", None)


_LIBRARY = mail_servers.UNPACKED / "flufl.bounce/tests"


def library():
    """(file, whether it reports a failure for good) of all samples that it expects to find an address in."""
    if not _LIBRARY.is_dir():
        return []
    tree = ast.parse((_LIBRARY / "test_detectors.py").read_text())
    tables = [
        node for node in ast.walk(tree) if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) > 50
    ]
    rows = ast.literal_eval(tables[0])
    return sorted({(name, not temporary) for _, name, found, temporary in rows if found})


#: Classes of those that say why in words or codes; the others say no more than that it failed.
KNOWN = {
    "dsn_02.txt": "soft", "dsn_10.txt": "bad_mailbox", "dsn_11.txt": "bad_mailbox", "dsn_12.txt": "bad_mailbox",
    "dsn_13.txt": "bad_mailbox", "dsn_14.txt": "bad_mailbox", "dsn_16.txt": "bad_mailbox",
    "bounce_02.txt": "bad_mailbox", "exim_01.txt": "bad_mailbox", "hotpop_01.txt": "full",
    "newmailru_01.txt": "full", "postfix_01.txt": "bad_mailbox", "qmail_03.txt": "bad_mailbox",
    "qmail_04.txt": "bad_mailbox", "qmail_06.txt": "full", "simple_01.txt": "full", "simple_05.txt": "bad_mailbox",
    "simple_07.txt": "full", "simple_08.txt": "bad_mailbox", "simple_09.txt": "full", "simple_14.txt": "full",
    "simple_15.txt": "bad_mailbox", "simple_23.txt": "bad_mailbox", "simple_27.txt": "bad_mailbox",
    "simple_34.txt": "bad_mailbox", "simple_36.txt": "bad_mailbox", "simple_38.txt": "full",
    "simple_41.txt": "bad_mailbox", "simple_44.txt": "soft", "simple_45.txt": "full", "yahoo_01.txt": "soft",
    "yahoo_02.txt": "full", "yahoo_03.txt": "bad_mailbox", "yahoo_10.txt": "bad_mailbox",
    "yahoo_11.txt": "bad_mailbox", "yahoo_13.txt": "bad_mailbox",
}  # fmt: skip


def test_the_samples_are_there():
    mail_servers.need(_LIBRARY)
    assert len(library()) > 100 and KNOWN.keys() <= {name for name, _ in library()}


@pytest.mark.parametrize(
    ("name", "lasting"), library(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_sample_is_told_as_its_library_tells_it(name, lasting):
    tamed = bounds.tame((_LIBRARY / "data" / name).read_bytes())
    told = bounces.told(tamed, received.read(tamed), Fields(tamed))
    assert {outcome.action.value for outcome in told} == {"failed" if lasting else "delayed"}
    first = told[0]
    why = classes.class_of(status=first.status, code=first.code, text=first.text)
    if lasting and name in KNOWN:
        assert why == KNOWN[name]


@pytest.mark.django_db
def test_a_sample_comes_to_its_mail_by_the_return_path_alone(sent, arrive):
    mail_servers.need(_LIBRARY)
    mails = [sent(f"a{number}@x.example") for number in range(10)]
    samples = [name for name, lasting in library() if lasting and re.match("qmail|yahoo|simple", name)]
    for mail, name in zip(mails, samples, strict=False):
        arrive((Path(_LIBRARY) / "data" / name).read_bytes(), return_path(mail))
    assert Mail.objects.filter(bounced_at=None).count() == 0
