"""A real browser at a desk and on a phone, by day and by night, and a campaign whose mail goes to the trap."""

import threading
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from earwig import domains
from spooling import limits, routers, spoolers, wakeups
from spooling.campaigns import filling, messages
from spooling.delivery.drain import Drain
from spooling.models import Router
from tests import traps
from tests.browsers import chromium, signed_in

__all__ = ["chromium", "signed_in"]

WINDOWS = {
    "desk-light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "desk-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone-light": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "phone-dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
#: Pictures of the pages, for people to look at.
PICTURES = settings.BASE_DIR / "var" / "screenshots"


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    """No test inherits what a process remembers, and none wakes a worker."""
    monkeypatch.setattr(wakeups, "_send", lambda lane: None)
    for remembered in (wakeups._quiet_until, limits._rooms, spoolers._streams):
        remembered.clear()
    monkeypatch.setattr(routers, "_table", None)


@pytest.fixture
def open_window(signed_in):
    """Call with the name of a window for a page; its `errors` are what its scripts threw and what failed to load."""

    def call(name):
        page = signed_in(**WINDOWS[name], reduced_motion="reduce")
        page.window, page.errors = name, []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "response",
            lambda answer: answer.status >= 400 and page.errors.append(f"{answer.status} {answer.url}"),
        )
        return page

    return call


def picture(page, name):
    page.screenshot(path=PICTURES / f"{name}-{page.window}.png", full_page=True)


def open_menu(page):
    """A narrow window hides the buttons in one."""
    if page.viewport_size["width"] < 1024:
        page.get_by_text("more_horiz").first.click()


def assert_sound(page):
    """Nothing failed, and nothing makes the whole page wider than the window."""
    assert page.errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.fixture
def trap_router(transactional_db):
    """All mail goes to a running trap."""
    with traps.running() as port:
        yield Router.objects.create(
            name="trap", host="127.0.0.1", port=port, tls="none", default=True, max_connections=1
        )


@pytest.fixture
def domain(account):
    return domains.add(account, name="shop.example", now=timezone.now())


@pytest.fixture
def make_campaign(account, domain):
    """Call with a content and the addresses of recipients for a campaign that is filled and not launched."""

    def call(content, emails):
        now = timezone.now()
        spooler = spoolers.open_campaign(account, name="Spring sale", domain=domain, now=now)
        messages.write(spooler, content, now=now)
        entries = [
            filling.Entry(email, variables={"name": email.partition("@")[0].title()}) for email in emails
        ]
        filling.add(spooler, entries, api_key_id=None, now=now)
        return spooler

    return call


@contextmanager
def draining(lane):
    """A worker's drain in a thread, until this is left."""
    over = threading.Event()
    thread = threading.Thread(target=_drain, args=(lane, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
        assert not thread.is_alive()


def _drain(lane, over):
    try:
        Drain(lane, seconds=60, stop=over.is_set).run()
    finally:
        connections.close_all()
