from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from earwig.models import Account
from spooling import ledger, limits, spoolers, suppressions
from spooling.models import Content, Mail, Spooler
from tests.wires.octosend.clients import SPOOLER_KEYS, refused


@pytest.fixture(autouse=True)
def _fresh_process():
    limits._rooms.clear()
    spoolers._streams.clear()


def part(caller, token, content="Hi {{firstname}}", type="text/plain", scope="resources"):
    return caller.post(f"spooler/{token}/{scope}/part", {"type": type, "content": content}).json()


@pytest.fixture
def told(caller, token):
    """The token of a marketing spooler with a message."""
    html = part(
        caller, token, "<a href='{{click:http://t.example/}}'>{{firstname}}</a>{{pixel}}", "text/html"
    )
    text = part(caller, token, "{{firstname}}: {{click:http://t.example/}} {{pixel}}{{nowhere}}")
    caller.post(
        f"spooler/{token}/message", {"sender": "Shop", "subject": "Hi {{firstname}}", "parts": [html, text]}
    )
    return token


def spool(caller, token, *mails):
    return caller.post(f"spooler/{token}/spool", {"mails": list(mails)})


def statuses(answer):
    assert answer.status_code == 200, answer.content
    return [mail["status"] for mail in answer.json()["mails"]]


def test_scenario_17_recipients_are_spooled_and_counted(caller, token):
    answer = spool(
        caller, token, {"email": "a@x.example", "variables": {"firstname": "Ann"}}, {"email": "b@y.example"}
    )
    assert answer.status_code == 200
    document = answer.json()
    assert set(document) == SPOOLER_KEYS | {"mails"}
    assert [mail["email"] for mail in document["mails"]] == ["a@x.example", "b@y.example"]
    assert [set(mail) for mail in document["mails"]] == [{"email", "id", "status"}] * 2
    assert (
        caller.post(f"spooler/{token}/spool", {"recipients": [{"recipient": "c@x.example"}]}).status_code
        == 200
    )
    assert caller.post(f"spooler/{token}/mails/count").json() == 3
    assert caller.post(f"spooler/{token}/mails/count", {"destinations": ["x.example"]}).json() == 2
    mail = Mail.objects.get(email="a@x.example")
    assert mail.variables == {"firstname": "Ann"} and mail.spooler.token == token
    assert document["mails"][0]["id"] == mail.public_id.hex


def test_scenario_18_one_broken_entry_refuses_all(caller, token):
    spool(caller, token, {"email": "a@x.example"})
    answer = spool(caller, token, {"email": "b@x.example"}, {"email": "broken"})
    assert refused(answer) == (400, "invalid-field")
    assert list(answer.json()["details"]["fields"]) == ["mails[1].email"]
    assert caller.post(f"spooler/{token}/mails/count").json() == 1


def test_every_broken_entry_is_named(caller, token):
    answer = spool(
        caller,
        token,
        {"email": "broken"},
        {"email": "a@x.example", "variables": {"n": {"deep": 1}}},
        {},
        7,
        {"email": "b@x.example", "tags": ["t" * 300]},
        {"email": "c@x.example"},
    )
    assert refused(answer) == (400, "invalid-field")
    assert set(answer.json()["details"]["fields"]) == {
        "mails[0].email",
        "mails[1].variables.n",
        "mails[2].email",
        "mails[3]",
        "mails[4].tags",
    }
    assert not Mail.objects.exists()


def test_at_most_a_hundred_broken_entries_are_named(caller, token):
    answer = spool(caller, token, *[{"email": "broken"}] * 300)
    assert len(answer.json()["details"]["fields"]) == 100


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({}, "missing-field"),
        ([], "missing-field"),
        ({"mails": []}, "invalid-field"),
        ({"mails": "a@x.example"}, "invalid-field"),
        ({"mails": {"0": {"email": "broken"}}}, "invalid-field"),
    ],
)
def test_a_body_without_entries_is_refused(caller, token, body, slug):
    assert refused(caller.post(f"spooler/{token}/spool", body)) == (400, slug)


def test_a_list_with_gaps_is_spooled_too(caller, token):
    answer = caller.post(
        f"spooler/{token}/spool", {"mails": {"0": {"email": "a@x.example"}, "2": {"email": "b@x.example"}}}
    )
    assert statuses(answer) == ["spooled", "spooled"]


def test_numbers_are_written_out_and_tags_kept(caller, token):
    spool(caller, token, {"email": "a@x.example", "variables": {"n": 3, "no": None}, "tags": ["vip"]})
    mail = Mail.objects.get()
    assert (mail.variables, mail.tags) == ({"n": "3"}, ["vip"])


def test_an_address_is_spooled_once_by_a_marketing_spooler(caller, token):
    first = spool(caller, token, {"email": "a@x.example"}, {"email": "b@x.example"}, {"email": "a@X.example"})
    assert statuses(first) == ["spooled", "spooled", "duplicate"]
    ids = [mail["id"] for mail in first.json()["mails"]]
    assert ids[2] == ids[0] != ids[1]
    again = spool(caller, token, {"email": "b@x.example"}, {"email": "c@x.example"})
    assert statuses(again) == ["duplicate", "spooled"]
    assert again.json()["mails"][0]["id"] == ids[1]
    assert ledger.of_spooler(Spooler.objects.get(token=token).pk)["spooled"] == 3
    assert statuses(spool(caller, caller.new(), {"email": "a@x.example"})) == ["spooled"]


def test_a_transactional_spooler_takes_an_address_again(caller):
    token = caller.new("transactional")
    assert statuses(spool(caller, token, *[{"email": "a@x.example"}] * 2)) == ["spooled"] * 2


def test_suppressed_addresses_are_blocked_and_counted(caller, shop, token):
    everywhere = suppressions.Scope(account_id=shop.pk)
    suppressions.suppress(everywhere, "dead@x.example", reason="hard_bounce", source="t", now=timezone.now())
    bulk = suppressions.Scope(account_id=shop.pk, stream="bulk")
    suppressions.suppress(bulk, "gone@x.example", reason="unsubscribe", source="t", now=timezone.now())
    mails = [{"email": "dead@x.example"}, {"email": "gone@x.example"}, {"email": "a@x.example"}]
    assert statuses(spool(caller, token, *mails)) == ["blocked", "blocked", "spooled"]
    assert ledger.of_spooler(Spooler.objects.get(token=token).pk)["blocked"] == 2
    transactional = caller.new("transactional")
    assert statuses(spool(caller, transactional, *mails)) == ["blocked", "spooled", "spooled"]


def test_mails_that_say_the_same_differently_share_a_content(caller, told):
    other = part(caller, told, "Other", scope="mails/resources")
    answer = spool(
        caller,
        told,
        {"email": "a@x.example"},
        {"email": "b@x.example", "subject": "Own", "parts": [other]},
        {"email": "c@x.example", "subject": "Own", "parts": [other], "variables": {"n": "1"}},
        {"email": "d@x.example", "subject": "Another"},
    )
    assert statuses(answer) == ["spooled"] * 4
    mails = {mail.email[0]: mail for mail in Mail.objects.select_related("content")}
    shared = Spooler.objects.get(token=told).content_id
    assert mails["a"].content_id == shared
    assert mails["b"].content_id == mails["c"].content_id != mails["d"].content_id
    own = mails["b"].content
    assert (own.subject, own.text, own.html, own.base_id) == ("Own", "Other", "", shared)
    assert (mails["d"].content.subject, mails["d"].content.text) == ("Another", "")
    assert Content.objects.count() == 3


def test_unusable_overrides_are_named(caller, told):
    foreign = part(caller, caller.new())
    answer = spool(caller, told, {"email": "a@x.example"}, {"email": "b@x.example", "parts": [foreign]})
    assert refused(answer) == (400, "unknown-resource")
    assert list(answer.json()["details"]["fields"]) == ["mails[1].parts[0]"]
    answer = spool(caller, told, {"email": "b@x.example", "sender": "X <x@nowhere.example>"})
    assert list(answer.json()["details"]["fields"]) == ["mails[0].sender"]
    assert not Mail.objects.exists()


def test_a_limit_of_the_account_refuses_the_call(caller, shop, token):
    Account.objects.filter(pk=shop.pk).update(mails_per_hour=2)
    answer = spool(caller, token, *[{"email": f"a{n}@x.example"} for n in range(3)])
    assert refused(answer) == (429, "limit-reached")
    assert not Mail.objects.exists()


def test_5000_entries_are_one_call(caller, token):
    mails = [{"email": f"a{n}@x.example", "variables": {"n": str(n)}} for n in range(5000)]
    assert statuses(spool(caller, token, *mails)) == ["spooled"] * 5000


def test_scenario_20_a_preview_shows_the_mail_of_nobody_and_of_somebody(caller, told):
    answer = caller.post(f"spooler/{told}/preview")
    assert answer.status_code == 200
    (nobody,) = answer.json()["mails"]
    assert set(answer.json()) == SPOOLER_KEYS | {"mails"}
    assert (nobody["email"], nobody["subject"]) == ("", "Hi ")
    assert nobody["missing"] == ["firstname", "nowhere"]
    body = {"mails": [{"email": "a@x.example", "variables": {"firstname": "Ann"}}]}
    (shown,) = caller.post(f"spooler/{told}/preview", body).json()["mails"]
    assert shown["email"] == "a@x.example" and shown["recipient"] == "a@x.example"
    assert (shown["subject"], shown["sender"]) == ("Hi Ann", "Shop <news@demo.shop.example>")
    assert "{{" not in str(shown)
    parts = {each["type"]: each["content"] for each in shown["parts"]}
    assert list(parts) == ["text/plain", "text/html"]
    assert "<img" in parts["text/html"] and "<img" not in parts["text/plain"]
    assert "/t/c/" in parts["text/html"] and "/t/c/" in parts["text/plain"]
    assert shown["missing"] == ["nowhere"] and shown["headers"] == {} and shown["attachments"] == []
    assert shown["source"].startswith("From: Shop <news@demo.shop.example>\r\n")
    assert not Mail.objects.exists() and not Content.objects.exists()


def test_a_preview_of_an_incomplete_message_or_a_broken_entry_is_refused(caller, token, told):
    assert refused(caller.post(f"spooler/{caller.new()}/preview")) == (400, "message-incomplete")
    for entry in ({"email": "broken"}, {"email": "a@x.example", "parts": ["nope"]}):
        assert caller.post(f"spooler/{told}/preview", {"mails": [entry]}).status_code == 400


def test_a_hundred_mails_are_previewed_at_a_time(caller, told):
    answer = caller.post(f"spooler/{told}/preview", {"mails": [{"email": "a@x.example"}] * 101})
    assert refused(answer) == (400, "invalid-field")


def test_more_than_ten_drafts_or_drafts_of_nothing_are_refused(caller, told):
    mails = [{"email": f"a{n}@x.example"} for n in range(11)]
    assert refused(caller.post(f"spooler/{told}/draft", {"mails": mails})) == (400, "too-many-drafts")
    answer = caller.post(f"spooler/{caller.new()}/draft", {"mails": mails[:1]})
    assert refused(answer) == (400, "message-incomplete")
    assert set(answer.json()["details"]["fields"]) == {"sender", "subject", "parts"}
    assert not Mail.objects.exists()


def test_drafts_are_queued_in_a_hidden_spooler(caller, told):
    answer = caller.post(f"spooler/{told}/draft", {"mails": [{"email": "a@x.example"}]})
    assert answer.json()["mails"] == [{"email": "a@x.example", "status": "queued"}]
    assert set(answer.json()) == SPOOLER_KEYS | {"mails"}
    mail = Mail.objects.select_related("spooler", "content").get()
    assert (mail.spooler.type, mail.lane) == ("draft", "transactional")
    assert caller.post(f"spooler/{told}/mails/count").json() == 0
    assert refused(caller.get(f"spooler/{mail.spooler.token}")) == (404, "not-found")


def test_a_message_is_incomplete_until_it_has_all_that_is_needed(caller, token):
    spool(caller, token, {"email": "a@x.example"})
    for message, missing in (
        ({}, {"sender", "subject", "parts"}),
        ({"sender": "Shop", "subject": "Hi"}, {"parts"}),
    ):
        caller.post(f"spooler/{token}/message", message)
        answer = caller.post(f"spooler/{token}/ready")
        assert refused(answer) == (400, "message-incomplete")
        assert set(answer.json()["details"]["fields"]) == missing
    assert caller.spooler(token)["state"] == "new"


def test_a_marketing_spooler_needs_mail(caller, told):
    answer = caller.post(f"spooler/{told}/ready")
    assert refused(answer) == (400, "message-incomplete")
    assert list(answer.json()["details"]["fields"]) == ["mails"]


def test_mails_with_bodies_of_their_own_need_no_message(caller, token):
    own = part(caller, token, "Own")
    mail = {"email": "a@x.example", "sender": "Shop", "subject": "Own", "parts": [own]}
    assert statuses(spool(caller, token, mail)) == ["spooled"]
    assert caller.post(f"spooler/{token}/ready").json()["state"] == "running"


def test_scenario_21_a_launched_marketing_spooler_is_locked(caller, told):
    spool(caller, told, {"email": "a@x.example"})
    start = int((timezone.now() + timedelta(hours=1)).timestamp())
    caller.post(f"spooler/{told}/start", {"start": start})
    assert caller.post(f"spooler/{told}/ready").json()["state"] == "pending"
    before = caller.spooler(told), caller.get(f"spooler/{told}/message").json()
    for path, body in (
        ("name", {"name": "x"}),
        ("start", {"start": 0}),
        ("message", {"subject": "x"}),
        ("resources/part", {"type": "text/html", "content": "x"}),
        ("spool", {"mails": [{"email": "b@x.example"}]}),
        ("draft", {"mails": [{"email": "b@x.example"}]}),
        ("mails/resources/part", {"type": "text/html", "content": "x"}),
    ):
        assert refused(caller.post(f"spooler/{told}/{path}", body)) == (400, "spooler-locked"), path
    assert (caller.spooler(told), caller.get(f"spooler/{told}/message").json()) == before
    assert caller.post(f"spooler/{told}/mails/count").json() == 1
    assert caller.post(f"spooler/{told}/preview").status_code == 200
    with time_machine.travel(start + 1):
        assert caller.spooler(told)["state"] == "running"


def test_scenario_22_a_launched_transactional_spooler_takes_mail_until_it_is_finished(caller):
    token = caller.new("transactional")
    assert caller.post(f"spooler/{token}/ready").json()["state"] == "running"
    answer = spool(caller, token, {"email": "a@x.example"})
    assert refused(answer) == (400, "message-incomplete")
    own = part(caller, token, "Own", scope="mails/resources")
    mail = {"email": "a@x.example", "subject": "Own", "parts": [own]}
    assert statuses(spool(caller, token, mail)) == ["spooled"]
    assert caller.post(f"spooler/{token}/finish").json()["state"] == "running"
    assert refused(spool(caller, token, mail)) == (400, "spooler-locked")


def test_a_stranger_spools_drafts_and_previews_nothing(stranger, told):
    body = {"mails": [{"email": "a@x.example"}]}
    for path in ("spool", "draft", "preview"):
        assert refused(stranger.post(f"spooler/{told}/{path}", body)) == (404, "not-found")
    assert not Mail.objects.exists()
