import pytest
import time_machine
from django.utils import timezone

from earwig.models import Domain
from templates_app import templates
from templates_app.models import Template
from tests.wires.octosend.clients import refused
from tests.wires.octosend.conftest import DEMO, NEWS, OTHER

BASE = f"templates/domain/{DEMO}"
WELCOME = {"name": "welcome", "type": "text/html", "content": "<p>Hi {{firstname}} { % {{unclosed</p>"}


@pytest.fixture
def welcome(caller):
    return caller.post(f"{BASE}/create", WELCOME).json()


def test_scenario_25_a_template_is_kept_and_recalled(caller):
    with time_machine.travel(1_700_000_000, tick=False):
        made = caller.post(f"{BASE}/create", WELCOME)
    metadata = {
        "name": "welcome",
        "type": "text/html",
        "createdAt": 1_700_000_000,
        "modifiedAt": 1_700_000_000,
    }
    assert made.json() == metadata
    assert refused(caller.post(f"{BASE}/create", WELCOME)) == (400, "already-exists")
    assert caller.post(f"{BASE}/count").json() == caller.get(f"{BASE}/count").json() == 1
    named = {"name": "welcome"}
    assert caller.post(f"{BASE}/get", named).json() == metadata
    assert caller.post(f"{BASE}/get-content", named).json() == WELCOME["content"]
    with time_machine.travel(1_700_000_060, tick=False):
        changed = caller.post(f"{BASE}/set-content", {**named, "content": "<p>Bye</p>"})
    assert changed.json() == {**metadata, "modifiedAt": 1_700_000_060}
    assert caller.post(f"{BASE}/get-content", named).json() == "<p>Bye</p>"
    assert caller.post(f"{BASE}/fetch", {"types": ["text/html"]}).json() == [changed.json()]
    assert caller.post(f"{BASE}/remove", named).json() is True
    assert refused(caller.post(f"{BASE}/get", named)) == (404, "not-found")
    assert caller.post(f"{BASE}/fetch").json() == []


def test_a_text_stays_a_text(caller):
    letter = {"name": "letter", "type": "Text/Plain; charset=utf-8", "content": "Hi {{firstname}}"}
    assert caller.post(f"{BASE}/create", letter).json()["type"] == "text/plain"
    answer = caller.post(f"{BASE}/set-content", {"name": "letter", "content": "<b>no HTML</b>"})
    assert answer.json()["type"] == "text/plain"
    assert caller.post(f"{BASE}/get-content", {"name": "letter"}).json() == "<b>no HTML</b>"


def test_templates_are_found_by_name_and_type(caller, welcome):
    caller.post(f"{BASE}/create", {"name": "Welcome again", "type": "text/plain", "content": "x"})
    caller.post(f"{BASE}/create", {"name": "bye", "type": "text/plain", "content": "x"})

    def found(**criteria):
        rows = [row["name"] for row in caller.post(f"{BASE}/fetch", criteria).json()]
        assert caller.post(f"{BASE}/count", criteria).json() == len(rows)
        return rows

    assert set(found(nameContains="WELCOME")) == {"welcome", "Welcome again"}
    assert found(types=["text/html"]) == ["welcome"]
    assert set(found(types=["text/plain"])) == {"Welcome again", "bye"}
    assert found(types=["image/png"]) == []
    assert len(found(types=["text/plain", "text/html"])) == 3


def test_templates_come_by_name(caller):
    for name in ("b", "c", "a"):
        caller.post(f"{BASE}/create", {"name": name, "type": "text/plain", "content": name})

    def names(**page):
        return "".join(row["name"] for row in caller.post(f"{BASE}/fetch", page).json())

    assert (names(), names(reverse=True), names(limit=1, offset=1)) == ("abc", "cba", "b")


def test_each_domain_has_its_own_names(caller, welcome):
    assert caller.post(f"templates/domain/{NEWS}/create", WELCOME).status_code == 200
    assert caller.post(f"templates/domain/{NEWS}/count").json() == 1


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({**WELCOME, "name": None}, "missing-field"),
        ({"name": "x", "type": "text/html"}, "missing-field"),
        ({"name": "x", "content": "y"}, "missing-field"),
        ({**WELCOME, "type": "image/png"}, "invalid-field"),
        ({**WELCOME, "name": ""}, "invalid-field"),
        ({**WELCOME, "name": "x" * 201}, "invalid-field"),
        ({**WELCOME, "content": ""}, "invalid-field"),
        ({**WELCOME, "content": 5}, "invalid-field"),
    ],
)
def test_a_template_that_cannot_be_is_refused(caller, body, slug):
    answer = caller.post(f"{BASE}/create", body)
    assert refused(answer) == (400, slug)
    assert answer.json()["details"]["fields"]
    assert caller.get(f"{BASE}/count").json() == 0


def test_an_empty_content_leaves_the_old_one(caller, welcome):
    answer = caller.post(f"{BASE}/set-content", {"name": "welcome", "content": ""})
    assert refused(answer) == (400, "invalid-field")
    assert caller.post(f"{BASE}/get-content", {"name": "welcome"}).json() == WELCOME["content"]


@pytest.mark.parametrize("call", ["get", "get-content", "set-content", "remove"])
def test_an_unknown_template_is_not_found(caller, call):
    answer = caller.post(f"{BASE}/{call}", {"name": "nope", "content": "x"})
    assert refused(answer) == (404, "not-found")


@pytest.mark.parametrize("call", ["count", "fetch", "get", "get-content", "create", "set-content", "remove"])
def test_templates_of_a_foreign_domain_are_not_found_whatever_the_body(stranger, welcome, call):
    assert refused(stranger.post(f"{BASE}/{call}", b"{broken")) == (404, "not-found")
    assert stranger.post(f"templates/domain/{OTHER}/count").json() == 0


def test_every_wording_is_a_version(caller, welcome):
    caller.post(f"{BASE}/set-content", {"name": "welcome", "content": "second"})
    versions = Template.objects.get(name="welcome").versions.order_by("number")
    assert [version.html for version in versions] == [WELCOME["content"], "second"]


def test_a_native_template_of_the_domain_is_recalled_too(caller, shop):
    demo = Domain.objects.get(name=DEMO)
    draft = templates.Draft(name="native", domain=demo, texts={"text": "Hi {{name}}", "subject": "Hi"})
    templates.add(shop.pk, draft=draft, now=timezone.now())
    assert caller.post(f"{BASE}/get-content", {"name": "native"}).json() == "Hi {{name}}"


def test_a_list_costs_as_many_queries_as_a_row(caller, django_assert_max_num_queries):
    for number in range(10):
        caller.post(f"{BASE}/create", {**WELCOME, "name": f"t{number}"})
    with django_assert_max_num_queries(2):
        assert len(caller.post(f"{BASE}/fetch").json()) == 10
