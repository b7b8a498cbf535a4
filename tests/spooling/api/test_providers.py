"""The table of mailbox providers."""

import pytest
from django.test import Client

from stats import providers

pytestmark = pytest.mark.django_db
PATH = "/api/v1/providers/"


def get(path, key=None):
    return Client().get(path, headers={"Authorization": f"Token {key}"} if key else {})


@pytest.mark.parametrize("path", [PATH, PATH.rstrip("/")])
def test_every_provider_that_figures_name_is_listed_with_its_domains(key, path):
    answer = get(path, key).json()

    assert answer["count"] == len(providers.NAMES)
    domains = {row["name"]: row["domains"] for row in answer["results"]}
    assert "hotmail.fr" in domains["microsoft"] and domains["other"] == []
    assert all(providers.of_domain(domain) == name for name in domains for domain in domains[name])


def test_the_list_has_pages(key):
    page = get(f"{PATH}?limit=2&offset=1", key).json()

    assert [row["name"] for row in page["results"]] == list(providers.NAMES[1:3])
    assert page["next"] and page["previous"]


def test_it_is_the_same_for_everybody_who_has_a_key(key, other_key):
    assert get(PATH, key).json() == get(PATH, other_key).json()
    assert get(PATH).status_code == 401


def test_it_is_only_read(key):
    answer = Client().post(PATH, headers={"Authorization": f"Token {key}"})
    assert answer.status_code == 405 and answer.json()["errors"][0]["code"] == "method_not_allowed"
