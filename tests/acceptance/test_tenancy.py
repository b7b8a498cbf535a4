"""No account sees another: a matrix of every route of the URL table and every verb, with the other account's key and
with none. A route that this file does not know fails it.
"""

import json
import re
from types import SimpleNamespace

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from earwig import domains
from earwig.models import HandoffMessage, MessageRecipient, Sender
from earwig.web.seed import SeedView
from spooling import spoolers
from spooling.models import Mail, Suppression
from tests import event_horizon

VERBS = ("get", "head", "post", "put", "patch", "delete")
#: Open to all: documents, health, and what is opened by a token of its own or by the admin's login.
KEYLESS = re.compile(
    r"/(handoff/)?(flag|statistics|management)/.*|/(admin|media|t)/.*|/api/(schema|docs)/|/api/|/octosend/"
    r"|/(healthz|readyz|metrics)/|/"
)

#: Octosend's, SMTPeter's and Relay's, which have matrices of their own beside their other tests.
WIRES = re.compile(r"/(api/v?3\.0|octosend|v1|smtpeter|relay|accounts|user|tokens|reports|schemas|docs)(/|$)")


def _flat(patterns, prefix=""):
    for pattern in patterns:
        path = prefix + str(pattern.pattern).replace("(?:/|$)", "/")
        if isinstance(pattern, URLPattern):
            yield simplify_regex(path), pattern.callback
        else:
            yield from _flat(pattern.url_patterns, path)


def _verbs(callback):
    actions = getattr(callback, "actions", None)
    if actions:
        return sorted(set(actions) - {"head", "options"})
    cls = callback.cls
    return sorted({verb for verb in cls.http_method_names if hasattr(cls, verb)} - {"head", "options"})


def _is_of_seed(callback):
    """These have a matrix of their own, beside their other tests."""
    return issubclass(callback.cls, SeedView)


ROUTES = sorted(
    {
        path: callback for path, callback in _flat(get_resolver().url_patterns) if not KEYLESS.fullmatch(path)
    }.items(),
    key=lambda route: route[0],
)
#: Bodies that are no JSON.
FILES = {"/api/v1/spoolers/<token>/recipients/import/": "text/csv"}
#: Answers that are no pages of an account's objects: figures, a cursor's, a file, and what is the same for all.
NO_PAGES = ("events", "providers", "statistics", "suppressions/export", "timeline")
NATIVE = [
    (path, verb)
    for path, callback in ROUTES
    if path.startswith("/api/v1/") and not _is_of_seed(callback)
    for verb in _verbs(callback)
]
LISTS = [
    path
    for path, verb in NATIVE
    if verb == "get" and "<" not in path and path.removeprefix("/api/v1/").rstrip("/") not in NO_PAGES
]
OBJECTS = [(path, verb) for path, verb in NATIVE if "<" in path]
HANDOFF = [
    (path, verb)
    for path, callback in ROUTES
    if not path.startswith("/api/") and not WIRES.match(path)
    for verb in _verbs(callback)
]
UNKNOWN = {
    "mails": "0" * 32,
    "spoolers": "s" + "0" * 32,
    "jobs": "0" * 32,
    "people": "999999",
    "suppressions": "999999",
    "templates": "0" * 32,
    "webhooks": "w" + "0" * 32,
    "domains": "no.example",
}
BODIES = {
    "mails": {"from": "shop@example.org", "to": "ann@example.com", "text": "Hello."},
    "people": {"external_id": "secret/1", "name": "Mallory"},
    "suppressions": {"address": "ann@example.com"},
    "templates": {"name": "secret", "from": "shop@example.org", "text": "Hello."},
    "webhooks": {"url": "https://hooks.example/"},
    # The last one: who has a domain sends from no other.
    "domains": {"name": "secret.example"},
}


@pytest.fixture
def own(account, key, other_account):
    """One object of each kind that belongs to `account`, by the first segment of its path."""
    campaign = spoolers.open_campaign(account, name="News", now=timezone.now())
    body = {**BODIES["mails"], "spooler": campaign.token, "tags": ["blue"]}
    mail = _call("post", "/api/v1/mails/", key, body).json()["mails"][0]["id"]
    person = _call("post", "/api/v1/people/", key, BODIES["people"]).json()["id"]
    suppression = _call("post", "/api/v1/suppressions/", key, BODIES["suppressions"]).json()["id"]
    template = _call("post", "/api/v1/templates/", key, BODIES["templates"]).json()["id"]
    job = _call("post", f"/api/v1/spoolers/{campaign.token}/retry/", key).json()["job"]
    webhook = _call("post", "/api/v1/webhooks/", key, BODIES["webhooks"]).json()["id"]
    domain = domains.add(account, name="acme.example", now=timezone.now())
    return {
        "mails": mail,
        "spoolers": campaign.token,
        "jobs": job,
        "people": str(person),
        "suppressions": str(suppression),
        "templates": template,
        "webhooks": webhook,
        "domains": domain.name,
    }


def _call(verb, path, key=None, body=None, kind="application/json"):
    headers = {"Authorization": f"Token {key}"} if key else {}
    if verb in ("get", "head"):
        return getattr(Client(), verb)(path, headers=headers)
    body = {} if body is None else body
    return getattr(Client(), verb)(path, json.dumps(body), content_type=kind, headers=headers)


def _fill(path, ids):
    if "<" not in path:
        return path
    return re.sub("<[^>]+>", lambda _: ids[path.split("/")[3]], path.replace("<number>", "1"))


def _seen(key, own):
    paths = [f"/api/v1/{kind}/{id_}/" for kind, id_ in own.items()]
    return [_call("get", path, key).json() for path in paths]


def test_the_matrix_is_not_empty():
    assert len(OBJECTS) >= 10 and len(NATIVE) >= 17 and len(HANDOFF) >= 6


@pytest.mark.parametrize(("path", "verb"), OBJECTS)
def test_anothers_object_is_as_unknown_as_none(own, key, other_key, path, verb):
    before = _seen(key, own)
    body, kind = {"name": "Mallory"}, FILES.get(path, "application/json")
    foreign = _call(verb, _fill(path, own), other_key, body, kind)
    unknown = _call(verb, _fill(path, UNKNOWN), other_key, body, kind)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert (foreign.status_code, foreign.json()["errors"][0]["code"]) == (404, "not_found")
    assert _seen(key, own) == before


@pytest.mark.parametrize(("path", "verb"), NATIVE)
def test_without_a_key_every_native_call_is_refused(own, key, path, verb):
    before = _seen(key, own)
    body = BODIES.get(path.split("/")[3])
    answer = _call(verb, _fill(path, own), None, body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"]
    assert _seen(key, own) == before


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_nothing_of_another_account(own, key, other_key, path):
    mine = _call("get", path, key).json()
    assert mine["count"] >= 1
    theirs = _call("get", path, other_key).json()
    assert (theirs["count"], theirs["results"]) == (0, [])


@pytest.mark.parametrize("name", ["statistics", "timeline"])
def test_figures_count_nothing_of_another_account(own, key, other_key, name):
    mine, theirs = (_call("get", f"/api/v1/{name}/", secret).content for secret in (key, other_key))
    assert b'"spooled":1' in mine
    assert theirs == mine.replace(b'"spooled":1', b'"spooled":0')


@pytest.mark.django_db(transaction=True)
def test_events_and_exports_hold_nothing_of_another_account(own, key, other_key):
    event_horizon.wait()
    assert _call("get", "/api/v1/events/", key).json()["results"]
    assert _call("get", "/api/v1/events/", other_key).json()["results"] == []
    mine, theirs = (_call("get", "/api/v1/suppressions/export/", secret) for secret in (key, other_key))
    assert b"ann@example.com" in b"".join(mine)
    assert b"ann" not in b"".join(theirs)


@pytest.mark.parametrize("query", ["spooler={spoolers}", "tag=blue", "to=ann@example.com", "state=waiting"])
def test_no_filter_reaches_into_another_account(own, key, other_key, query):
    path = f"/api/v1/mails/?{query.format(**own)}"
    assert _call("get", path, key).json()["count"] == 1
    assert _call("get", path, other_key).json() == {"count": 0, "next": None, "previous": None, "results": []}


def test_what_another_account_adds_stays_apart(own, key, other_key):
    before = _seen(key, own)
    for kind, body in BODIES.items():
        assert _call("post", f"/api/v1/{kind}/", other_key, body).status_code == 201
    assert _seen(key, own) == before
    assert Suppression.objects.count() == 2
    assert Mail.objects.values("account").distinct().count() == 2


@pytest.mark.parametrize("path", sorted({path for path, _ in NATIVE}))
def test_a_verb_that_a_resource_does_not_have_is_refused_in_json(own, key, path):
    offered = {verb for found, verb in NATIVE if found == path}
    for verb in sorted(set(VERBS) - offered - ({"head"} if "get" in offered else set())):
        answer = _call(verb, _fill(path, own), key)
        assert answer.status_code == 405 and answer["Allow"]
        assert verb == "head" or answer.json()["errors"][0]["code"] == "method_not_allowed"


@pytest.fixture
def message(account, person):
    sender = Sender.objects.create(
        account=account, hash="0" * 64, name="Ann", email="ann@example.com", email_expires_at=timezone.now()
    )
    message = HandoffMessage.objects.create(account=account, sender=sender, type="public", subject="Secret")
    MessageRecipient.objects.create(message=message, person=person, position=0)
    return SimpleNamespace(id=message.pk, sender=sender, person=person)


FORMS = {
    "sender": {"email": "eve@example.com", "name": "Eve", "ttl": "5"},
    "message": {"type": "public", "subject": "S", "message": "M"},
}


def _form(path, message):
    segment = path.removeprefix("/handoff").split("/")[1]
    form = dict(FORMS[segment])
    if segment == "message":
        form |= {"sender": message.sender.hash, "recipients": message.person.external_id}
    return form


def _handoff(verb, path, message, key=None):
    extra = {"key": key} if key else {}
    filled = re.sub("<[^>]+>", message.id, path)
    if verb == "get":
        return Client().get(filled, extra)
    return Client().post(filled, {**_form(path, message), **extra})


@pytest.mark.parametrize(("path", "verb"), HANDOFF)
def test_without_a_key_every_handoff_call_is_refused(message, path, verb):
    answer = _handoff(verb, path, message)
    assert answer.status_code == 400
    assert b"key" in answer.content and answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", [path for path, verb in HANDOFF if verb == "get"])
def test_a_foreign_message_does_not_exist(message, key, other_key, path):
    assert b"Secret" in _handoff("get", path, message, key).content
    foreign = _handoff("get", path, message, other_key)
    unknown = _handoff("get", path, SimpleNamespace(id="0" * 32), other_key)
    assert (
        (foreign.status_code, foreign.content)
        == (unknown.status_code, unknown.content)
        == (404, b"no such object")
    )


@pytest.mark.parametrize("path", [path for path, verb in HANDOFF if verb == "post"])
def test_a_handoff_call_with_anothers_key_uses_nothing_of_the_account(message, account, key, other_key, path):
    answer = _handoff("post", path, message, other_key)
    if path.endswith("/sender/"):
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.content) == (400, b"invalid sender")
    assert HandoffMessage.objects.count() == 1
    assert Sender.objects.filter(account=account).count() == 1
