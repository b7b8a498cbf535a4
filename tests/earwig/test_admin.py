import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from earwig import api_keys, domains, errors, senders
from earwig.messages import responses
from earwig.models import (
    Account,
    ApiKey,
    AuditEntry,
    DeliveryAttempt,
    DkimKey,
    Domain,
    HandoffMessage,
    MessageRecipient,
    Person,
)

SECRET = re.compile(r'<pre id="secret"[^>]*>([0-9a-f]{40})</pre>')
DIALOG = {"_form_submitted": "on"}
SHOWN = [
    "account",
    "apikey",
    "auditentry",
    "deliveryattempt",
    "domain",
    "handoffmessage",
    "person",
    "responsestatistic",
    "sender",
]


def page(name, *arguments):
    return reverse(f"admin:earwig_{name}", args=arguments)


def issue(admin_client, owner, **fields):
    wanted = {"account": owner.pk, "name": "shop", "scopes": ["send"], **fields}
    return admin_client.post(page("apikey_add"), wanted)


def secret_in(response):
    return SECRET.search(response.content.decode()).group(1)


def opens(secret, ip="127.0.0.1"):
    try:
        return api_keys.authenticate(secret, ip=ip, now=timezone.now())
    except errors.UnknownKey:
        return None


def everything_stored():
    """Every value of every row, of sessions and of the admin's history too."""
    return "\n".join(str(row) for model in apps.get_models() for row in model._default_manager.values())


@pytest.fixture
def attempt(account, person):
    sender = senders.vouch(account, email="whomever@example.com", name="Joe", ttl_days=10, now=timezone.now())
    message = HandoffMessage.objects.create(account=account, sender=sender, type="public", subject="Hello")
    recipient = MessageRecipient.objects.create(message=message, person=person, position=0)
    attempt = DeliveryAttempt.objects.create(recipient=recipient, contact=person.contacts.get())
    responses.say(attempt, kind="reply_good", now=timezone.now())
    return attempt


def test_the_issue_page_shows_the_secret_once(admin_client, account):
    empty = admin_client.get(page("apikey_add")).content.decode()
    assert re.search(r'<button type="submit"[^>]*>\s*Issue\s*</button>', empty)
    response = issue(admin_client, account, allowed_ips="10.0.0.0/8\n192.0.2.7", requests_per_minute="30")
    secret = secret_in(response)
    assert "no-store" in response["Cache-Control"]
    assert opens(secret, ip="10.1.1.1").requests_per_minute == 30
    key = ApiKey.objects.get()
    for path in (page("apikey_change", key.pk), page("apikey_changelist"), page("apikey_add")):
        assert secret not in admin_client.get(path).content.decode()


def test_of_a_secret_only_the_digest_is_stored(admin_client, account):
    secret = secret_in(issue(admin_client, account))
    stored = everything_stored()
    assert secret not in stored
    assert api_keys.digest_of(secret) in stored
    assert secret not in str(admin_client.cookies)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("allowed_ips", "somewhere"),
        ("allowed_sender_domains", "not a domain"),
        ("scopes", ["root"]),
        ("scopes", []),
        ("requests_per_minute", "0"),
        ("old_key", "short"),
        ("account", ""),
    ],
)
def test_a_key_that_cannot_be_is_not_issued(admin_client, account, field, value):
    response = issue(admin_client, account, **{field: value})
    assert response.status_code == 200
    assert not SECRET.search(response.content.decode())
    assert not ApiKey.objects.exists()


def test_a_key_acts_for_users_of_its_account_only(admin_client, account, other_account):
    stranger = other_account.memberships.get().user
    issue(admin_client, account, user=stranger.pk)
    assert not ApiKey.objects.exists()
    issue(admin_client, account, user=account.memberships.get().user.pk)
    assert ApiKey.objects.get().user == account.memberships.get().user


def test_a_key_of_an_old_installation_is_taken_over(admin_client, account):
    old = "0123456789abcdef0123456789abcdef"
    response = issue(admin_client, account, old_key=old, allowed_ips="127.0.0.1")
    assert response.status_code == 302
    assert opens(old).account_id == account.pk
    assert ApiKey.objects.get().allowed_ips == ["127.0.0.1/32"]
    assert old not in everything_stored()


def test_a_rotation_shows_the_new_secret_and_keeps_the_old_for_the_overlap(admin_client, account):
    old = secret_in(issue(admin_client, account))
    path = page("apikey_rotate", ApiKey.objects.get().pk)
    assert admin_client.get(path).status_code == 200
    assert ApiKey.objects.count() == 1
    new = secret_in(admin_client.post(path, {"overlap_hours": "2"}))
    assert opens(old) and opens(new)
    left = ApiKey.objects.get(replaced_by__isnull=False).expires_at - timezone.now()
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)


def test_a_second_rotation_is_refused_in_words(admin_client, account):
    issue(admin_client, account)
    path = page("apikey_rotate", ApiKey.objects.get().pk)
    admin_client.post(path, {"overlap_hours": "2"})
    again = admin_client.post(path, {"overlap_hours": "2"})
    assert errors.KeyClosed().message in again.content.decode()
    assert ApiKey.objects.count() == 2


def test_a_revoked_key_closes_at_once(admin_client, account):
    secret = secret_in(issue(admin_client, account))
    assert opens(secret)
    path = page("apikey_revoke", ApiKey.objects.get().pk)
    admin_client.get(path)
    assert opens(secret)
    assert admin_client.post(path, DIALOG).status_code == 200
    assert not opens(secret)


def test_a_key_is_changed_and_not_deleted(admin_client, account):
    secret = secret_in(issue(admin_client, account))
    key = ApiKey.objects.get()
    assert opens(secret)
    admin_client.post(
        page("apikey_change", key.pk),
        {"name": "new name", "scopes": ["read"], "allowed_ips": "10.0.0.1\n10.0.0.2"},
    )
    key.refresh_from_db()
    assert (key.name, key.scopes, key.allowed_ips) == ("new name", ["read"], ["10.0.0.1/32", "10.0.0.2/32"])
    with pytest.raises(errors.AddressNotAllowed):
        opens(secret)
    assert admin_client.post(page("apikey_delete", key.pk), {"post": "yes"}).status_code == 403


def test_an_expiry_and_domains_survive_an_unrelated_change(admin_client, account):
    issued = api_keys.issue(
        account,
        name="a",
        scopes=["send"],
        now=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
        allowed_sender_domains=["acme.example"],
    )
    fields = {
        "name": "b",
        "scopes": ["send"],
        "allowed_sender_domains": "acme.example",
        "expires_at_0": issued.key.expires_at.date().isoformat(),
        "expires_at_1": issued.key.expires_at.strftime("%H:%M:%S"),
    }
    admin_client.post(page("apikey_change", issued.key.pk), fields)
    key = ApiKey.objects.get()
    assert (key.name, key.allowed_sender_domains) == ("b", ["acme.example"])
    assert abs(key.expires_at - issued.key.expires_at) < timedelta(seconds=1)


def test_a_domain_is_added_with_keys_and_shows_its_records(admin_client, account):
    admin_client.post(page("domain_add"), {"account": account.pk, "name": "Acme.example"})
    domain = Domain.objects.get()
    for verb in ("make_rsa_key", "make_ed25519_key", "make_rsa_key"):
        admin_client.post(page(f"domain_{verb}", domain.pk), DIALOG)
    before = [row[1] for row in domains.signing_keys(domain.pk, now=timezone.now())]
    admin_client.post(page("domain_rotate_keys", domain.pk), DIALOG)
    after = [row[1] for row in domains.signing_keys(domain.pk, now=timezone.now())]
    assert len(before) == len(after) == 2
    assert before[0] != after[0] and before[1] == after[1]
    shown = admin_client.get(page("domain_change", domain.pk)).content.decode()
    for key in DkimKey.objects.all():
        assert f"{key.selector}._domainkey.acme.example. TXT" in shown
    assert "PRIVATE" not in shown and key.private_key_sealed not in shown


def test_a_domain_is_verified_for_one_account(admin_client, account, other_account):
    mine = domains.add(account, name="acme.example", now=timezone.now())
    theirs = domains.add(other_account, name="acme.example", now=timezone.now())
    for domain in (mine, theirs):
        admin_client.post(page("domain_verify", domain.pk), DIALOG)
        domain.refresh_from_db()
    assert mine.verified_at and not theirs.verified_at


def test_a_domain_that_cannot_be_is_refused_in_words(admin_client, account):
    response = admin_client.post(page("domain_add"), {"account": account.pk, "name": "not a domain"})
    assert errors.InvalidDomain().message in response.content.decode()


def test_people_are_imported_from_an_upload(admin_client, account):
    file = SimpleUploadedFile("people.csv", b"ocd_id,name,type,value\np/1,Ann,email,a@x.example\n,Nobody\n")
    response = admin_client.post(page("person_upload"), {"account": account.pk, "file": file}, follow=True)
    assert "1 people stored" in response.content.decode()
    assert Person.objects.get().contacts.get().value == "a@x.example"


def test_an_upload_that_is_no_list_of_people_is_refused_in_words(admin_client, account):
    for name, content in (("a.csv", b"\xff\xff"), ("a.csv", b"who\n"), ("a.json", b"{}")):
        file = SimpleUploadedFile(name, content)
        response = admin_client.post(page("person_upload"), {"account": account.pk, "file": file})
        assert response.status_code == 200
    assert not Person.objects.exists()


def test_a_contact_is_blocked_by_staff(admin_client, account, person):
    contact = person.contacts.get()
    admin_client.post(
        page("person_change", person.pk),
        {
            "account": account.pk,
            "external_id": person.external_id,
            "name": person.name,
            "attributes": "{}",
            "contacts-TOTAL_FORMS": "1",
            "contacts-INITIAL_FORMS": "1",
            "contacts-0-id": contact.pk,
            "contacts-0-person": person.pk,
            "contacts-0-type": "email",
            "contacts-0-value": contact.value,
            "contacts-0-blocked": "on",
        },
    )
    contact.refresh_from_db()
    assert (contact.blocked, contact.reason) == (True, "staff")


@pytest.mark.parametrize("name", SHOWN)
def test_every_list_is_shown_and_searched(admin_client, account, attempt, key, name):
    domains.add(account, name="acme.example", now=timezone.now())
    assert admin_client.get(page(f"{name}_changelist")).status_code == 200
    assert admin_client.get(page(f"{name}_changelist"), {"q": "x"}).status_code == 200


@pytest.mark.parametrize("name", SHOWN)
def test_every_page_is_shown(admin_client, account, attempt, key, name):
    domains.add(account, name="acme.example", now=timezone.now())
    AuditEntry.objects.create(action="issue", subject="apikey 1")
    row = apps.get_model("earwig", name).objects.first()
    assert admin_client.get(page(f"{name}_change", row.pk)).status_code == 200
    assert admin_client.get(page(f"{name}_history", row.pk)).status_code == 200


@pytest.mark.parametrize("name", ["sender", "handoffmessage", "deliveryattempt", "auditentry"])
def test_what_is_only_shown_is_not_changed(admin_client, attempt, name):
    AuditEntry.objects.create(action="issue", subject="apikey 1")
    row = apps.get_model("earwig", name).objects.first()
    assert admin_client.get(page(f"{name}_add")).status_code == 403
    assert admin_client.post(page(f"{name}_change", row.pk), {}).status_code == 403
    assert admin_client.post(page(f"{name}_delete", row.pk), {"post": "yes"}).status_code == 403


def test_answers_are_counted_by_person_and_by_contact(admin_client, attempt):
    person = attempt.recipient.person
    shown = admin_client.get(page("person_change", person.pk)).content.decode()
    assert shown.count("good 1") == 2


def test_a_sender_is_found_by_the_address_it_had(admin_client, attempt):
    senders.forget(attempt.recipient.message.sender, now=timezone.now())
    found = admin_client.get(page("sender_changelist"), {"q": "whomever@example.com"})
    assert attempt.recipient.message.sender.hash[:12] in found.content.decode()
    missed = admin_client.get(page("sender_changelist"), {"q": "whoever@example.com"})
    assert attempt.recipient.message.sender.hash[:12] not in missed.content.decode()


def test_acts_are_audited_with_their_user(admin_client, admin_user, account):
    issue(admin_client, account)
    key = ApiKey.objects.get()
    admin_client.post(page("apikey_rotate", key.pk), {"overlap_hours": "1"})
    admin_client.post(page("apikey_revoke", key.pk), DIALOG)
    rows = AuditEntry.objects.order_by("id")
    assert [row.action for row in rows] == ["issue", "rotate", "issue", "revoke"]
    assert {row.user for row in rows} == {admin_user}
    assert {row.account for row in rows} == {account}
    assert rows[0].subject == f"apikey {key.pk}"


def test_no_history_holds_an_address(admin_client, account, person):
    users = get_user_model()
    admin_client.post(
        reverse("admin:auth_user_add"),
        {
            "username": "new@people.example",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
            "usable_password": "true",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )
    user = users.objects.get(username="new@people.example")
    admin_client.post(
        reverse("admin:auth_user_password_change", args=(user.pk,)),
        {
            "password1": "another horse battery",
            "password2": "another horse battery",
            "usable_password": "true",
        },
    )
    admin_client.post(reverse("admin:auth_user_delete", args=(user.pk,)), {"post": "yes"})
    admin_client.post(page("person_delete", person.pk), {"post": "yes"})
    assert not users.objects.filter(pk=user.pk).exists() and not Person.objects.exists()
    for model in (LogEntry, AuditEntry):
        rows = list(model.objects.values())
        assert len(rows) == 4
        assert "people.example" not in str(rows)


def test_an_account_is_opened_and_closed_but_not_deleted(admin_client):
    fields = {
        "slug": "acme",
        "name": "Acme",
        "active": "on",
        "in_doubt_transactional": "resend",
        "in_doubt_bulk": "hold",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    admin_client.post(page("account_add"), fields)
    account = Account.objects.get()
    admin_client.post(page("account_change", account.pk), {**fields, "active": ""})
    account.refresh_from_db()
    assert not account.active
    assert admin_client.post(page("account_delete", account.pk), {"post": "yes"}).status_code == 403


def test_staff_without_rights_do_nothing(client, account, key):
    user = get_user_model().objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(user)
    row = ApiKey.objects.get()
    assert client.post(page("apikey_add"), {}).status_code == 403
    assert client.post(page("apikey_rotate", row.pk), {"overlap_hours": "1"}).status_code == 403
    assert client.post(page("apikey_revoke", row.pk), DIALOG).status_code == 403
    assert client.post(page("person_upload"), {}).status_code == 403
    assert opens(key)


def test_members_of_an_account_do_not_get_in(client, account):
    client.force_login(account.memberships.get().user)
    assert client.get(page("apikey_changelist")).status_code == 302
