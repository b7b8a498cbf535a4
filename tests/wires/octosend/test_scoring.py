import pytest
from django.utils import timezone

from earwig import domains
from spooling import spoolers
from spooling.campaigns import messages
from spooling.outbox.drafts import NewContent

HTML = (
    "<p>Hello {{name}}, this week we have new shoes, hats and coats.</p><a href='{{unsubscribe}}'>No more</a>"
)
TEXT = "Hello {{name}}, this week we have new shoes, hats and coats. No more: {{unsubscribe}}"
CONTENT = NewContent(
    from_email="shop@shop.example", subject="New things", html=HTML, text=TEXT, template_language="braces"
)


@pytest.fixture
def campaign(account):
    domain = domains.add(account, name="shop.example", now=timezone.now())
    return spoolers.open_campaign(account, domain=domain, now=timezone.now())


def call(client, method, token, key, tail="", **extra):
    path = f"/api/3.0/scoring/spooler/{token}/message{tail}"
    return getattr(client, method)(path, headers={"X-RMTA-API-Key": key} if key else {}, **extra)


def test_a_message_has_a_score_a_block_and_details(client, campaign, key):
    messages.write(campaign, CONTENT, now=timezone.now())
    response = call(client, "get", campaign.token, key, "?")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.json() == {
        "score": 80,
        "block": False,
        "details": [
            {
                "rule": "unsigned-domain",
                "score": -20,
                "description": "The sending domain has no active DKIM key.",
            }
        ],
    }


def test_a_signing_key_counts(client, campaign, key):
    messages.write(campaign, CONTENT, now=timezone.now())
    domains.make_key(campaign.domain, algorithm="rsa-sha256", selector="a", now=timezone.now())
    assert call(client, "get", campaign.token, key).json() == {"score": 100, "block": False, "details": []}


@pytest.mark.parametrize("body", ["", "{}", "[]", "null"])
def test_it_may_be_posted_for_too(client, campaign, key, body):
    response = call(client, "post", campaign.token, key, data=body, content_type="application/json")
    assert (response.status_code, response.json()["block"]) == (200, True)


def test_without_a_message_the_score_is_the_worst_and_blocked(client, campaign, key):
    answer = call(client, "get", campaign.token, key).json()
    assert (answer["score"], answer["block"], len(answer["details"])) == (0, True, 1)


def test_a_stranger_and_an_unknown_token_get_the_same_answer(client, campaign, key, other_key):
    foreign = call(client, "get", campaign.token, other_key)
    unknown = call(client, "get", "s" * 33, key)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()


def test_without_a_key_nothing_is_said(client, campaign):
    assert call(client, "get", campaign.token, "").status_code == 403


def test_a_body_that_is_no_json_is_refused_in_json(client, campaign, key):
    response = call(client, "post", campaign.token, key, data="{", content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid-json")
