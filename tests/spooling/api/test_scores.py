import pytest
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models.api_keys import Scope
from spooling import spoolers
from spooling.campaigns import messages
from spooling.outbox.drafts import NewContent, NewFile

HTML = "<p>Hello {{name}}, this week we have new shoes.</p><a href='{{unsubscribe}}'>No more</a>"
TEXT = "Hello {{name}}, this week we have new shoes. No more: {{unsubscribe}}"
BODY = {"subject": "New things", "html": HTML, "text": TEXT}


@pytest.fixture
def domain(account):
    domain = domains.add(account, name="shop.example", now=timezone.now())
    domains.make_key(domain, algorithm="rsa-sha256", selector="a", now=timezone.now())
    return domain


@pytest.fixture
def campaign(account, domain):
    return spoolers.open_campaign(account, domain=domain, now=timezone.now())


def post(client, key, body):
    headers = {"Authorization": f"Token {key}"} if key else {}
    return client.post("/api/v1/scoring/", body, content_type="application/json", headers=headers)


def get(client, key, token):
    return client.get(f"/api/v1/spoolers/{token}/score/", headers={"Authorization": f"Token {key}"})


def rules(response):
    assert response.status_code == 200
    return [detail["rule"] for detail in response.json()["details"]]


def test_a_message_is_scored_as_the_default_domain_would_send_it(client, key, other_key, domain):
    assert post(client, key, BODY).json() == {"score": 100, "block": False, "details": []}
    assert rules(post(client, other_key, BODY)) == ["unsigned-domain"]


def test_a_message_from_another_domain_is_signed_by_that(client, account, key, domain):
    domains.add(account, name="second.example", now=timezone.now())
    assert rules(post(client, key, {**BODY, "from": "Shop <a@shop.example>"})) == []
    assert rules(post(client, key, {**BODY, "from": {"email": "a@second.example"}})) == ["unsigned-domain"]
    assert post(client, key, {**BODY, "from": "a@elsewhere.example"}).status_code == 400


def test_headers_and_the_lane_count(client, key, domain):
    body = {**BODY, "html": "", "text": "Your code is 12."}
    assert rules(post(client, key, body)) == ["no-unsubscribe"]
    assert rules(post(client, key, {**body, "lane": "transactional"})) == []
    assert rules(post(client, key, {**body, "headers": {"List-Unsubscribe": "<https://a.example>"}})) == []


def test_an_empty_message_is_blocked(client, key):
    answer = post(client, key, {}).json()
    assert (answer["score"], answer["block"]) == (0, True)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "null",
        {"html": ["x"]},
        {"subject": "x" * 2_001},
        {"lane": "x"},
        {"x": 1},
        {"from": "x"},
        {"headers": []},
    ],
)
def test_what_is_no_message_is_refused(client, key, body):
    response = post(client, key, body)
    assert (response.status_code, list(response.json())) == (400, ["errors"])


def test_scoring_needs_a_key_that_may_read(client, account):
    assert post(client, "", BODY).status_code == 401
    sends = api_keys.issue(account, name="sends", scopes=[Scope.SEND], now=timezone.now()).secret
    assert post(client, sends, BODY).status_code == 403


def test_a_campaign_is_scored_by_its_message(client, key, campaign):
    assert rules(get(client, key, campaign.token)) == ["no-message"]
    content = NewContent(from_email="a@shop.example", subject="New things", html=HTML, text=TEXT)
    messages.write(campaign, content, now=timezone.now())
    assert get(client, key, campaign.token).json() == {"score": 100, "block": False, "details": []}


def test_its_files_count_as_they_are_sent(client, key, campaign):
    file = NewFile(name="a.bin", type="application/octet-stream", data=b"x" * 8 * 1024 * 1024)
    content = NewContent(from_email="a@shop.example", subject="New", html=HTML, text=TEXT, files=(file,))
    messages.write(campaign, content, now=timezone.now())
    assert rules(get(client, key, campaign.token)) == ["too-large"]


def test_a_stranger_and_an_unknown_token_get_the_same_answer(client, key, other_key, campaign):
    foreign, unknown = get(client, other_key, campaign.token), get(client, key, "s" * 33)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()
