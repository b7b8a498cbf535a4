"""What public clients do, over a real connection: base and link put together, older schemes, odd bodies and queries."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime

import pytest
from django.utils import timezone

from earwig import accounts, api_keys, domains
from earwig.models.api_keys import Scope
from spooling import limits
from spooling.models import Content, Mail, Submission

pytestmark = pytest.mark.django_db(transaction=True)


class Connection:
    """Sends what it is told, and follows nothing."""

    def __init__(self, base, key, scheme="token"):
        self.base, self.key, self.scheme = base, key, scheme

    def __call__(self, method, path, body=None, *, keyed=True, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if keyed:
            headers["Authorization"] = f"{self.scheme} {self.key}"
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


@pytest.fixture
def account(db):
    account = accounts.open_account("acme", name="Acme", email="", password="", now=timezone.now())
    domains.add(account, name="test.com", now=timezone.now())
    return account


@pytest.fixture
def key(account):
    return api_keys.issue(account, name="tests", scopes=Scope.values, now=timezone.now()).secret


@pytest.fixture(params=["", "/relay"])
def base(request, live_server):
    """Where a client is told that the API is."""
    return live_server.url + request.param


def test_the_bulk_sender_sends_each_mail_once(base, account, key):
    call = Connection(base, key)
    # It tries its credentials first, and takes nothing but 200.
    status, _, _ = call("GET", f"/accounts/{account.pk}")
    assert status == 200
    template = {
        "name": "Bulk",
        "subject": "Hi {{nombre}}",
        "from_email": "a@test.com",
        "body": "{{#list}}{{value}}{{/list}}",
    }
    _, headers, body = call(
        "POST", f"/accounts/{account.pk}/templates", template, Content_Type="application/json"
    )
    id = json.loads(body)["createdResourceId"]
    assert headers["Location"] == f"{base}/accounts/{account.pk}/templates/{id}"
    message = {
        "from_name": None,
        "from_email": None,
        "recipients": [{"email": "ana@x.example", "name": "Ana", "type": "to"}],
        "reply_to": None,
        "model": {"nombre": "Ana", "Fecha de envío": "hoy", "list": [{"value": "1"}]},
        "attachments": [{"base64_content": "eA==", "filename": "x.pdf", "type": "application/pdf"}],
    }
    for _ in range(3):
        status, _, body = call("POST", f"/accounts/{account.pk}/templates/{id}/message", message)
        try:
            uuid.UUID(json.loads(body)["createdResourceId"])
            break
        except ValueError:
            continue
    assert Mail.objects.count() == 1
    assert json.loads(body)["_links"][1]["href"].startswith(f"/accounts/{account.pk}/deliveries/")


def test_the_bulk_sender_reads_why_it_failed(base, account, key):
    status, headers, body = Connection(base, key)(
        "POST", f"/accounts/{account.pk}/messages", {"subject": "x"}
    )
    document = json.loads(body)
    assert (status, document["title"]) == (400, "Validation error")
    assert document["errors"][0]["detail"] == "The from_email field is required."
    assert int(headers["Content-Length"]) == len(body)


def test_the_php_sample_finds_its_deliveries(base, account, key):
    message = {
        "from_name": "Your Name",
        "from_email": "mail@test.com",
        "recipients": [
            {"email": "a@x.example", "name": "A", "type": "to"},
            {"email": "b@x.example", "name": "B", "type": "to"},
        ],
        "subject": "Testing Doppler Relay",
        "html": "<strong>Doppler Relay</strong> speaks REST",
        "attachments": [
            {
                "type": "text/plain",
                "base64_content": base64.b64encode(b"x" * 100).decode(),
                "filename": "a.txt",
            }
        ],
    }
    status, _, body = Connection(base, key)("POST", f"/accounts/{account.pk}/messages", message)
    document = json.loads(body)
    assert status == 201 and document["message"]
    found = [link["href"] for link in document["_links"] if "rels/get-delivery" in link["rel"]]
    ids = [f"/accounts/{account.pk}/deliveries/{mail.public_id}" for mail in Mail.objects.order_by("id")]
    assert found == ids and len(ids) == 2


def test_the_php_sites_take_a_member_for_a_failure(base, account, key):
    message = {
        "from_name": "EMMS",
        "from_email": "info@test.com",
        "reply_to": {"email": "info@test.com"},
        "recipients": [{"type": "to", "email": "ana@x.example"}],
        "subject": "Hola",
        "html": "<p>Hola</p>",
    }
    call = Connection(base, key)
    _, _, body = call(
        "POST", f"/accounts/{account.pk}/messages", message, Content=str(len(json.dumps(message)))
    )
    assert "errorCode" not in json.loads(body)
    _, _, body = call("POST", f"/accounts/{account.pk}/messages", message | {"html": ""})
    assert json.loads(body)["errorCode"] == 1 and json.loads(body)["detail"]


def test_a_contact_form_posts_from_a_browser_with_its_key_in_the_query(base, account, key):
    call = Connection(base, key)
    origin = {"Origin": "https://site.example"}
    path = f"/accounts/{account.pk}/messages?api_key={key}"
    wish = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    status, headers, _ = call("OPTIONS", path, keyed=False, **origin, **wish)
    assert status == 204 and "Content-Type" in headers["Access-Control-Allow-Headers"]
    assert "POST" in headers["Access-Control-Allow-Methods"]
    message = {
        "from_name": "Web Contact Form",
        "from_email": "hello@test.com",
        "messageId": "web",
        "subject": "Contact from web",
        "html": "hello",
        "recipients": [{"email": "m@x.example", "name": "M", "type": "to"}],
    }
    for _ in range(2):
        status, headers, _ = call("POST", path, message, keyed=False, Accept="application/json", **origin)
        assert (status, headers["Access-Control-Allow-Origin"]) == (201, "*")
    assert list(Submission.objects.values_list("client_reference", flat=True)) == ["web", "web"]


def test_the_django_client_sends_reads_and_turns_pages(base, account, key):
    # urljoin(base + "/", path without its first slash)
    call = Connection(f"{base}/", key)
    message = {
        "from_email": "a@test.com",
        "from_name": None,
        "subject": "Hi",
        "recipients": [{"type": "to", "email": "ana@x.example", "name": ""}],
        "text": "Hi",
        "reply_to": "help@test.com",
        "headers": {"X-Campaign": "1"},
        "tags": ["a"],
        "metadata": {"order": 7},
        "attachments": [{"name": "a.txt", "content": "eA==", "type": "text/plain"}],
    }
    for _ in range(25):
        _, headers, _ = call("POST", f"accounts/{account.pk}/messages", message)
    id = headers["Location"].split("/")[-1]
    _, _, body = call("GET", f"accounts/{account.pk}/messages/{id}")
    assert (json.loads(body)["id"], json.loads(body)["metadata"]) == (id, {"order": 7})
    seen, path = [], f"accounts/{account.pk}/messages"
    while path:
        _, _, body = call("GET", path.lstrip("/"))
        page = json.loads(body)
        seen += [item["id"] for item in page["items"]]
        path = next((link["href"] for link in page["_links"] if link["rel"].endswith("next")), None)
    assert len(seen) == len(set(seen)) == 25 and seen[0] == id


def test_the_django_client_finds_the_body_and_changes_parts_of_a_template(base, account, key):
    call = Connection(base, key)
    template = {
        "name": "N",
        "subject": "S",
        "from_email": "a@test.com",
        "from_name": None,
        "body": "<p>{{x}}</p>",
    }
    _, headers, _ = call("POST", f"/accounts/{account.pk}/templates", template)
    path = urllib.parse.urlparse(headers["Location"]).path.removeprefix("/relay")
    _, _, body = call("GET", path)
    (href,) = [
        link["href"] for link in json.loads(body)["_links"] if link["rel"] == "/docs/rels/get-template-body"
    ]
    _, _, body = call("GET", href)
    assert json.loads(body)["html"] == "<p>{{x}}</p>"
    status, _, body = call("PUT", path, {"from_name": "New"})
    assert status == 200 and json.loads(body)["message"]
    assert call("DELETE", path)[0] == 200
    assert call("GET", path)[0] == 404


def test_the_django_client_reads_four_members_of_a_limit(base, account, key):
    account.mails_per_day = 0
    account.save()
    limits._rooms.clear()
    message = {
        "from_email": "a@test.com",
        "subject": "S",
        "text": "x",
        "recipients": [{"email": "a@x.example"}],
    }
    status, _, body = Connection(base, key)("POST", f"/accounts/{account.pk}/messages", message)
    document = json.loads(body)
    assert (status, document["errorCode"]) == (402, 1)
    assert datetime.fromisoformat(document["resetDate"]) > timezone.now()
    assert (document["deliveriesCount"], document["limit"], document["period"]) == (0, 0, "daily")
    assert not Mail.objects.exists() and not Content.objects.exists()


def test_the_browser_app_creates_a_template_and_saves_its_body_in_a_second_call(base, account, key):
    call = Connection(base, key, scheme="Bearer")
    new = {"from_name": "", "from_email": "a@test.com", "name": "New", "subject": "S"}
    _, _, body = call("POST", "/accounts/acme/templates", new, Content_Type="text/plain")
    id = json.loads(body)["createdResourceId"]
    edited = {"html": "<p>x</p>", "mseditor": {"attributes": {}, "settings": {}, "children": []}}
    assert call("PUT", f"/accounts/acme/templates/{id}/body", edited)[0] == 200
    assert call("PUT", f"/accounts/acme/templates/{id}", {**new, "id": id, "name": "Other"})[0] == 200
    _, _, body = call("GET", f"/accounts/acme/templates/{id}")
    shown = json.loads(body)
    assert (shown["bodyType"], shown["name"], shown["body"]) == ("mseditor", "Other", "<p>x</p>")
    assert call("DELETE", f"/accounts/acme/templates/{id}", {})[0] == 200


def test_a_base_that_ends_in_a_slash_is_no_other_base(base, account, key):
    assert Connection(f"{base}/", key)("GET", f"/accounts/{account.pk}")[0] == 200
