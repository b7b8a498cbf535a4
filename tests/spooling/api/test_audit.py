"""What programs change is in the audit trail: which row, which fields, by which key; never a value."""

import json

import pytest
from django.test import Client

from earwig.models import AuditEntry, HandoffMessage, MessageRecipient, Person, Sender
from spooling.models import Suppression

pytestmark = pytest.mark.django_db
PERSON = {"external_id": "ext/1", "name": "Ada", "contacts": [{"type": "email", "value": "ada@x.example"}]}


@pytest.fixture
def call(key):
    def send(verb, path, body=None):
        return getattr(Client(), verb)(
            f"/api/v1/{path}",
            json.dumps({} if body is None else body),
            content_type="application/json",
            headers={"Authorization": f"Token {key}"},
        )

    return send


def trail():
    entries = AuditEntry.objects.order_by("id")
    return list(entries.values_list("action", "subject", "key_prefix", "detail"))


def test_each_change_of_a_person_names_the_key_and_the_fields(account, call, key):
    pk = call("post", "people/", PERSON).json()["id"]
    call("patch", f"people/{pk}/", {"name": "Grace"})
    call("delete", f"people/{pk}/")

    assert trail() == [
        ("add", f"person {pk}", key[:8], {"fields": ["contacts", "external_id", "name"]}),
        ("change", f"person {pk}", key[:8], {"fields": ["name"]}),
        ("delete", f"person {pk}", key[:8], {}),
    ]
    assert set(AuditEntry.objects.values_list("account", "user")) == {(account.pk, None)}
    held = repr(trail())
    assert "ada@" not in held and "Ada" not in held and "Grace" not in held


def test_each_change_of_a_suppression_names_the_key_and_the_fields(account, call, key):
    pk = call("post", "suppressions/", {"address": "ada@x.example", "stream": "bulk"}).json()["id"]
    call("delete", f"suppressions/{pk}/")

    assert trail() == [
        ("add", f"suppression {pk}", key[:8], {"fields": ["address", "stream"]}),
        ("delete", f"suppression {pk}", key[:8], {}),
    ]
    assert set(AuditEntry.objects.values_list("account", "user")) == {(account.pk, None)}
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [("people/", {"nick": "A"}), ("people/", []), ("suppressions/", {"address": "nobody"})],
)
def test_what_is_refused_is_not_in_the_trail(call, path, body):
    assert call("post", path, body).status_code == 400
    assert trail() == []


def test_a_person_that_messages_refer_to_is_kept_and_so_is_the_silence(account, call, person):
    sender = Sender.objects.create(account=account, hash="0" * 64, email_expires_at=account.created_at)
    message = HandoffMessage.objects.create(account=account, sender=sender, type="public", subject="S")
    MessageRecipient.objects.create(message=message, person=person, position=0)

    assert call("delete", f"people/{person.pk}/").status_code == 409

    assert Person.objects.filter(pk=person.pk).exists() and trail() == []


def test_a_person_that_exists_already_leaves_no_entry(call):
    call("post", "people/", PERSON)
    assert call("post", "people/", PERSON).status_code == 409
    assert len(trail()) == 1
