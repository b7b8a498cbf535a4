"""How routers fare at a glance, and the plans of sending domains, in the admin."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from earwig import domains
from spooling import warm_ups
from spooling.models import ConnectionSlot, ProviderLimit, Router, Shape, WarmUp

pytestmark = pytest.mark.django_db
FORMS = {
    "routes-TOTAL_FORMS": "0",
    "routes-INITIAL_FORMS": "0",
    "limits-TOTAL_FORMS": "1",
    "limits-INITIAL_FORMS": "0",
    "limits-0-provider": "gmail",
    "limits-0-max_connections": "5",
}
DIRECT = {"name": "direct", "kind": "mx", "port": "25", "tls": "opportunistic", "max_connections": "500"}
DIRECT |= {"mails_per_connection": "100"}


def test_a_direct_router_is_set_up_with_limits_of_its_own(staff):
    staff.post(reverse("admin:spooling_router_add"), DIRECT | FORMS)

    limit = ProviderLimit.objects.get()
    assert (limit.router.kind, limit.provider, limit.max_connections) == ("mx", "gmail", 5)


@pytest.mark.parametrize("wrong", [{"host": "mx.example.org"}, {"username": "earwig"}, {"kind": "smtp"}])
def test_a_router_that_cannot_be_is_refused(staff, wrong):
    page = staff.post(reverse("admin:spooling_router_add"), DIRECT | FORMS | wrong)

    assert page.status_code == 200 and not Router.objects.exists()


def test_a_routers_page_shows_how_each_part_of_it_fares(staff):
    router, now = Router.objects.create(name="direct", kind="mx"), timezone.now()
    Shape.objects.create(
        router=router,
        provider="mx.x.example",
        pace=250,
        faults=3,
        deferred_until=now + timedelta(hours=1),
        last_fault="connect: <b>refused</b>",
    )
    ConnectionSlot.objects.create(
        router=router, provider="gmail", worker="w", connections=7, leased_until=now + timedelta(hours=1)
    )

    page = staff.get(reverse("admin:spooling_router_change", args=(router.pk,))).content.decode()

    assert "mx.x.example" in page and "25 %" in page and "connect: &lt;b&gt;refused&lt;/b&gt;" in page
    assert ">gmail<" in page and ">7<" in page


def test_a_plan_is_set_and_shown(staff, account):
    domain = domains.add_signed(account, name="shop.example", now=timezone.now())
    plan = {"domain": domain.pk, "started_on": timezone.now().date(), "first_day": 20, "growth_percent": 100}
    staff.post(reverse("admin:spooling_warmup_add"), plan | {"days": 10})

    row = WarmUp.objects.get()
    warm_ups.let_through(row, "gmail", 4, now=timezone.now())
    page = staff.get(reverse("admin:spooling_warmup_change", args=(row.pk,))).content.decode()
    assert "gmail" in page and "20" in page
