from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from earwig.models import Account
from spooling import spoolers
from spooling.models import Content, Spooler
from spooling.models.spoolers import SpoolerState, SpoolerType
from tests.wires.octosend.clients import SPOOLER_KEYS, refused
from tests.wires.octosend.conftest import DEMO, NEWS, OTHER

NOW = timezone.now()
HOUR = timedelta(hours=1)
#: In 2154: more than 32 bits hold.
FAR = 5806512000


def stored(token):
    return Spooler.objects.select_related("domain").get(token=token)


@pytest.fixture
def launched(caller):
    """The token of a transactional spooler that is ready, which needs no message."""
    token = caller.new("transactional")
    assert caller.post(f"spooler/{token}/ready").status_code == 200
    return token


def test_scenario_7_a_new_spooler_has_nine_keys(caller):
    before = timezone.now().timestamp()
    made = caller.post("spoolers/create", {"domain": DEMO, "type": "marketing"}).json()
    assert set(made) == SPOOLER_KEYS
    assert made.pop("creation") == pytest.approx(before, abs=5)
    token = made.pop("token")
    assert token.isalnum() and token.isascii()
    assert made == {
        "archived": False,
        "domain": DEMO,
        "name": "",
        "start": 0,
        "state": "new",
        "tags": [],
        "type": "marketing",
    }
    assert caller.spooler(token).keys() == SPOOLER_KEYS
    assert caller.spooler(token)["archived"] is False


@pytest.mark.parametrize(
    ("body", "slug", "field"),
    [
        ({"domain": DEMO, "type": "campaign"}, "invalid-field", "type"),
        ({"domain": DEMO, "type": 1}, "invalid-field", "type"),
        ({"domain": OTHER, "type": "marketing"}, "unknown-domain", "domain"),
        ({"domain": "nope", "type": "marketing"}, "unknown-domain", "domain"),
        ({"domain": DEMO}, "missing-field", "type"),
        ({"type": "marketing", "domain": None}, "missing-field", "domain"),
    ],
)
def test_scenario_8_a_spooler_needs_a_type_and_a_domain_of_its_own(caller, rival, body, slug, field):
    answer = caller.post("spoolers/create", body)
    assert refused(answer) == (400, slug)
    assert answer.json()["details"]["fields"].keys() == {field}
    assert not Spooler.objects.filter(type=SpoolerType.CAMPAIGN).exists()


def test_scenario_9_setters_answer_the_whole_spooler(caller, token):
    for path, body in [
        ("name", {"name": "Promotion A"}),
        ("start", {"start": FAR}),
        ("tags", {"tags": ["a", "b"]}),
    ]:
        answer = caller.post(f"spooler/{token}/{path}", body).json()
        assert answer.keys() == SPOOLER_KEYS
        assert answer[path] == body[path]
        assert caller.spooler(token) == answer


def test_scenario_10_all_filters_together_find_what_matches(caller):
    named = caller.new()
    caller.post(f"spooler/{named}/name", {"name": "Promotion"})
    caller.new()
    caller.new("transactional", NEWS)
    dates = {f"{stem}{end}": 0 for stem in ("created", "start", "end") for end in ("After", "Before")}
    criteria = {
        "domains": [DEMO],
        "states": ["new"],
        "types": ["marketing"],
        "nameContains": "promotion",
        "limit": 10,
        "offset": 0,
        "reverse": False,
        **dates,
    }
    assert [row["token"] for row in caller.post("spoolers/fetch", criteria).json()] == [named]
    assert caller.post("spoolers/count", criteria).json() == 1
    assert caller.post("spoolers/fetch", {"types": ["type"]}).json() == []
    assert caller.get("spoolers/count").json() == caller.post("spoolers/count").json() == 3


def test_scenario_11_pages_do_not_overlap(caller):
    made = [caller.new() for _ in range(5)]

    def page(**criteria):
        return [row["token"] for row in caller.post("spoolers/fetch", criteria).json()]

    assert page(limit=2) == made[:2]
    assert page(limit=2, offset=2) == made[2:4]
    assert page(limit=2, offset=4) == made[4:]
    assert page(reverse=True) == made[::-1]
    assert page(limit=0) == []


def test_words_of_one_filter_add_up_and_filters_narrow_each_other(caller, launched):
    new, paused, cancelled = caller.new(), caller.new("transactional", NEWS), caller.new()
    for path in ("ready", "pause"):
        caller.post(f"spooler/{paused}/{path}")
    caller.post(f"spooler/{cancelled}/cancel")

    def found(**criteria):
        return {row["token"] for row in caller.post("spoolers/fetch", criteria).json()}

    assert found(states=["new", "cancelled"]) == {new, cancelled}
    assert found(states=["running"]) == {launched}
    assert found(states=["pending"]) == {paused}
    assert found(states=["pending", "running"], domains=[NEWS]) == {paused}
    assert found(states=["finished", "no such word"]) == set()
    assert found(states=[], types=[], domains=[]) == {new, paused, cancelled, launched}
    assert found(domains=["nope.example"]) == set()


@pytest.mark.parametrize("word", ["new", "pending", "running", "cancelled", "finished"])
def test_what_a_filter_by_state_finds_shows_that_state(caller, shop, word):
    future = timezone.now() + HOUR
    for state in SpoolerState:
        for start_at in (NOW, future):
            for ended_at in (None, NOW):
                Spooler.objects.create(account=shop, state=state, start_at=start_at, ended_at=ended_at)
    shown = caller.post("spoolers/fetch", {}).json()
    found = caller.post("spoolers/fetch", {"states": [word]}).json()
    assert found == [row for row in shown if row["state"] == word] != []


def test_bounds_hold_their_whole_second(caller):
    with time_machine.travel(NOW.replace(microsecond=700_000), tick=False):
        creation = caller.spooler(caller.new())["creation"]
    for bound in ("createdAfter", "createdBefore"):
        assert caller.post("spoolers/count", {bound: creation}).json() == 1
    assert caller.post("spoolers/count", {"createdAfter": creation + 1}).json() == 0
    assert caller.post("spoolers/count", {"createdBefore": creation - 1}).json() == 0
    assert caller.post("spoolers/count", {"createdBefore": None, "createdAfter": 0}).json() == 1
    assert caller.post("spoolers/count", {"createdBefore": 2**62}).json() == 1


def test_a_start_that_is_not_set_is_before_every_bound(caller, token):
    assert caller.post("spoolers/count", {"startAfter": 1}).json() == 0
    assert caller.post("spoolers/count", {"startBefore": 1}).json() == 1
    caller.post(f"spooler/{token}/start", {"start": FAR})
    assert caller.post("spoolers/count", {"startAfter": FAR, "startBefore": FAR}).json() == 1
    assert caller.post("spoolers/count", {"startBefore": FAR - 1}).json() == 0


def test_a_spooler_without_end_fails_every_bound_of_the_end(caller, token):
    assert caller.post("spoolers/count", {"endAfter": 1}).json() == 0
    assert caller.post("spoolers/count", {"endBefore": 2**40}).json() == 0
    caller.post(f"spooler/{token}/cancel")
    assert caller.post("spoolers/count", {"endAfter": 1, "endBefore": 2**40}).json() == 1


def test_a_start_is_unset_by_zero(caller, token):
    caller.post(f"spooler/{token}/start", {"start": FAR})
    assert caller.post(f"spooler/{token}/start", {"start": 0}).json()["start"] == 0
    assert stored(token).start_at == stored(token).created_at


def test_the_second_of_creation_is_a_start_like_others(caller):
    with time_machine.travel(NOW.replace(microsecond=0), tick=False):
        token = caller.new()
        creation = caller.spooler(token)["creation"]
        assert caller.post(f"spooler/{token}/start", {"start": creation}).json()["start"] == creation


@pytest.mark.parametrize("start", ["1700000000", 1700000000.9, 1700000000])
def test_numbers_come_in_many_forms(caller, token, start):
    assert caller.post(f"spooler/{token}/start", {"start": start}).json()["start"] == 1700000000


@pytest.mark.parametrize(
    ("path", "body", "slug"),
    [
        ("start", {"start": -1}, "invalid-field"),
        ("start", {"start": 2**63}, "invalid-field"),
        ("start", {"start": 253402300800}, "invalid-field"),
        ("start", {"start": "soon"}, "invalid-field"),
        ("start", {"start": True}, "invalid-field"),
        ("start", {}, "missing-field"),
        ("name", {"name": ["x"]}, "invalid-field"),
        ("name", {"name": "x" * 2001}, "invalid-field"),
        ("name", [], "missing-field"),
        ("tags", {"tags": "a"}, "invalid-field"),
        ("tags", {"tags": [["a"]]}, "invalid-field"),
        ("tags", {"tags": ["a"] * 51}, "invalid-field"),
        ("tags", {"tags": ["a" * 201]}, "invalid-field"),
        ("tags", {}, "missing-field"),
        ("headers", {"headers": ["a"]}, "invalid-field"),
        ("headers", {"headers": {"X-A": {"b": "c"}}}, "invalid-field"),
        ("headers", {"headers": {"X A": "b"}}, "invalid-field"),
        ("headers", {"headers": {"X-A": "b" * 4001}}, "invalid-field"),
        ("headers", {"headers": {f"X-{number}": "b" for number in range(51)}}, "invalid-field"),
        ("headers", {"headers": {"Reply-To": "nobody"}}, "invalid-field"),
        ("variables", {"variables": {"a": []}}, "invalid-field"),
        ("variables", {}, "missing-field"),
    ],
)
def test_what_cannot_be_set_changes_nothing(caller, token, path, body, slug):
    before = caller.spooler(token)
    assert refused(caller.post(f"spooler/{token}/{path}", body)) == (400, slug)
    assert caller.spooler(token) == before


def test_the_year_9999_can_be_started_in(caller, token):
    assert caller.post(f"spooler/{token}/start", {"start": 253402300000}).json()["start"] == 253402300000
    assert caller.post("spoolers/count", {"startAfter": FAR}).json() == 1


def test_a_name_is_free_text(caller, token):
    name = "Été “50 %”\n" + "x" * 1500
    assert caller.post(f"spooler/{token}/name", {"name": name}).json()["name"] == name
    assert caller.post(f"spooler/{token}/name", {"name": ""}).json()["name"] == ""


def test_a_list_with_gaps_counts_by_its_values(caller, token):
    answer = caller.post(f"spooler/{token}/tags", {"tags": {"0": "a", "2": "b"}})
    assert answer.json()["tags"] == ["a", "b"]
    assert caller.post(f"spooler/{token}/tags", {"tags": []}).json()["tags"] == []


@pytest.mark.parametrize("what", ["headers", "variables"])
def test_headers_and_variables_are_replaced_as_a_whole(caller, token, what):
    path = f"spooler/{token}/{what}"
    assert caller.get(path).json() == {}
    answer = caller.post(path, {what: {"X-One": "1", "X-Two": 2, "X-Yes": True, "X-None": None}})
    assert answer.json().keys() == SPOOLER_KEYS
    assert caller.get(path).json() == {"X-One": "1", "X-Two": "2", "X-Yes": "true"}
    caller.post(path, {what: {"X-Three": "é"}})
    assert caller.get(path).json() == {"X-Three": "é"}
    caller.post(path, {what: []})
    assert caller.get(path).content == b"{}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("name", {"name": "late"}),
        ("start", {"start": 0}),
        ("tags", {"tags": ["late"]}),
        ("headers", {"headers": {"X-Late": "1"}}),
        ("variables", {"variables": {"late": "1"}}),
    ],
)
@pytest.mark.parametrize("state", ["ready", "paused", "finished", "cancelled"])
def test_nothing_is_set_once_it_was_ready(caller, token, path, body, state):
    Spooler.objects.filter(token=token).update(state=state)
    before = Spooler.objects.filter(token=token).values().get()
    assert refused(caller.post(f"spooler/{token}/{path}", body)) == (400, "spooler-locked")
    assert Spooler.objects.filter(token=token).values().get() == before


def test_a_ready_spooler_waits_for_its_start(caller):
    token = caller.new("transactional")
    start = int(timezone.now().timestamp()) + 3600
    caller.post(f"spooler/{token}/start", {"start": start})
    assert caller.post(f"spooler/{token}/ready").json()["state"] == "pending"
    with time_machine.travel(start + 1, tick=False):
        assert caller.spooler(token)["state"] == "running"


@pytest.mark.parametrize("start", [0, 1])
def test_a_ready_spooler_runs_at_once_if_its_start_has_passed(caller, start):
    token = caller.new("transactional")
    caller.post(f"spooler/{token}/start", {"start": start})
    assert caller.post(f"spooler/{token}/ready").json()["state"] == "running"


def test_an_incomplete_marketing_spooler_stays_new(caller, token):
    answer = caller.post(f"spooler/{token}/ready")
    assert refused(answer) == (400, "message-incomplete")
    assert answer.json()["details"]["fields"]
    assert caller.spooler(token)["state"] == "new"


def test_scenario_22_a_transactional_spooler_is_finished_by_hand(caller, launched):
    assert caller.spooler(launched)["state"] == "running"
    assert caller.post(f"spooler/{launched}/finish").json()["state"] == "finished"
    assert caller.post("spoolers/count", {"endAfter": 1}).json() == 1


def test_scenario_22_a_pending_spooler_can_be_cancelled(caller):
    token = caller.new("transactional")
    caller.post(f"spooler/{token}/start", {"start": FAR})
    caller.post(f"spooler/{token}/ready")
    assert caller.post(f"spooler/{token}/cancel").json()["state"] == "cancelled"


def test_scenario_22_a_paused_spooler_shows_as_pending(caller, launched):
    assert caller.post(f"spooler/{launched}/pause").json()["state"] == "pending"
    assert stored(launched).state == SpoolerState.PAUSED
    assert caller.post(f"spooler/{launched}/resume").json()["state"] == "running"
    assert stored(launched).state == SpoolerState.READY


#: By the calls before: what each call does then. “same”: 200 and nothing changes; a state: it shows that.
MOVES = {
    (): {"ready": "running", "cancel": "cancelled", "finish": 400, "pause": 400, "resume": 400},
    ("ready",): {
        "ready": "same",
        "cancel": "cancelled",
        "finish": "finished",
        "pause": "pending",
        "resume": "same",
    },
    ("ready", "pause"): {
        "ready": "same",
        "cancel": "cancelled",
        "finish": "finished",
        "pause": "same",
        "resume": "running",
    },
    ("ready", "finish"): {"ready": 400, "cancel": 400, "finish": "same", "pause": 400, "resume": 400},
    ("cancel",): {"ready": 400, "cancel": "same", "finish": 400, "pause": 400, "resume": 400},
}


@pytest.mark.parametrize(
    ("before", "call", "outcome"),
    [(before, call, outcome) for before, calls in MOVES.items() for call, outcome in calls.items()],
)
def test_each_call_in_each_state_leads_where_it_may(caller, before, call, outcome):
    token = caller.new("transactional")
    for earlier in before:
        assert caller.post(f"spooler/{token}/{earlier}").status_code == 200
    row = Spooler.objects.filter(token=token).values().get()
    answer = caller.post(f"spooler/{token}/{call}")
    if outcome == 400:
        assert refused(answer) == (400, "illegal-transition")
    else:
        assert answer.json().keys() == SPOOLER_KEYS
    if outcome in ("same", 400):
        assert Spooler.objects.filter(token=token).values().get() == row
    else:
        assert answer.json()["state"] == outcome == caller.spooler(token)["state"]


PATHS = [
    ("get", ""),
    ("post", "/name"),
    ("post", "/start"),
    ("post", "/tags"),
    ("get", "/headers"),
    ("post", "/headers"),
    ("get", "/variables"),
    ("post", "/variables"),
    ("post", "/ready"),
    ("post", "/pause"),
    ("post", "/resume"),
    ("post", "/finish"),
    ("post", "/cancel"),
]


@pytest.mark.parametrize(("verb", "path"), PATHS)
def test_a_foreign_spooler_is_unknown_whatever_the_body(caller, stranger, token, verb, path):
    body = (b"{broken",) if verb == "post" else ()
    foreign = getattr(stranger, verb)(f"spooler/{token}{path}", *body)
    unknown = getattr(stranger, verb)(f"spooler/s{'0' * 32}{path}", *body)
    assert refused(foreign) == refused(unknown) == (404, "not-found")
    assert foreign.json() == unknown.json()
    assert caller.spooler(token)["state"] == "new"


def test_a_stranger_lists_nothing_of_ours(caller, stranger, token):
    assert stranger.get("spoolers/count").json() == 0
    assert stranger.post("spoolers/fetch", {"domains": [DEMO]}).json() == []


def test_standing_streams_and_drafts_are_hidden(caller, shop):
    stream = Spooler.objects.get(pk=spoolers.stream_id(shop.pk, "bulk"))
    drafts = spoolers.of_drafts(shop.pk, None)
    assert caller.get("spoolers/count").json() == 0
    for hidden in (stream, drafts):
        assert refused(caller.get(f"spooler/{hidden.token}")) == (404, "not-found")


def test_a_native_campaign_is_a_spooler_too(caller, shop):
    native = spoolers.open_campaign(Account(pk=shop.pk), name="native", now=NOW)
    assert caller.spooler(native.token)["domain"] == ""
    assert caller.spooler(native.token)["type"] == "marketing"


def test_a_life_cycle_never_touches_contents(caller, launched):
    before = Content.objects.count()
    for call in ("pause", "resume", "finish"):
        caller.post(f"spooler/{launched}/{call}")
    assert Content.objects.count() == before


def test_a_list_costs_as_many_queries_as_a_row(caller, django_assert_max_num_queries):
    for _ in range(20):
        caller.new()
    caller.get("spoolers/count")
    with django_assert_max_num_queries(2):
        assert len(caller.post("spoolers/fetch", {}).json()) == 20
