import json

import pytest
from django.test import Client
from django.utils import timezone

from earwig import api_keys
from earwig.models import AuditEntry
from spooling import jobs, spoolers
from spooling.models import JobRequest, Mail
from tests import outbox_states

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(campaign, spool):
    """A campaign of which one mail failed."""
    spool("a@x.example", lane="bulk", spooler_id=campaign.pk)
    outbox_states.put(state="failed", ended_at=timezone.now())
    return campaign


def call(verb, path, key, **headers):
    headers = {"Authorization": f"Token {key}", **headers}
    data = {} if verb == "get" else {"data": json.dumps({}), "content_type": "application/json"}
    return getattr(Client(), verb)(path, **data, headers=headers)


def retry(spooler, key, **headers):
    return call("post", f"/api/v1/spoolers/{spooler.token}/retry/", key, **headers)


def test_a_spooler_is_retried_by_a_job_that_can_be_followed(failed, key):
    answer = retry(failed, key)
    assert answer.status_code == 202
    assert answer.json() == {"job": JobRequest.objects.get().public_id.hex, "state": "waiting"}

    jobs.run_due(now=timezone.now())

    job = call("get", f"/api/v1/jobs/{answer.json()['job']}/", key).json()
    assert job.pop("created_at") and job.pop("ended_at")
    assert job == {
        "id": answer.json()["job"],
        "kind": "retry_mails",
        "state": "done",
        "progress": 1,
        "total": 0,
        "result": {"retried": 1},
    }
    assert Mail.objects.get().state == "waiting"


def test_a_body_is_not_needed(failed, key):
    path = f"/api/v1/spoolers/{failed.token}/retry/"
    answer = Client().generic("POST", path, b"", content_type="", headers={"Authorization": f"Token {key}"})
    assert answer.status_code == 202


def test_the_same_call_twice_makes_one_job(failed, key):
    first, second = (retry(failed, key, **{"Idempotency-Key": "k"}) for _ in range(2))

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second["Idempotent-Replayed"] == "true"
    assert JobRequest.objects.count() == 1


def test_a_cancelled_spooler_is_not_retried(failed, key):
    spoolers.cancel(failed, now=timezone.now())

    answer = retry(failed, key)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "spooler_state_conflict")
    assert not JobRequest.objects.exists()


def test_retrying_needs_manage_and_looking_needs_read(account, failed, key):
    def secret(*scopes):
        return api_keys.issue(account, name="k", scopes=scopes, now=timezone.now()).secret

    assert retry(failed, secret("read", "send")).status_code == 403
    job = retry(failed, secret("manage")).json()["job"]
    assert call("get", f"/api/v1/jobs/{job}/", secret("manage", "send")).status_code == 403
    assert call("get", f"/api/v1/jobs/{job}/", secret("read")).status_code == 200


def test_another_account_sees_neither_spooler_nor_job(failed, key, other_key):
    job = retry(failed, key).json()["job"]

    assert retry(failed, other_key).status_code == 404
    assert call("get", f"/api/v1/jobs/{job}/", other_key).status_code == 404
    assert JobRequest.objects.count() == 1


def test_what_is_no_id_is_unknown(key):
    assert call("get", "/api/v1/jobs/abc/", key).status_code == 404


def test_the_trail_names_the_key_that_asked(failed, key):
    retry(failed, key)

    entry = AuditEntry.objects.get(action="spooler.retry")
    assert (entry.subject, entry.key_prefix) == (f"spooler {failed.pk}", key[:8])
    assert entry.account_id == failed.account_id
