"""Golden requests of every wire, each of which an installation without mail answers below 300."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models import Account, ContactDetail, Domain, Membership, Person
from earwig.models.api_keys import Scope
from spooling import routers
from spooling.models import Spooler
from spooling.spoolers import open_campaign
from tests.faults.mutations import Request, of_form, of_json

DOMAIN, PERSON = "shop.example", "ocd-person/1"
ADDRESS = "ann@people.example"


def key_of(account: Account) -> str:
    """The secret of a new key that may do everything."""
    return api_keys.issue(account, name="exchanges", scopes=Scope.values, now=timezone.now()).secret


def of(account: Account) -> list[Request]:
    """Of an account that is given what they refer to."""
    domain = domains.add(account, name=DOMAIN, now=timezone.now())
    Domain.objects.filter(pk=domain.pk).update(verified_at=timezone.now())
    user = get_user_model().objects.create_user("ada", password="s3cret and long")
    Membership.objects.create(user=user, account=account)
    person = Person.objects.create(account=account, external_id=PERSON, name="Ann")
    ContactDetail.objects.create(person=person, type="email", value=ADDRESS)
    key = key_of(account)
    return [
        *_native(account, key),
        *_seed(key),
        *_handoff(key),
        *_octosend(account, key),
        *_smtpeter(key),
        *_relay(account, key),
    ]


def _native(account: Account, key: str) -> list[Request]:
    campaign = _campaign(account)
    bearer = {"Authorization": f"Bearer {key}"}
    mail = {
        "from": f"Shop <news@{DOMAIN}>",
        "subject": "Hello {{name}}",
        "text": "Hello {{name}}",
        "html": "<p>{{#items}}{{.}}{{/items}}</p><a href='https://shop.example/?a={{name}}'>x</a>",
        "recipients": [{"email": ADDRESS, "name": "Ann", "variables": {"name": "Ann", "items": [1, "two"]}}],
        "attachments": [{"name": "a.txt", "type": "text/plain", "data": "aGVsbG8="}],
        "headers": {"X-Order": "12"},
        "tags": ["order"],
        "metadata": {"order": 12},
        "track_opens": True,
        "track_clicks": True,
    }
    template = {"name": "welcome", "language": "mustache", "subject": "Hi {{a}}", "html": "<p>{{a}}</p>"}
    day = "created_after=2026-01-01T00:00:00Z&limit=5&offset=0"
    return [
        of_json("native", "POST", "/api/v1/mails/", mail, **bearer),
        of_json(
            "native", "POST", "/api/v1/mails/", [mail, {**mail, "to": [ADDRESS], "recipients": []}], **bearer
        ),
        of_json(
            "native",
            "POST",
            "/api/v1/spoolers/",
            {"name": "spring", "domain": DOMAIN, "tags": ["a"]},
            **bearer,
        ),
        of_json("native", "PATCH", f"/api/v1/spoolers/{campaign.token}/", {"name": "summer"}, **bearer),
        of_json("native", "POST", "/api/v1/templates/", template, **bearer),
        of_json("native", "POST", "/api/v1/suppressions/", {"address": "gone@people.example"}, **bearer),
        of_json(
            "native", "POST", "/api/v1/people/", {"external_id": "p2", "name": "Bo", "contacts": []}, **bearer
        ),
        Request(wire="native", method="GET", path=f"/api/v1/mails/?state=waiting&{day}", headers=bearer),
        Request(wire="native", method="GET", path="/api/v1/events/?after=0-0&limit=10", headers=bearer),
    ]


def _campaign(account: Account) -> Spooler:
    routers.ensure_default()
    return open_campaign(account, name="spring", now=timezone.now())


def _seed(key: str) -> list[Request]:
    token = {"Authorization": f"Token {key}"}
    schedule = {"minute": "0", "hour": "9", "day_of_week": "*", "day_of_month": "*", "month_of_year": "*"}
    return [
        of_json("seed", "POST", "/api/v1/schedule/", schedule, **token),
        of_json("seed", "POST", "/api/metrics/", {"a.sum": 1, "b.last": 2.5}, **token),
        Request(wire="seed", method="GET", path="/api/v1/subscriptions/?limit=2&active=true", headers=token),
    ]


def _handoff(key: str) -> list[Request]:
    sender = '{"email": "whomever@example.com", "name": "Joe Bleu", "ttl": 10}'
    message = {"key": key, "type": "private", "subject": "testing", "message": "Hello", "sender": sender}
    return [
        of_form("handoff", "/sender/", {"key": key, "email": "w@example.com", "name": "Joe", "ttl": "10"}),
        of_form("handoff", "/message/", {**message, "recipients": PERSON}),
    ]


def _octosend(account: Account, key: str) -> list[Request]:
    given = {"X_RMTA_API_Key": key}
    campaign = open_campaign(account, name="autumn", now=timezone.now())
    Spooler.objects.filter(pk=campaign.pk).update(domain=domains.find(account.pk, DOMAIN))
    spooler = f"/api/3.0/spooler/{campaign.token}"
    part = {"type": "text/html", "content": "<p>Hello {{firstname}} {{click:https://shop.example/}}</p>"}
    single = {
        "fromEmail": f"shop@{DOMAIN}",
        "fromName": "Shop",
        "toEmail": ADDRESS,
        "subject": "Your order",
        "parts": [{"type": "text/plain", "content": "It left."}],
    }
    mails = {"mails": [{"email": ADDRESS, "variables": {"firstname": "Ann"}}]}
    return [
        of_json(
            "octosend", "POST", "/api/3.0/authenticate", {"username": "ada", "password": "s3cret and long"}
        ),
        of_json(
            "octosend", "POST", "/api/3.0/spoolers/create", {"domain": DOMAIN, "type": "marketing"}, **given
        ),
        of_json("octosend", "POST", f"{spooler}/resources/part", part, **given),
        of_json("octosend", "POST", f"{spooler}/spool", mails, **given),
        of_json("octosend", "POST", f"/api/3.0/domain/{DOMAIN}/transactional/send-mail", single, **given),
        of_json("octosend", "POST", "/api/3.0/statistics/global", {"groupBy": "provider"}, **given),
    ]


def _smtpeter(key: str) -> list[Request]:
    token = f"access_token={key}"
    composed = {
        "recipients": {ADDRESS: {"firstname": "Ann"}, "bo@people.example": {}},
        "from": f"Shop <info@{DOMAIN}>",
        "to": ["Ann <ann@people.example>"],
        "subject": "Hi {$firstname|upper}",
        "html": "<p>{foreach $x in $list}{$x|truncate:3}{foreachelse}-{/foreach}<a href='https://a.example/'>a</a></p>",
        "text": "{if $firstname == 'Ann'}Hello{/if}",
        "attachments": [{"data": "aGVsbG8=", "name": "a.txt"}],
        "unsubscribe": {"url": "https://shop.example/u", "oneclick": True},
        "dsn": {"notify": "FAILURE,DELAY", "ret": "HDRS"},
        "extra": {"x-order": "12"},
        "tags": ["order"],
    }
    mime = f"From: info@{DOMAIN}\r\nTo: {ADDRESS}\r\nSubject: Raw\r\nx-smtpeter-tags: a\r\n\r\nHello {{$recipient}}\r\n"
    template = {"name": "welcome", "subject": "s", "from": f"info@{DOMAIN}", "html": "<p>{$a}</p>"}
    inline = {
        "recipient": ADDRESS,
        "template": template,
        "data": {"a": [1, {"b": 2}]},
        "patch": [{"op": "replace", "path": "/html", "value": "<b>{$a[1].b}</b>"}],
    }
    form = {"recipient": ADDRESS, "from": f"info@{DOMAIN}", "to[]": ADDRESS, "text": "x", "dsn[ret]": "FULL"}
    return [
        of_json("smtpeter", "POST", f"/v1/send?{token}", composed),
        of_json("smtpeter", "POST", f"/v1/send?{token}", {"recipient": ADDRESS, "mime": mime}),
        of_json("smtpeter", "POST", f"/v1/send?{token}", inline),
        of_form("smtpeter", f"/v1/send?{token}", form),
        of_json("smtpeter", "POST", f"/v1/template/html?{token}", {**template, "name": "other"}),
        of_json("smtpeter", "POST", f"/v1/datarequest?{token}", {"email": ADDRESS}),
        *(
            Request(wire="smtpeter", method="GET", path=f"/v1/{path}{token}")
            for path in (
                f"events/email/{ADDRESS}?start=2026-01-01&end=2026-01-20&",
                "events/tags/a;b?",
                "templates/0/25?",
                "logfiles?",
                f"domain/{DOMAIN}?",
                f"dkimkeys/{DOMAIN}?",
            )
        ),
    ]


def _relay(account: Account, key: str) -> list[Request]:
    given, base = {"Authorization": f"Bearer {key}"}, f"/accounts/{account.slug}"
    message = {
        "from_email": f"info@{DOMAIN}",
        "from_name": "Shop",
        "recipients": [
            {"email": ADDRESS, "name": "Ann", "type": "to"},
            {"email": "c@x.example", "type": "bcc"},
        ],
        "subject": "Hello",
        "html": "<p>Hello</p>",
        "reply_to": {"email": f"reply@{DOMAIN}", "name": "R"},
        "attachments": [{"filename": "a.txt", "base64_content": "aGVsbG8=", "type": "text/plain"}],
        "headers": [{"key": "X-Order", "value": "12"}],
        "metadata": {"order": "12"},
    }
    template = {
        "body": "Hello, {{name}}",
        "subject": "Hi {{name}}",
        "from_email": f"a@{DOMAIN}",
        "name": "Relay's",
    }
    report = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-20T00:00:00Z"}
    return [
        of_json("relay", "POST", f"{base}/messages", message, **given),
        of_json("relay", "POST", f"{base}/templates", template, **given),
        Request(wire="relay", method="GET", path=f"{base}/templates?page=1&per_page=20", headers=given),
        of_json("relay", "POST", "/reports/reportrequest", report, **given),
        of_json("relay", "PUT", f"{base}/domains/new.example", {}, **given),
        *(
            Request(wire="relay", method="GET", path=f"{base}/{path}&api_key={key}")
            for path in (
                "messages?from=2026-01-01T00:00:00+00:00",
                "deliveries?filter=ann&from=2026-01-01T00:00:00Z&per_page=5&page=1",
                "statistics/deliveries/by_day?per_page=200&from=2026-01-01T00:00:00Z&to=2026-01-20T00:00:00Z",
                "status/limits?",
            )
        ),
    ]
