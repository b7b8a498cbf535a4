import pytest
from cryptography.fernet import Fernet
from django.core import checks
from django.utils import timezone

from earwig import senders


def errors_of(databases=None):
    return {found.id: found.msg for found in checks.run_checks(databases=databases) if found.is_serious()}


def test_the_settings_of_the_tests_pass():
    assert errors_of() == {}


@pytest.mark.parametrize(
    ("name", "value", "identifier"),
    [
        ("EARWIG_KEYS", [], "earwig.E001"),
        ("EARWIG_KEYS", [Fernet.generate_key().decode(), "short"], "earwig.E002"),
        ("EARWIG_SENDER_SALT", "", "earwig.E003"),
        ("SECRET_KEY", "missing", "config.E001"),
        ("CELERY_BROKER_URL", "", "config.E002"),
        ("EARWIG_HANDOFF_KEYS", "some", "config.E003"),
        ("PUBLIC_URL", "mail.example.org", "config.E005"),
        ("PUBLIC_URL", "ftp://mail.example.org", "config.E005"),
        ("PUBLIC_URL", "https://mail.example.org:x", "config.E005"),
        ("SMTP_URL", "mail.example.org:25", "config.E006"),
        ("METRICS_URL", "file:///etc/passwd", "config.E012"),
        ("EARWIG_ALLOW_PRIVATE_TARGETS", ["10.0.0.0/8", "fd00::1", "intranet"], "config.E013"),
        ("SMTP_URL", "smtp://", "config.E006"),
        ("SMTP_URL", "http://mail.example.org", "config.E006"),
        ("SMTP_URL", "mx://mail.example.org", "config.E006"),
        ("IDENTITY_STORE_URL", "identities.example.org", "config.E008"),
        ("DRY_RUN_MESSAGESETS", frozenset({1, "M1"}), "config.E010"),
        ("SUBSCRIPTION_LOCK_TIMEOUT", 30, "config.E011"),
        ("TRUSTED_PROXIES", ["10.0.0.1", "10.1.0.0/16", "proxy"], "config.E007"),
    ],
)
def test_a_wrong_setting_is_named(settings, name, value, identifier):
    settings.IDENTITY_STORE_TOKEN = "given"
    setattr(settings, name, value)
    found = errors_of()
    assert list(found) == [identifier]
    assert name in found[identifier]


def test_an_identity_store_wants_its_token(settings):
    settings.IDENTITY_STORE_URL = "https://identities.example.org/api/v1"
    assert "IDENTITY_STORE_TOKEN" in errors_of()["config.E009"]
    settings.IDENTITY_STORE_TOKEN = "given"
    assert errors_of() == {}


def test_keyless_calls_need_an_account(settings):
    settings.EARWIG_HANDOFF_KEYS = "default-application"
    assert "EARWIG_HANDOFF_ACCOUNT" in errors_of()["config.E004"]
    settings.EARWIG_HANDOFF_ACCOUNT = "acme"
    assert errors_of() == {}


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+plain", "smtp+starttls"])
def test_a_smarthost_is_accepted(settings, scheme):
    settings.SMTP_URL = f"{scheme}://user:password@mail.example.org:587"
    assert errors_of() == {}


@pytest.mark.parametrize("url", ["mx:", "mx://", "mx://:2525"])
def test_direct_delivery_is_accepted(settings, url):
    settings.SMTP_URL = url
    assert errors_of() == {}


def test_no_check_shows_a_secret(settings):
    settings.SMTP_URL = "broken://user:hunter2@mail.example.org"
    settings.EARWIG_KEYS = ["hunter3"]
    found = checks.run_checks()
    assert len(found) == 2
    assert "hunter" not in str([(one.msg, one.hint) for one in found])


def test_a_salt_that_changed_under_stored_senders_is_named(account, settings):
    senders.vouch(account, email="a@x.example", name="", ttl_days=1, now=timezone.now())
    assert "earwig.E004" not in errors_of(["default"])
    settings.EARWIG_SENDER_SALT = "another"
    assert "EARWIG_SENDER_SALT" in errors_of(["default"])["earwig.E004"]
    assert "earwig.E004" not in errors_of()
