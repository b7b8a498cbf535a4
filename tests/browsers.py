"""Fixtures of a real browser, for the tests that are marked so."""

import os

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    if not os.path.exists(CHROMIUM):
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is missing")
    # Playwright's loop runs in this thread; Django would take every query for one from a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def signed_in(chromium, client, live_server):
    """Call, with the browser context's options, for a page of a signed-in member of staff."""
    contexts = []

    def call(**options):
        user = get_user_model().objects.create_superuser("staff@example.org", password="correct horse")
        client.force_login(user)
        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        context.set_default_timeout(5000)
        return context.new_page()

    yield call
    for context in contexts:
        context.close()
