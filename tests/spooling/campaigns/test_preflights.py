"""What a campaign would do if it were launched now."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from earwig.models import Account
from spooling import errors, jobs, routers, spoolers, suppressions
from spooling.campaigns import filling, launches, messages, preflights, progress, properties
from spooling.campaigns.filling import Entry
from spooling.models import Content, ContentLink, JobRequest, Mail, Router, Spooler
from spooling.outbox.drafts import NewContent

pytestmark = pytest.mark.django_db

CONTENT = NewContent(
    from_email="shop@sender.example",
    subject="Hello {{name}}",
    html='<p>{{name}}, {{city}} <a href="https://shop.example/">x</a></p>',
    variables={"name": "you"},
    track_clicks=True,
)


@pytest.fixture
def opened(account):
    routers.ensure_default()
    spooler = spoolers.open_campaign(account, name="spring", now=timezone.now())
    messages.write(spooler, CONTENT, now=timezone.now())
    return Spooler.objects.get(pk=spooler.pk)


def fill(spooler, *entries):
    return filling.add(spooler, entries, api_key_id=None, now=timezone.now())


def look(spooler):
    job = preflights.ask(spooler, now=timezone.now())
    while jobs._slice(job.pk, timezone.now()) if start(job) else False:
        pass
    job.refresh_from_db()
    assert job.state == "done", job.result
    return job


def start(job):
    return JobRequest.objects.filter(pk=job.pk).update(state="running")


def people(*emails, **variables):
    return [Entry(email, variables=variables) for email in emails]


def test_a_sound_campaign_is_told_to_be_sound(opened):
    fill(opened, *people("a@people.example", "b@people.example", city="Bonn"))
    job = look(opened)
    result = job.result
    assert (job.total, job.progress, result["sendable"]) == (2, 2, 2)
    assert result["skipped"] == {
        "suppressed": {},
        "expired": 0,
        "erased": 0,
        "no_router": 0,
        "unrenderable": 0,
    }
    assert result["errors"] == [] and result["missing_variables"] == {} and result["message"] == {}
    assert sum(result["providers"].values()) == 2
    assert result["predicted_end_at"] and result["ends_in_time"] and result["over_limit"] == 0
    assert 0 <= result["score"]["score"] <= 100


def test_nothing_of_it_stays(opened):
    fill(opened, *people("a@people.example"))
    before = (list(Content.objects.values()), ContentLink.objects.count(), list(Mail.objects.values()))
    look(opened)
    assert (
        list(Content.objects.values()),
        ContentLink.objects.count(),
        list(Mail.objects.values()),
    ) == before
    launches.launch(opened, now=timezone.now())


def test_who_is_suppressed_by_now_or_was_from_the_start_is_counted_by_reason(opened, account):
    scope = suppressions.Scope(account_id=account.pk)
    suppressions.suppress(scope, "no@people.example", reason="complaint", source="t", now=timezone.now())
    fill(opened, *people("no@people.example", "late@people.example", "a@people.example"))
    suppressions.suppress(scope, "late@people.example", reason="manual", source="t", now=timezone.now())
    result = look(opened).result
    assert result["skipped"]["suppressed"] == {"complaint": 1, "manual": 1} and result["sendable"] == 1


def test_variables_that_nobody_gives_are_counted(opened):
    fill(opened, *people("a@people.example", city="Bonn"), *people("b@people.example", "c@people.example"))
    assert look(opened).result["missing_variables"] == {"city": 2}


def test_mails_that_cannot_be_made_are_told_with_their_sentence_and_no_address(opened):
    messages.write(
        opened, NewContent(from_email="a@sender.example", subject="{{x}}", text="x"), now=timezone.now()
    )
    fill(opened, *people("bad@people.example", x=10**2000), *people("b@people.example", x="b"))
    result = look(opened).result
    assert (result["skipped"]["unrenderable"], result["sendable"]) == (1, 1)
    (error,) = result["errors"]
    assert error["mail"] == Mail.objects.get(email="bad@people.example").public_id.hex
    assert error["message"] and "people.example" not in str(result["errors"])


def test_what_is_late_erased_or_without_router_is_counted(opened):
    fill(opened, *people("a@people.example", "b@people.example", "c@people.example"))
    Mail.objects.filter(email="a@people.example").update(not_after=timezone.now() - timedelta(hours=1))
    Mail.objects.filter(email="b@people.example").update(email="", erased_at=timezone.now())
    Router.objects.update(disabled=True)
    routers._table = None
    result = look(opened).result
    skipped = result["skipped"]
    assert (skipped["expired"], skipped["erased"], skipped["no_router"], result["sendable"]) == (1, 1, 1, 0)
    assert result["predicted_end_at"] is None and result["ends_in_time"] is False


def test_of_a_campaign_that_starts_at_the_end_of_time_no_end_is_foretold(opened):
    fill(opened, *people(*(f"p{number}@people.example" for number in range(100))))
    properties.change(opened, start_at=datetime.max.replace(tzinfo=UTC))
    job = look(opened)
    assert (job.state, job.result["sendable"], job.result["predicted_end_at"]) == ("done", 100, None)
    launches.launch(opened, now=timezone.now())
    assert progress.of(opened, now=timezone.now()).predicted_end_at is None


def test_the_account_s_limit_and_the_campaign_s_end_are_weighed(opened, account):
    fill(opened, *people("a@people.example", "b@people.example", "c@people.example"))
    Account.objects.filter(pk=account.pk).update(mails_per_hour=2)
    Spooler.objects.update(not_after=timezone.now() + timedelta(minutes=30))
    result = look(opened).result
    assert (result["over_limit"], result["ends_in_time"]) == (1, False)


def test_an_incomplete_message_is_told(account):
    routers.ensure_default()
    spooler = spoolers.open_campaign(account, now=timezone.now())
    fill(spooler, *people("a@people.example"))
    result = look(spooler).result
    assert set(result["message"]) == {"sender", "subject", "parts"}
    assert result["skipped"]["unrenderable"] == 1


def test_many_mails_are_looked_at_slice_by_slice(opened, monkeypatch):
    monkeypatch.setattr(preflights, "SLICE", 3)
    fill(opened, *people(*(f"p{n}@people.example" for n in range(10))))
    job = preflights.ask(opened, now=timezone.now())
    start(job)
    assert jobs._slice(job.pk, timezone.now())
    job.refresh_from_db()
    assert (job.progress, job.result["sendable"]) == (3, 3)
    jobs.run_due(now=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.progress, job.result["sendable"]) == ("done", 10, 10)


def test_slow_templates_end_a_slice_early(opened, monkeypatch):
    monkeypatch.setattr(preflights, "SLICE_SECONDS", 0)
    monkeypatch.setattr(preflights, "TOGETHER", 2)
    fill(opened, *people(*(f"p{n}@people.example" for n in range(5))))
    job = preflights.ask(opened, now=timezone.now())
    start(job)
    assert jobs._slice(job.pk, timezone.now())
    job.refresh_from_db()
    assert job.progress == 2


def test_what_has_ended_is_not_looked_at(opened):
    spoolers.cancel(opened, now=timezone.now())
    with pytest.raises(errors.SpoolerStateConflict):
        preflights.ask(opened, now=timezone.now())


def post(path, key, **headers):
    return Client().post(
        f"/api/v1/{path}",
        content_type="application/json",
        headers={"Authorization": f"Token {key}", **headers},
    )


def test_the_api_answers_with_a_job(opened, key, other_key):
    path = f"spoolers/{opened.token}/preflight/"
    first, second = (post(path, key, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.status_code == 202 and first.json() == second.json()
    jobs.run_due(now=timezone.now())
    shown = Client().get(f"/api/v1/jobs/{first.json()['job']}/", headers={"Authorization": f"Token {key}"})
    assert (shown.json()["kind"], shown.json()["state"]) == ("preflight", "done")
    assert post(path, other_key).status_code == 404
