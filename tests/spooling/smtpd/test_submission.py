"""Mail that programs submit by SMTP: whose it is, what of it goes out, and what each refusal says."""

import base64
import re
import smtplib
import ssl

import pytest
from django.db import OperationalError
from django.utils import timezone

from earwig import api_keys, domains, logins
from earwig.models import Account, Domain, IdempotencyKey
from earwig.models.api_keys import Scope
from spooling import limits
from spooling.delivery import structure
from spooling.models import Attachment, Content, Mail, Submission
from spooling.outbox import intake
from spooling.smtpd import certificates
from spooling.smtpd import logins as logins_of_smtp
from spooling.smtpd import policy, submissions
from spooling.smtpd.dialogue import Recipient
from tests import made_letters, submission_servers
from tests.installation import free_port
from tests.submission_servers import MESSAGE

NOW = timezone.now()


def key_of(account, scopes=Scope.values, **restrictions):
    return api_keys.issue(account, name="tests", scopes=scopes, now=NOW, **restrictions).secret


def test_each_recipient_is_a_mail_and_the_reply_names_them(submit, account):
    code, reply = submit("bob@x.example", "cy@X.EXAMPLE", "bob@x.example")

    mails = list(Mail.objects.order_by("id"))
    assert [mail.email for mail in mails] == ["bob@x.example", "cy@x.example"]
    assert {mail.account_id for mail in mails} == {account.pk}
    assert {(mail.lane, mail.state, mail.submission.wire) for mail in mails} == {
        ("transactional", "waiting", "smtp")
    }
    assert code == 250
    assert re.findall("[0-9a-f]{32}", reply.decode()) == [mail.public_id.hex for mail in mails]
    assert Content.objects.get().subject == "Hi"


def test_a_message_goes_out_as_it_was_submitted(submit):
    dots = MESSAGE.replace("Hello", ".\r\n..one\r\n.two")
    submit(message=dots)
    assert made_letters.of(Mail.objects.get().pk).data.endswith(b"\r\n\r\n.\r\n..one\r\n.two\r\n")
    assert bytes(Attachment.objects.get().data) == dots.encode()


@pytest.mark.parametrize("user", ["acme", "staff@acme.example", "STAFF@acme.example"])
def test_the_account_and_its_users_log_in_with_its_keys(submit, user):
    assert submit(user=user)[0] == 250


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "plain"])
def test_both_ways_to_log_in_work(port, key, mechanism):
    with submission_servers.client(port) as client:
        client.user, client.password = "acme", key
        method = getattr(client, f"auth_{mechanism.lower()}")
        assert client.auth(mechanism, method)[0] == 235


@pytest.mark.parametrize("user", ["rival", "staff@rival.example", "nobody", "", "a\0b"])
def test_a_key_opens_nothing_under_a_foreign_name(port, key, other_account, user):
    with submission_servers.client(port) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            client.login(user or "@", key)
        assert caught.value.smtp_code in (501, 535)
        assert client.mail("ann@sender.example")[0] == 530
    assert not Mail.objects.exists()


def test_a_wrong_key_is_535_and_too_many_are_put_off(port, account):
    def attempt(secret):
        with submission_servers.client(port) as client:
            client.user, client.password = "acme", secret
            try:
                return client.auth("PLAIN", client.auth_plain)[0]
            except smtplib.SMTPAuthenticationError as refused:
                return refused.smtp_code, refused.smtp_error[:5]

    # They are counted by the minute of the clock, and two minutes may have met.
    answers = [attempt("0" * 40) for _ in range(logins.WRONG_FOR_USER)]
    assert set(answers) <= {(535, b"5.7.8")}
    while (answer := attempt("0" * 40)) == (535, b"5.7.8"):
        answers.append(answer)
        assert len(answers) <= 2 * logins.WRONG_FOR_USER
    assert answer == (454, b"4.7.0")


def test_nothing_is_taken_before_a_login(port, account):
    with submission_servers.client(port) as client:
        assert client.mail("ann@sender.example") == (530, b"5.7.0 Log in first")
        assert client.rcpt("bob@x.example")[0] == 503
        assert client.docmd("DATA")[0] == 554


def test_what_a_key_may_not_do_has_its_code(port, account, submit):
    def refused(secret):
        with submission_servers.client(port) as client:
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                client.login("acme", secret)
            return caught.value.smtp_code, caught.value.smtp_error[:5]

    assert refused(key_of(account, scopes=[Scope.READ])) == (550, b"5.7.1")
    assert refused(key_of(account, allowed_ips=["192.0.2.0/24"])) == (535, b"5.7.1")
    own = key_of(account, allowed_sender_domains=["own.example"])
    assert submit(secret=own)[0] == 550
    assert submit(secret=own, message=MESSAGE.replace("sender.example", "own.example"))[0] == 250


def test_a_sender_field_is_bound_like_the_author(submit, account):
    own = key_of(account, allowed_sender_domains=["sender.example"])
    assert submit(secret=own, message="Sender: x@other.example\r\n" + MESSAGE)[0] == 550
    assert submit(secret=own, message="Sender: x@sender.example\r\n" + MESSAGE)[0] == 250


def test_another_accounts_domain_and_domains_that_are_not_its_own_are_refused(submit, account, other_account):
    taken = domains.add(other_account, name="sender.example", now=NOW)
    domains.verify(taken, now=NOW)
    code, reply = submit()
    assert (code, reply[:5]) == (550, b"5.7.1")
    own = domains.add(account, name="own.example", now=NOW)
    domains.forget_cached()
    assert submit(message=MESSAGE.replace("sender.example", "else.example"))[0] == 550
    assert submit(message=MESSAGE.replace("sender.example", "own.example"))[0] == 250
    assert Mail.objects.get().domain_id == own.pk
    assert Domain.objects.count() == 2


def test_the_accounts_limit_and_the_keys_rate_put_off(port, submit, account, key):
    Account.objects.filter(pk=account.pk).update(mails_per_hour=2)
    limits._rooms.clear()
    assert submit("a@x.example", "b@x.example")[0] == 250
    code, reply = submit()
    assert (code, reply[:5]) == (452, b"4.7.1")

    slow = key_of(account, requests_per_minute=1)
    with submission_servers.client(port, "acme", slow) as client:
        replies = [client.mail("ann@sender.example") for _ in range(2) if client.rset()]
        # Two minutes of the clock may have met.
        client.rset()
        replies.append(client.mail("ann@sender.example"))
    assert (450, b"4.7.1") in [(code, reply[:5]) for code, reply in replies]


def test_a_revoked_key_submits_nothing_more_on_an_open_connection(port, account):
    issued = api_keys.issue(account, name="tests", scopes=Scope.values, now=NOW)
    with submission_servers.client(port, "acme", issued.secret) as client:
        api_keys.revoke(issued.key, now=NOW)
        client.mail("ann@sender.example")
        client.rcpt("bob@x.example")
        code, reply = client.data(MESSAGE)
    assert (code, reply[:5]) == (535, b"5.7.8")
    assert not Mail.objects.exists()


def test_what_a_client_asks_for_by_dsn_is_kept_for_each_recipient(port, key):
    with submission_servers.client(port, "acme", key) as client:
        assert client.has_extn("dsn")
        client.mail("bounces@sender.example", ["RET=hdrs", "ENVID=a+2Bb", "SIZE=100"])
        client.rcpt("a@x.example", ["NOTIFY=success,FAILURE", "ORCPT=rfc822;o+2Bne@x.example"])
        client.rcpt("b@x.example", ["NOTIFY=NEVER", "ORCPT=rfc822;b@x.example"])
        client.rcpt("c@x.example", ["NOTIFY=NEVER"])
        assert client.data(MESSAGE)[0] == 250
    told = {mail.email: made_letters.of(mail.pk) for mail in Mail.objects.all()}
    first, second, third = told["a@x.example"], told["b@x.example"], told["c@x.example"]
    assert (first.notify, first.ret, first.envid, first.orcpt) == (
        *("SUCCESS,FAILURE", "HDRS", "a+b"),
        "o+ne@x.example",
    )
    assert (second.notify, third.notify, second.orcpt) == ("NEVER", "NEVER", "")
    assert first.sender.startswith("b-") and Content.objects.count() == 2
    assert {content.handling["envelope_sender"] for content in Content.objects.all()} == {
        "bounces@sender.example"
    }


def test_an_original_recipient_that_is_not_ascii_is_kept(port, key):
    with submission_servers.client(port, "acme", key) as client:
        client.mail("ann@sender.example")
        client.rcpt("a@x.example", [r"ORCPT=utf-8;j\x{FC}rgen@x.example"])
        client.rcpt("b@x.example", ["ORCPT=x400;whatever"])
        assert client.data(MESSAGE)[0] == 250
        client.mail("ann@sender.example", ["SMTPUTF8"])
        client.command_encoding = "utf-8"
        client.rcpt("c@x.example", ["ORCPT=UTF-8;jürgen@x.example"])
        assert client.data(MESSAGE)[0] == 250
    told = [made_letters.of(mail.pk).orcpt for mail in Mail.objects.order_by("email")]
    assert told == ["jürgen@x.example", "", "jürgen@x.example"]


@pytest.mark.parametrize(
    ("options", "wishes"),
    [
        (["RET=SOME"], []),
        (["ENVID=a b"], []),
        (["ENVID=" + "a" * 101], []),
        (["ENVID=+0D+0A"], []),
        ([], ["NOTIFY=NEVER,SUCCESS"]),
        ([], ["NOTIFY=LATER"]),
        ([], ["ORCPT=a@x.example"]),
        ([], ["ORCPT=rfc822;+0A"]),
        ([], [r"ORCPT=utf-8;a\x{0A}@x.example"]),
        ([], [r"ORCPT=utf-8;a\n@x.example"]),
        ([], ["ORCPT=utf-8;"]),
        ([], ["ORCPT=utf-8;" + "a" * 400]),
    ],
)
def test_parameters_that_mean_nothing_are_refused(port, key, options, wishes):
    with submission_servers.client(port, "acme", key) as client:
        codes = [client.mail("ann@sender.example", options)[0], client.rcpt("bob@x.example", wishes)[0]]
    assert 501 in codes or codes[0] in (501, 555)


def test_header_fields_say_how_it_is_sent_and_do_not_go_out(submit):
    fields = (
        'X-Earwig-Tag: one, two\r\nx-smtpeter-tags: two,three\r\nX-Earwig-Metadata: {"order": 7}\r\n'
        "X-Earwig-Lane: bulk\r\nX-SMTPeter-TrackOpens: true\r\nX-Earwig-Track-Clicks: yes\r\n"
        "x-smtpeter-trackbounces: false\r\nx-smtpeter-preventscam: 1\r\nX-Earwig-Unknown: x\r\nX-Own: stays\r\n"
    )
    assert submit(message=fields + MESSAGE)[0] == 250
    call, content = Submission.objects.get(), Content.objects.get()
    assert (call.tags, call.metadata) == (["one", "two", "three"], {"order": 7})
    assert (content.track_opens, content.track_clicks) == (True, True)
    mail = Mail.objects.get()
    assert mail.lane == "bulk"
    message = made_letters.of(mail.pk)
    assert message.sender == "ann@sender.example"
    assert (
        b"earwig" not in message.data.lower().partition(b"list-unsub")[0] and b"X-Own: stays" in message.data
    )


@pytest.mark.parametrize(
    "field",
    [
        "X-Earwig-Metadata: [1]",
        "X-Earwig-Metadata: {",
        'X-Earwig-Metadata: {"a": "\\u0000"}',
        'X-Earwig-Metadata: {"a": "\\ud800"}',
        "X-Earwig-Metadata: " + '{"a":' * 700,
        "X-Earwig-Lane: fast",
        "X-Earwig-Track-Opens: perhaps",
        "X-Earwig-Tags: " + ",".join(map(str, range(101))),
        "Idempotency-Key: ",
        "From: two@sender.example",
    ],
)
def test_what_cannot_be_meant_is_refused(submit, field):
    code, reply = submit(message=f"{field}\r\n{MESSAGE}")
    assert (code, reply[:5]) == (554, b"5.6.0")
    assert not Mail.objects.exists()


def test_a_message_with_a_key_is_stored_once_and_answered_the_same(submit):
    keyed = "Idempotency-Key: once\r\n" + MESSAGE
    first, second = submit(message=keyed), submit(message=keyed)
    assert first == second and first[0] == 250
    assert Mail.objects.count() == IdempotencyKey.objects.count() == 1
    code, reply = submit(message=keyed + "more\r\n")
    assert (code, reply[:5]) == (554, b"5.5.0")
    assert Mail.objects.count() == 1


def test_a_database_that_is_away_puts_off(submit, monkeypatch):
    def away(*_, **__):
        raise OperationalError("server closed the connection")

    with monkeypatch.context() as patched:
        patched.setattr(intake, "accept", away)
        code, reply = submit()
    assert (code, reply[:5]) == (451, b"4.3.0")
    assert submit()[0] == 250 and Mail.objects.count() == 1


def test_what_breaks_the_taking_of_one_message_stops_no_other(submit, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("ann@sender.example")

    with monkeypatch.context() as patched:
        patched.setattr(submissions, "_ready", broken)
        assert submit()[0] == 451
    assert submit()[0] == 250
    assert "ann@sender.example" not in caplog.text


def test_a_message_that_is_too_large_is_refused_before_and_after_it_came(transactional_db, key, settings):
    settings.SMTPD_MAX_BYTES = 100_000
    with submission_servers.running(submission_servers.plan()) as plan:
        with submission_servers.client(plan.submission[0], "acme", key) as client:
            assert client.esmtp_features["size"] == "100000"
            assert client.mail("ann@sender.example", ["SIZE=100001"])[0] == 552
            client.rset()
            for message, code in ((MESSAGE + "x" * 70 + "\r\n" * 50_000, 552), (MESSAGE, 250)):
                client.mail("ann@sender.example")
                client.rcpt("bob@x.example")
                assert client.data(message)[0] == code


def test_international_addresses_and_eight_bit_bodies_are_taken(port, key):
    with submission_servers.client(port, "acme", key) as client:
        client.command_encoding = "utf-8"
        assert client.mail("jörg@sender.example", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert client.rcpt("döner@bücher.example")[0] == 250
        message = MESSAGE.replace("Hello", "Grüezi").encode()
        assert client.data(message)[0] == 250
    mail = Mail.objects.get()
    assert mail.email == "döner@xn--bcher-kva.example"
    assert b"Gr=C3=BCezi" in made_letters.of(mail.pk).data


def test_more_recipients_than_fit_are_left_to_another_message(port, key, monkeypatch):
    monkeypatch.setattr(policy, "MOST_RECIPIENTS", 25)
    with submission_servers.client(port, "acme", key) as client:
        client.mail("ann@sender.example")
        codes = [client.rcpt(f"{number}@x.example")[0] for number in range(27)]
        assert codes == [250] * 25 + [452] * 2
        code, reply = client.data(MESSAGE)
    assert code == 250 and len(re.findall("[0-9a-f]{32}", reply.decode())) == 25 == Mail.objects.count()


@pytest.mark.parametrize("address", ["nobody", "@x.example", "a b@x.example", "a@b@c", "a@localhost"])
def test_what_is_no_address_is_refused(port, key, address):
    with submission_servers.client(port, "acme", key) as client:
        client.mail("ann@sender.example")
        code, reply = client.docmd("RCPT", f"TO:<{address}>")
        assert code in (501, 553, 555)
        assert client.noop()[0] == 250


def test_no_bounce_is_owed_to_an_empty_sender(submit):
    assert submit(sender="")[0] == 250
    assert "envelope_sender" not in (Content.objects.get().handling or {})


def test_keys_are_taken_by_starttls_and_from_this_machine_without(
    certificate, account, key, transactional_db
):
    context = ssl.create_default_context(cafile=str(certificate))
    with submission_servers.running(submission_servers.plan(), certificates.load()) as plan:
        with smtplib.SMTP("127.0.0.1", plan.submission[0], timeout=30) as client:
            client.ehlo()
            assert client.has_extn("starttls") and client.has_extn("auth")
            client.starttls(context=context)
            client.ehlo()
            assert not client.has_extn("starttls")
            client.login("acme", key)
            client.sendmail("ann@sender.example", ["bob@x.example"], MESSAGE)
    assert Mail.objects.count() == 1


def test_a_port_of_its_own_speaks_tls_from_the_first_octet(certificate, account, key, transactional_db):
    context = ssl.create_default_context(cafile=str(certificate))
    plan = submission_servers.plan(submission_tls=(free_port(),))
    with submission_servers.running(plan, certificates.load()):
        with smtplib.SMTP_SSL("127.0.0.1", plan.submission_tls[0], timeout=30, context=context) as client:
            client.login("acme", key)
            assert not client.has_extn("starttls")
            client.sendmail("ann@sender.example", ["bob@x.example"], MESSAGE)
    assert Mail.objects.count() == 1


def test_swaks_submits(port, key, account):
    done = submission_servers.swaks(
        port,
        *("--auth", "LOGIN", "--auth-user", "staff@acme.example", "--auth-password", key),
        *("--from", "ann@sender.example", "--to", "a@x.example,b@x.example", "--pipeline"),
        *("--header", "Subject: by swaks", "--attach-type", "text/csv", "--attach", "a,b"),
    )
    assert done.returncode == 0, done.stdout
    assert [mail.content.subject for mail in Mail.objects.all()] == ["by swaks"] * 2
    refused = submission_servers.swaks(
        port, "--auth", "PLAIN", "--auth-user", "acme", "--auth-password", "x", "--to", "a@x.example"
    )
    assert "535 5.7.8" in refused.stdout and refused.returncode


def test_messages_that_are_stored_together_have_their_own_replies_and_submissions(account, key, db):
    login = logins_of_smtp.enter("acme", key, ip="127.0.0.1", now=NOW)

    def submitted(number, raw=MESSAGE):
        return submissions.Submitted(
            login=login,
            sender="ann@sender.example",
            ret="",
            envid="",
            recipients=(Recipient(email=f"{number}@x.example"),),
            raw=raw.encode(),
        )

    batch = [
        submitted(1),
        submitted(2, "no message"),
        submitted(3, "X-Earwig-Tag: t\r\n" + MESSAGE),
        submitted(4),
    ]
    answers = dict(submissions.accept(batch, now=NOW))

    assert [answers[place][:3] for place in range(4)] == ["250", "554", "250", "250"]
    mails = {mail.email: mail for mail in Mail.objects.all()}
    for number in (1, 3, 4):
        assert mails[f"{number}@x.example"].public_id.hex in answers[number - 1]
    assert Submission.objects.count() == 3


def test_messages_for_which_there_is_no_room_together_are_taken_one_by_one(account, key, db):
    Account.objects.filter(pk=account.pk).update(mails_per_hour=2)
    login = logins_of_smtp.enter("acme", key, ip="127.0.0.1", now=NOW)
    one = submissions.Submitted(
        login=login,
        sender="",
        ret="",
        envid="",
        recipients=(Recipient(email="a@x.example"),),
        raw=MESSAGE.encode(),
    )
    answers = dict(submissions.accept([one] * 3, now=NOW))
    assert sorted(answer[:3] for answer in answers.values()) == ["250", "250", "452"]


SHEET = "<style>p { color: #123456 }</style><p>Hällo</p>"


def html_message(option, body=SHEET):
    return (
        f"From: shop@sender.example\r\nSubject: Hi\r\n{option}MIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative; boundary=aa\r\n\r\n"
        "--aa\r\nContent-Type: text/plain\r\n\r\nHallo\r\n"
        "--aa\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        f"{base64.b64encode(body.encode()).decode()}\r\n--aa--\r\n"
    )


@pytest.mark.parametrize("field", ["X-Earwig-Inline-Css", "x-smtpeter-inlinecss", "x-smtpeter-inlinizecss"])
def test_style_sheets_are_inlined_where_the_message_asks_for_it(submit, field):
    assert submit(message=html_message(f"{field}: true\r\n"))[0] == 250
    sent = made_letters.of(Mail.objects.get().pk).data
    html = structure.read(sent).parts[1]
    assert re.search(r'<p style="color: ?#123456;?">Hällo</p>', html.text())
    assert Content.objects.get().html == html.text()
    assert field.lower().encode() not in sent.lower() and b"\r\n\r\nHallo\r\n--aa" in sent


@pytest.mark.parametrize("option", ["", "X-Earwig-Inline-Css: false\r\n", "x-smtpeter-images: hosted\r\n"])
def test_style_sheets_stay_where_it_does_not(submit, option):
    submit(message=html_message(option))
    assert structure.read(made_letters.of(Mail.objects.get().pk).data).parts[1].text() == SHEET


def test_a_signed_message_keeps_its_style_sheets(submit):
    inner = html_message("").partition("MIME-Version: 1.0\r\n")[2]
    submit(
        message="From: shop@sender.example\r\nX-Earwig-Inline-Css: true\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/signed; boundary=ss\r\n\r\n--ss\r\n{inner}\r\n"
        "--ss\r\nContent-Type: application/pgp-signature\r\n\r\nAAAA\r\n--ss--\r\n"
    )
    assert inner.encode() in made_letters.of(Mail.objects.get().pk).data


def test_style_sheets_that_are_too_much_are_refused(submit):
    code, reply = submit(message=html_message("X-Earwig-Inline-Css: true\r\n", SHEET * 60_000))
    assert (code, reply[:5]) == (554, b"5.6.0") and not Mail.objects.exists()
