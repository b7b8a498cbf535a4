import io
import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from earwig import api_keys, domains, salts, senders
from earwig.models import Account, AuditEntry, Domain, Membership, Person

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_an_account_is_opened_with_its_first_user(monkeypatch):
    monkeypatch.setenv("FIRST_PASSWORD", "correct horse")
    run("open_account", "acme", "--name", "Acme", "--user", "a@x.example", "--password-env", "FIRST_PASSWORD")
    membership = Membership.objects.get()
    assert (membership.account.slug, membership.account.name, membership.role) == ("acme", "Acme", "staff")
    assert membership.user.check_password("correct horse")
    assert not membership.user.is_staff and not membership.user.is_superuser


def test_an_account_may_have_no_user():
    run("open_account", "acme")
    assert Account.objects.get().name == "acme"
    assert not Membership.objects.exists()


@pytest.mark.parametrize("slug", ["Acme", "1acme", "a b", "a" * 51, ""])
def test_an_account_of_an_impossible_name_is_refused(slug):
    with pytest.raises(CommandError):
        run("open_account", slug)
    assert not Account.objects.exists()


def test_an_account_is_opened_once(account):
    with pytest.raises(CommandError, match="account of this name"):
        run("open_account", "acme")


def test_a_user_who_exists_is_not_touched_and_no_account_is_left(account, monkeypatch):
    monkeypatch.setenv("FIRST_PASSWORD", "another one")
    with pytest.raises(CommandError, match="user of this name"):
        run("open_account", "second", "--user", "Staff@acme.example", "--password-env", "FIRST_PASSWORD")
    assert not Account.objects.filter(slug="second").exists()
    assert get_user_model().objects.get().check_password("correct horse")


def test_an_empty_password_is_refused(monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(CommandError, match="NOWHERE"):
        run("open_account", "acme", "--user", "a@x.example", "--password-env", "NOWHERE")
    assert not Account.objects.exists()


def test_a_key_is_printed_alone_and_opens_the_account(account):
    printed = run("issue_key", "acme", "--scope", "send", "--scope", "manage")
    credential = api_keys.authenticate(printed.strip(), ip="127.0.0.1", now=timezone.now())
    assert printed == printed.strip() + "\n"
    assert credential.account_id == account.pk
    assert credential.scopes == {"send", "manage"}


def test_a_key_without_scopes_asked_for_sends_and_reads(account):
    secret = run("issue_key", "acme").strip()
    assert api_keys.authenticate(secret, ip="", now=timezone.now()).scopes == {"send", "read"}


def test_a_key_acts_for_a_user_of_the_account_only(account, other_account):
    run("issue_key", "acme", "--user", "staff@acme.example")
    with pytest.raises(CommandError, match="no user"):
        run("issue_key", "acme", "--user", "staff@rival.example")


def test_an_unknown_account_is_refused_by_every_command():
    for arguments in (("issue_key", "x"), ("add_domain", "x", "x.example"), ("import_people", "x", "-")):
        with pytest.raises(CommandError, match="no account"):
            run(*arguments)


def test_a_domain_gets_its_keys_and_prints_its_records(account):
    printed = run("add_domain", "acme", "acme.example", "--ed25519")
    algorithms = [row[3] for row in domains.signing_keys(Domain.objects.get().pk, now=timezone.now())]
    assert algorithms == ["rsa-sha256", "ed25519-sha256"]
    lines = printed.splitlines()
    assert sum("._domainkey.acme.example. TXT" in line for line in lines) == 2
    assert all(len(part) <= 255 for line in lines for part in line.split('"')[1::2])


def test_a_refused_domain_leaves_nothing(account):
    with pytest.raises(CommandError):
        run("add_domain", "acme", "not a domain")
    assert not Domain.objects.exists()


def test_people_are_imported_from_a_csv_file(account, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("\ufeffocd_id,name,type,value\nocd-person/1,Ann,email,a@x.example\n")
    assert "1 stored, 0 refused" in run("import_people", "acme", str(file))
    assert Person.objects.get().contacts.get().value == "a@x.example"


def test_people_are_imported_from_a_json_file(account, tmp_path):
    file = tmp_path / "people.json"
    file.write_text(json.dumps([{"ocd_id": "ocd-person/1", "name": "Ann"}]))
    assert "1 stored, 0 refused" in run("import_people", "acme", str(file))


def test_an_import_with_a_refused_row_names_it_and_exits_1(account, tmp_path, capsys):
    file = tmp_path / "people.csv"
    file.write_text("ocd_id,name\nocd-person/1,Ann\n,Nobody\n")
    out = io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("import_people", "acme", str(file), stdout=out, stderr=out)
    assert left.value.code == 1
    assert out.getvalue().startswith("3: ")
    assert "1 stored, 1 refused" in out.getvalue()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"no,header\n"])
def test_a_file_that_cannot_be_read_is_refused(account, tmp_path, content):
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError):
        run("import_people", "acme", str(file))


def test_a_service_that_does_not_answer_is_said_without_the_key(account):
    with pytest.raises(CommandError) as refused:
        run("import_people", "acme", "--ocd-url", "http://127.0.0.1:9/", "--ocd-key", "hunter2")
    assert "did not answer" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_changed_salt_is_accepted_by_force_only(account, settings):
    senders.vouch(account, email="a@x.example", name="", ttl_days=1, now=timezone.now())
    assert "not changed" in run("accept_salt")
    settings.EARWIG_SENDER_SALT = "another"
    with pytest.raises(CommandError, match="1 sender"):
        run("accept_salt")
    assert salts.changed()
    run("accept_salt", "--force")
    assert not salts.changed()


def test_commands_are_audited_without_addresses(monkeypatch):
    monkeypatch.setenv("FIRST_PASSWORD", "correct horse")
    run("open_account", "acme", "--user", "a@x.example", "--password-env", "FIRST_PASSWORD")
    secret = run("issue_key", "acme").strip()
    rows = list(AuditEntry.objects.order_by("id").values())
    assert [row["action"] for row in rows] == ["open account", "issue key"]
    assert "@" not in str(rows) and secret not in str(rows)
