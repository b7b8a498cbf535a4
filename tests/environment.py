"""The installation that the tests run in: embedded, in a folder of its own, or on TEST_DATABASE_URL.

A plugin (`-p tests.environment`), because Django's settings are read before any conftest.
"""

import atexit
import os
import shutil
import tempfile

#: Fixtures of pytest-django that open the database.
_DATABASE = {"db", "transactional_db", "live_server"}

OURS = (
    "EARWIG_",
    "HANDOFF_",
    "CELERY_",
    "DATABASE_",
    "CACHE_",
    "PUBLIC_",
    "TRACKING_",
    "SMTP_",
    "INBOUND_",
    "METRICS_",
    "PROMETHEUS_",
)


def prepare() -> None:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    folder = tempfile.mkdtemp(prefix="earwig-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # The salt of the contract's scenarios.
    os.environ.update(EARWIG_DATA=folder, EARWIG_SENDER_SALT="the-very-saltiest", REQUIRE_HTTPS="off")
    if url := os.environ.get("TEST_DATABASE_URL"):
        os.environ.update(
            DATABASE_URL=url,
            SECRET_KEY="of the tests",
            EARWIG_KEYS="b2YgdGhlIHRlc3RzLCBhbmQgb25seSBvZiB0aGVtLi4=",
            CELERY_BROKER_URL="memory://",
        )
    if url := os.environ.get("TEST_BROKER_URL"):
        os.environ["CELERY_BROKER_URL"] = url


def pytest_addoption(parser):
    parser.addoption(
        "--stores", action="store_true", help="Only what asks a database, and not what a browser shows of it."
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("stores"):
        config.hook.pytest_deselected(items=[item for item in items if not _asks_a_store(item)])
        items[:] = filter(_asks_a_store, items)


def _asks_a_store(item):
    if item.get_closest_marker("browser"):
        return False
    return bool(item.get_closest_marker("django_db") or _DATABASE.intersection(item.fixturenames))


prepare()
