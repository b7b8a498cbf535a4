"""Fixtures that all tests share: two accounts, a key each, people, staff, and processes that remember nothing."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone
from whitenoise.middleware import WhiteNoiseMiddleware

from earwig import accounts, api_keys, domains, logins, salts
from earwig.models import ContactDetail, Person
from earwig.models.api_keys import Scope
from tests import flushing

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    if connection.vendor == "sqlite":
        # A file and not memory: threads and processes of a test have connections of their own.
        connection.settings_dict["TEST"]["NAME"] = str(Path(settings.EARWIG_DATA) / "tests.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def _quick_flush():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", flushing.flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_looked_for_once():
    """Each client of a test makes the middleware anew, which looks through the files of all apps."""
    found = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def look_once(self):
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


def pytest_runtest_setup(item):
    if item.get_closest_marker("postgresql") and connection.vendor != "postgresql":
        pytest.skip("needs TEST_DATABASE_URL")


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cache.clear()
    for module in (api_keys, domains, logins, salts):
        module.forget_cached()


@pytest.fixture
def account(db):
    return accounts.open_account(
        "acme", name="Acme", email="staff@acme.example", password="correct horse", now=timezone.now()
    )


@pytest.fixture
def other_account(db):
    return accounts.open_account(
        "rival", name="Rival", email="staff@rival.example", password="battery staple", now=timezone.now()
    )


@pytest.fixture
def key(account):
    """The secret of a key of `account` that may do everything."""
    return _secret_of(account)


@pytest.fixture
def other_key(other_account):
    return _secret_of(other_account)


@pytest.fixture
def staff(client, db):
    """The browser of somebody who may do everything in the admin."""
    client.force_login(get_user_model().objects.create_superuser("root@example.org", password="x"))
    return client


@pytest.fixture
def clerk(client, db):
    """The browser of somebody who may look and not touch."""
    user = get_user_model().objects.create_user("clerk@example.org", password="x", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.fixture
def make_person(account):
    """Call with an external id and e-mail addresses, in the order in which they are tried."""

    def make(external_id, *emails, of=None, **fields):
        person = Person.objects.create(
            account=of or account, external_id=external_id, **{"name": f"Person {external_id}", **fields}
        )
        for email in emails:
            ContactDetail.objects.create(person=person, type="email", value=email)
        return person

    return make


@pytest.fixture
def person(make_person):
    return make_person("ocd-person/1", "one@people.example")


@pytest.fixture
def other_person(make_person):
    return make_person("ocd-person/2", "two@people.example")


def _secret_of(owner):
    return api_keys.issue(owner, name="tests", scopes=Scope.values, now=timezone.now()).secret
