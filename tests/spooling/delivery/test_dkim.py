import base64
import hashlib
import re
from dataclasses import replace

import dkim as dkimpy
import pytest
from dkim.canonicalization import Relaxed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earwig import domains
from earwig.models.domains import Algorithm
from spooling.delivery import dkim, errors
from tests import mail_contents, mail_reader
from tests.mail_contents import AT, build, parts

DOMAIN = "example.org"
PAIRS = {algorithm: domains.key_pair(algorithm) for algorithm in Algorithm}
KEYS = {algorithm: pem.encode() for algorithm, (pem, _) in PAIRS.items()}
SIGNERS = [
    dkim.Signer(DOMAIN, algorithm.partition("-")[0], pem, algorithm)
    for algorithm, pem in reversed(KEYS.items())
]
RECORDS = {f"{signer.selector}._domainkey.{DOMAIN}": PAIRS[signer.algorithm][1] for signer in SIGNERS}


@pytest.fixture(scope="module")
def reader():
    started = mail_reader.start()
    yield started
    started.close()


def signatures(signers, headers, body, at):
    return [field.signed() for field in dkim.fields(signers, headers, body, at)]


def signed(built, signers=SIGNERS):
    return b"".join(
        [*signatures(signers, built.headers, built.body, AT), *built.headers, b"\r\n", built.body]
    )


def published(name, timeout=5):
    return RECORDS[name.decode().rstrip(".")].encode()


def verdicts(mail):
    """dkimpy's, one for each signature."""
    count = len(re.findall(rb"^DKIM-Signature:", mail, re.M))
    return [verdict(mail, index) for index in range(count)]


def verdict(mail, index):
    try:
        return dkimpy.DKIM(mail).verify(idx=index, dnsfunc=published)
    except dkimpy.ValidationError:
        return False


def mailauth_verdicts(reader, mail):
    return [(one["algorithm"], one["result"]) for one in reader.read(mail, RECORDS)["signatures"]]


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=mail_contents.contents(), to=mail_contents.addresses)
def test_dkimpy_and_mailauth_verify_any_mail(reader, content, to):
    unsubscribe = (
        ("List-Unsubscribe", "<https://example.org/u/1>, <mailto:u@example.org>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )
    mail = signed(build(replace(content, headers=content.headers + unsubscribe), to=to))
    assert max(map(len, mail.partition(b"\r\nFrom: ")[0].split(b"\r\n"))) <= 78
    assert verdicts(mail) == [True, True]
    assert mailauth_verdicts(reader, mail) == [("rsa-sha256", "pass"), ("ed25519-sha256", "pass")]


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(st.text(" \t\x0b\x0cab=.", max_size=8)))
def test_the_body_hash_is_dkimpys_for_any_blanks(lines):
    body = "\r\n".join(lines).encode()
    canonical = Relaxed.canonicalize_body(body + b"\r\n")
    assert dkim.body_hash(body) == dkim.body_hash(body + b"\r\n")
    assert dkim.body_hash(body) == base64.b64encode(hashlib.sha256(canonical).digest())


TAMPERINGS = [
    (b"Hello there", b"Hello There"),
    (b"From: Ann", b"From: Eve"),
    (b"Subject: Hello", b"Subject: Hullo"),
    (b"To: Bob", b"To: Bert"),
    (b"Message-ID: <1@", b"Message-ID: <2@"),
    (b"One-Click", b"No-Click"),
    (b"u/1>", b"u/2>"),
    (b" t=17", b" t=16"),
    (b"MIME-Version", b"From: eve@example.com\r\nMIME-Version"),
    (b"MIME-Version", b"Subject: Another\r\nMIME-Version"),
]


@pytest.mark.parametrize(("old", "new"), TAMPERINGS)
def test_tampering_breaks_each_signature(reader, old, new):
    headers = (
        ("List-Unsubscribe", "<https://e.org/u/1>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )
    mail = signed(build(parts(text="Hello there", headers=headers)))
    assert verdicts(mail) == [True, True]
    tampered = mail.replace(old, new)
    assert tampered != mail
    assert verdicts(tampered) == [False, False]
    assert all(result != "pass" for _, result in mailauth_verdicts(reader, tampered))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_one_signer_signs_alone(reader, algorithm):
    (signer,) = (signer for signer in SIGNERS if signer.algorithm is algorithm)
    built = build(parts(text="Hello"))
    [field] = signatures([signer], built.headers, built.body, AT)
    mail = b"".join([field, *built.headers, b"\r\n", built.body])
    assert verdicts(mail) == [True]
    assert mailauth_verdicts(reader, mail) == [(algorithm, "pass")]


def test_rsa_stands_above_ed25519():
    fields = signatures(SIGNERS, build().headers, b"a\r\n", AT)
    assert [re.search(rb"a=([\w-]+)", field)[1] for field in fields] == [b"rsa-sha256", b"ed25519-sha256"]


def test_present_headers_are_covered_and_from_and_subject_twice():
    headers = (("List-Unsubscribe", "<https://e.org>"), ("X-Mine", "a"))
    content = parts(text="a", cc=(mail_contents.ADDRESS,), reply_to=(mail_contents.ADDRESS,), headers=headers)
    field, _ = signatures(SIGNERS, build(content).headers, b"", AT)
    listed = re.search(rb"h=([^;]+)", field)[1].decode()
    covered = (
        "cc content-type date from from list-unsubscribe message-id mime-version reply-to subject subject to"
    )
    assert sorted("".join(listed.split()).split(":")) == covered.split()
    assert b" l=" not in field


def test_repeated_and_folded_fields_are_covered(reader):
    headers = [
        b"From: a@example.org\r\n",
        b"List-Unsubscribe: <https://one.example>\r\n",
        b"list-unsubscribe:  <https://two.example>,\r\n\t<mailto:x@y.example>  \r\n",
        b"Subject: \r\n",
    ]
    mail = b"".join([*signatures(SIGNERS, headers, b"a  b \r\n", AT), *headers, b"\r\na b\r\n\r\n"])
    assert verdicts(mail) == [True, True]
    assert {result for _, result in mailauth_verdicts(reader, mail)} == {"pass"}
    assert verdicts(mail.replace(b"one.example", b"six.example")) == [False, False]


@pytest.mark.parametrize(
    ("pem", "algorithm"),
    [
        (KEYS[Algorithm.RSA], "ed25519-sha256"),
        (KEYS[Algorithm.ED25519], "rsa-sha256"),
        (b"not a key", "rsa-sha256"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(pem, algorithm):
    with pytest.raises(errors.KeyInvalid):
        dkim.Signer(DOMAIN, "s", pem, algorithm)


def test_a_signer_does_not_show_its_key():
    assert repr(SIGNERS[0]) == "<Signer ed25519._domainkey.example.org ed25519-sha256>"


def test_the_offer_to_unsubscribe_by_one_click_is_under_every_signature():
    mail = signed(build(parts(text="Hi"), unsubscribe="https://go.example.org/t/u/abc"))
    assert b"\r\nList-Unsubscribe: <https://go.example.org/t/u/abc>\r\n" in mail
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in mail
    assert verdicts(mail) == [True, True]
    assert verdicts(mail.replace(b"/t/u/abc", b"/t/u/abd")) == [False, False]
    assert verdicts(mail.replace(b"=One-Click", b"=Two-Click")) == [False, False]
