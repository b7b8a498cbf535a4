"""Webhooks as SMTPeter's clients know them: one event a call, its words, its headers, its signature."""

import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from django.utils import timezone

from earwig import domains
from earwig.models import DkimKey
from spooling.inbound import marks
from spooling.inbound.dsn import Outcome
from spooling.models import IncomingMail, Mail
from spooling.models.inbound import IncomingKind
from spooling.outbox import intake, public_ids
from spooling.tracking import hits
from spooling.tracking.tokens import Token
from spooling.webhooks import proofs, smtpeter_payloads
from stats import events, webhook_leases, webhooks
from stats.models import Webhook, WebhookDelivery, WebhookFormat
from tests import mail_moves

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def smtpeter(hook):
    """Call with a type; a webhook of it."""

    def make(type_, **settings):
        return hook(
            format=WebhookFormat.SMTPETER,
            kinds=smtpeter_payloads.KINDS[type_],
            settings={"type": type_, **settings},
        )

    return make


@pytest.fixture
def mail(account):
    """A mail with tags and an envelope sender, of a domain that signs."""
    domain = domains.add_signed(account, name="shop.example", now=timezone.now())
    content = intake.NewContent(from_email="news@shop.example", subject="S", text="T\n")
    submission = intake.NewSubmission(account_id=account.pk, wire="smtpeter", tags=("blue", "red"))
    send = intake.NewSend(
        content=content, mails=(intake.NewMail(email="ann@x.example"),), domain_id=domain.pk
    )
    return intake.accept(submission, [send], now=timezone.now())[0]


def bodies(receiver):
    return [json.loads(asked.body) for asked in receiver.asked]


def id_of(mail):
    return public_ids.letter_first(Mail.objects.get(pk=mail.id).public_id)


def bounced(mail, now):
    raw = b"From: postmaster@x.example\r\nSubject: failed\r\n\r\ngone"
    IncomingMail.objects.create(
        mail_id=mail.id, kind=IncomingKind.BOUNCE, digest="1" * 64, raw=raw, received_at=now
    )
    outcome = Outcome(action="failed", status="5.1.1", code=550, text="no such user")
    marks.bounce(mail.id, outcome, now=now)
    return raw.decode()


def test_a_delivery(smtpeter, mail, tell, receiver):
    smtpeter("delivery")
    mail_moves.settle(mail.id, "tempfail", "delivered", reply="2.0.0 queued")
    tell()
    (body,) = bodies(receiver)
    assert abs(body.pop("time") - timezone.now().timestamp()) < 600 and len(body.pop("timestamp")) == 19
    assert body == {
        **{"id": id_of(mail), "type": "delivery", "recipient": "ann@x.example", "tags": "blue;red"},
        **{"code": 250, "extended": "2.0.0", "description": "2.0.0 queued"},
    }


def test_a_failure(smtpeter, mail, tell, receiver):
    smtpeter("failure")
    mail_moves.settle(mail.id, "failed", code=550, reply="5.1.1 no such user")
    tell()
    (body,) = bodies(receiver)
    assert isinstance(body.pop("time"), int) and body.pop("timestamp")
    assert body == {
        **{"id": id_of(mail), "type": "failure", "recipient": "ann@x.example", "action": "failure"},
        **{"state": "", "code": 550, "extended": "5.1.1", "description": "5.1.1 no such user"},
        "tags": "blue;red",
    }


def test_a_bounce_and_the_failure_that_it_is_too(smtpeter, mail, tell, receiver):
    smtpeter("bounce")
    smtpeter("failure")
    mail_moves.settle(mail.id, "delivered")
    now = timezone.now()
    raw = bounced(mail, now)
    tell()
    bounce, failure = sorted(bodies(receiver), key=lambda body: body["type"])
    moment = {"time": int(now.timestamp()), "timestamp": f"{now:%Y-%m-%d %H:%M:%S}"}
    both = {"id": id_of(mail), "recipient": "ann@x.example", "tags": "blue;red", **moment}
    assert bounce == {"type": "bounce", "envelope": "", "mime": raw, **both}
    assert failure == {
        **{"type": "failure", "action": "failed", "state": "bounce", "code": 550, "extended": "5.1.1"},
        **both,
    }


def test_a_bounce_names_the_envelope_that_was_asked_for(smtpeter, mail, tell, receiver):
    smtpeter("bounce")
    content = Mail.objects.select_related("content").get(pk=mail.id).content
    content.handling = {"envelope_sender": "bounces@shop.example"}
    content.save(update_fields=["handling"])
    bounced(mail, timezone.now())
    tell()
    assert bodies(receiver)[0]["envelope"] == "bounces@shop.example"


def test_an_abuse(smtpeter, mail, tell, receiver):
    smtpeter("abuse")
    raw, now = b"From: Feedback <fbl@provider.example>\r\n\r\nspam", timezone.now()
    IncomingMail.objects.create(
        mail_id=mail.id, kind=IncomingKind.COMPLAINT, digest="2" * 64, raw=raw, received_at=now
    )
    marks.complain(mail.id, kind="abuse", now=now)
    tell()
    assert bodies(receiver) == [
        {
            **{"id": id_of(mail), "type": "abuse", "mime": raw.decode()},
            "emailfrom": "Feedback <fbl@provider.example>",
        }
    ]


def hit(mail, kind, **detail):
    place = hits.find(Token(b"u", mail.id))
    now = timezone.now()
    events.record([place.mail.happening(kind, at=now, counts=1, detail={"who": "human", **detail})])
    return now


def test_an_open(smtpeter, mail, tell, receiver):
    smtpeter("open")
    now = hit(mail, "open", ip="192.0.2.7", useragent="Reader")
    tell()
    assert bodies(receiver) == [
        {
            **{"id": id_of(mail), "type": "open", "recipient": "ann@x.example", "ip": "192.0.2.7"},
            **{"time": int(now.timestamp()), "useragent": "Reader", "tags": "blue;red"},
        }
    ]


def test_a_click(smtpeter, mail, tell, receiver):
    smtpeter("click")
    now = hit(mail, "click", ip="192.0.2.7", url="https://shop.example/a?b=c")
    hit(mail, "open", ip="192.0.2.7")
    tell()
    assert bodies(receiver) == [
        {
            **{"id": id_of(mail), "type": "click", "recipient": "ann@x.example", "ip": "192.0.2.7"},
            **{"time": int(now.timestamp()), "timestamp": f"{now:%Y-%m-%d %H:%M:%S}"},
            **{"original": "https://shop.example/a?b=c", "tags": "blue;red"},
        }
    ]


def test_a_form_says_the_same(smtpeter, mail, tell, receiver):
    smtpeter("delivery")
    smtpeter("delivery", encoding="form")
    mail_moves.settle(mail.id, "delivered", reply="2.0.0 ü & co")
    tell()
    form, plain = sorted(
        receiver.asked, key=lambda asked: asked.headers["Content-Type"] == "application/json"
    )
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    said = {name: str(value) for name, value in json.loads(plain.body).items()}
    assert dict(parse_qsl(form.body.decode())) == said


def test_each_event_is_one_call_in_order(smtpeter, spool, tell, receiver):
    webhook = smtpeter("delivery")
    mails = spool("a@x.example", "b@x.example", "c@x.example")
    for mail in mails:
        mail_moves.settle(mail.id, "delivered")
    answers = [200, 500, 200, 200]
    receiver.answer = lambda request: (answers.pop(0), {}, b"")
    tell()
    webhook.refresh_from_db()
    tell(webhook.next_try_at)
    ids = [id_of(mail) for mail in mails]
    assert [body["id"] for body in bodies(receiver)] == [ids[0], ids[1], ids[1], ids[2]]


def verified(asked, key):
    """Whether the signature of a call is right, as a receiver finds out that knows the record."""
    fields = dict(part.split("=", 1) for part in asked.headers["Signature"].split(","))
    fields = {name: value.strip('"') for name, value in fields.items()}
    selector = f"{key.selector}._domainkey.{key.domain.name}"
    assert (fields["keyId"], fields["algorithm"]) == (selector, "rsa-sha256")
    values = {name.lower(): value for name, value in asked.headers.items()}
    values["(request-target)"] = f"{asked.method.lower()} {asked.path}"
    signed = "\n".join(f"{name}: {values[name]}" for name in fields["headers"].split())
    record = key.public_record.partition("p=")[2]
    public = serialization.load_der_public_key(base64.b64decode(record))
    try:
        public.verify(
            base64.b64decode(fields["signature"]), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return fields["headers"].split()


def test_a_call_is_signed_by_the_domain_of_its_mail(smtpeter, mail, tell, receiver, account):
    smtpeter("delivery")
    mail_moves.settle(mail.id, "delivered")
    tell()
    (asked,) = receiver.asked
    assert verified(asked, DkimKey.objects.get()) == [
        *("(request-target)", "host", "date", "content-length", "content-type"),
        *("x-copernica-id", "digest", "x-nonce"),
    ]
    digest = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
    assert asked.headers["Digest"] == f"SHA-256={digest}"
    assert asked.headers["X-Copernica-ID"] == f"environment-{account.pk}" and asked.headers["X-Nonce"]
    asked.headers["Digest"] = "SHA-256=x"
    assert not verified(asked, DkimKey.objects.get())


def test_a_mail_without_a_domain_is_signed_for_by_the_default_one(smtpeter, spool, account, tell, receiver):
    smtpeter("delivery")
    (mail,) = spool("a@x.example")
    domains.add_signed(account, name="default.example", now=timezone.now())
    mail_moves.settle(mail.id, "delivered")
    tell()
    assert verified(receiver.asked[0], DkimKey.objects.get())


def test_without_any_key_calls_go_unsigned(smtpeter, spool, tell, receiver):
    smtpeter("delivery")
    (mail,) = spool("a@x.example")
    mail_moves.settle(mail.id, "delivered")
    tell()
    assert "Signature" not in receiver.asked[0].headers and receiver.asked[0].headers["Digest"]


def test_a_mail_that_was_erased_is_told_without_its_address(smtpeter, mail, tell, receiver):
    smtpeter("delivery")
    mail_moves.settle(mail.id, "delivered")
    Mail.objects.filter(pk=mail.id).update(email="")
    tell()
    assert bodies(receiver)[0]["recipient"] == ""


def test_a_mail_that_is_gone_keeps_nothing_up(smtpeter, mail, tell, receiver):
    webhook = smtpeter("delivery")
    mail_moves.settle(mail.id, "delivered")
    Mail.objects.filter(pk=mail.id).delete()
    tell()
    assert (bodies(receiver)[0]["id"], bodies(receiver)[0]["tags"]) == ("", "")
    webhook.refresh_from_db()
    assert webhook.tries == 0


def test_it_is_tried_for_a_day(smtpeter):
    assert webhook_leases.patience(smtpeter("open")) == timedelta(hours=24)


@pytest.mark.parametrize("place", ["/a/", "/"])
def test_nothing_is_told_before_the_file_is_there(smtpeter, account, mail, tell, receiver, place):
    proof = proofs.new()
    wanted = webhooks.Wanted(
        url=f"{receiver.url}/a/hook.php?b=c",
        format=WebhookFormat.SMTPETER,
        kinds=smtpeter_payloads.KINDS["delivery"],
        settings={"type": "delivery", "proof": proof},
    )
    webhook, _ = webhooks.create(account.pk, wanted, now=timezone.now())
    receiver.answer = lambda request: (404 if request.method == "GET" else 200, {}, b"")
    mail_moves.settle(mail.id, "delivered")
    tell()
    webhook.refresh_from_db()
    assert webhook.verified_at is None and webhook.tries == 1
    assert [asked.path for asked in receiver.asked] == [f"/a/{proof['file']}", f"/{proof['file']}"]
    assert WebhookDelivery.objects.get().fault == "The file of proof is not there."

    def answer(request):
        right = request.path == f"{place}{proof['file']}"
        return (200, {}, f"{proof['content']}\n".encode()) if right else (200, {}, b"something else")

    receiver.answer = answer
    tell(webhook.next_try_at)
    assert Webhook.objects.get().verified_at and receiver.asked[-1].method == "POST"
    assert json.loads(receiver.asked[-1].body)["type"] == "delivery"


def test_every_type_has_its_kinds_and_its_words():
    assert set(smtpeter_payloads.KINDS) == set(smtpeter_payloads._WRITERS)
