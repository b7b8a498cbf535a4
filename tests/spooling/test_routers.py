import pytest

from spooling import routers
from spooling.models import Route, Router

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _smtp_url(settings):
    settings.SMTP_URL = "smtps://user%40x:p%3Aw@relay.example"


def test_the_default_router_is_made_of_smtp_url():
    destination = routers.table().choose(1, "gmail")

    assert (destination.host, destination.port, destination.tls) == ("relay.example", 465, "implicit")
    assert (destination.username, destination.password) == ("user@x", "p:w")
    assert destination.verify_certificate
    assert "p:w" not in repr(destination) and "p:w" not in Router.objects.get().password_sealed


def test_the_trap_is_the_default_where_there_is_no_smtp_url(settings):
    settings.SMTP_URL = ""

    destination = routers.table().choose(1, "gmail")

    assert (destination.host, destination.port) == (settings.TRAP_HOST, settings.TRAP_PORT)


def test_the_default_follows_the_settings_at_the_next_start(settings, monkeypatch):
    settings.SMTP_URL = ""
    routers.table()
    settings.SMTP_URL = "smtp+plain://elsewhere.example:2525"
    monkeypatch.setattr(routers, "_table", None)

    destination = routers.table().choose(1, "gmail")

    assert (destination.host, destination.port, destination.tls) == ("elsewhere.example", 2525, "none")
    assert Router.objects.count() == 1


def test_a_default_of_somebodys_own_stays(monkeypatch):
    Router.objects.create(name="mine", host="mine.example", default=True)

    assert routers.table().choose(1, "gmail").host == "mine.example"


def test_an_accounts_own_router_comes_before_everyones(account, other_account):
    everyones = Router.objects.create(name="all", host="all.example", default=True)
    own = Router.objects.create(name="own", host="own.example", account=account, default=True)
    special = Router.objects.create(name="special", host="special.example")
    Route.objects.create(router=special, provider="gmail")
    Route.objects.create(router=everyones, provider="yahoo", account=account)

    table = routers.table()

    assert table.choose(account.pk, "gmail").id == own.pk
    assert table.choose(account.pk, "yahoo").id == everyones.pk
    assert table.choose(other_account.pk, "gmail").id == special.pk
    assert table.choose(other_account.pk, "other").id == everyones.pk


@pytest.mark.parametrize(("faults", "seconds"), [(1, 5), (2, 10), (4, 40), (50, 300)])
def test_a_router_rests_longer_with_each_fault_in_a_row(faults, seconds):
    assert routers.rest(faults).total_seconds() == seconds
