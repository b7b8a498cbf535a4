"""Metrics and tokens of users, as staff of the installation see them."""

from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from earwig import api_keys
from stats import metrics
from stats.models import MetricSample


def test_metrics_are_listed_with_their_account_and_found_by_name(staff, account, other_account):
    metrics.add(account.pk, {"subscriptions.created.sum": 41}, now=timezone.now())
    metrics.add(other_account.pk, {"message.text.sum": 42}, now=timezone.now())
    page = staff.get(reverse("admin:stats_metricsample_changelist")).content.decode()
    assert "acme" in page and "rival" in page and "41" in page
    page = staff.get(reverse("admin:stats_metricsample_changelist"), {"q": "message.text"}).content.decode()
    assert "rival" in page and "subscriptions.created.sum" not in page


def test_metrics_are_only_looked_at(staff, account):
    metrics.add(account.pk, {"a.sum": 1}, now=timezone.now())
    page = reverse("admin:stats_metricsample_change", args=(MetricSample.objects.get().pk,))
    assert staff.get(page).status_code == 200
    assert staff.post(page, {"value": 9}).status_code == 403
    assert staff.get(reverse("admin:stats_metricsample_add")).status_code == 403


def test_a_list_of_metrics_costs_the_same_however_long(staff, account, django_assert_max_num_queries):
    metrics.add(account.pk, {f"m{number}.sum": 1 for number in range(80)}, now=timezone.now())
    with django_assert_max_num_queries(8):
        staff.get(reverse("admin:stats_metricsample_changelist"))


def test_a_users_tokens_are_keys_with_the_users_name(staff, account, django_assert_max_num_queries):
    user = get_user_model().objects.get(username="staff@acme.example")
    for _ in range(20):
        api_keys.issue(account, name="token", scopes=["read"], now=timezone.now(), user=user)
    api_keys.issue(account, name="nobodys", scopes=["read"], now=timezone.now())
    with django_assert_max_num_queries(12):
        page = staff.get(reverse("admin:earwig_apikey_changelist"), {"q": "staff@acme"}).content.decode()
    assert "staff@acme.example" in page and "nobodys" not in page
