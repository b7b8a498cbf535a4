"""`POST /api/v1/mails/`: what is stored, and what is refused with which index and field."""

import base64
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from earwig import api_keys, domains
from earwig.models.api_keys import Scope
from earwig.web.errors import Rejected
from spooling import errors, spoolers
from spooling.api import mail_parser
from spooling.models import Content, ContentFile, LedgerDelta, Mail, Submission

MAIL = {"from": "Shop <shop@example.org>", "to": ["ann@example.com"], "subject": "Hello", "text": "Hello."}


def _post(key, body):
    return Client().post(
        "/api/v1/mails/",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Token {key}"},
    )


def _problems(key, body, status=400):
    answer = _post(key, body)
    assert answer.status_code == status
    assert not Mail.objects.exists() and not Content.objects.exists() and not Submission.objects.exists()
    return {(item["index"], item["field"], item["code"]) for item in answer.json()["errors"]}


def _changed(**fields):
    return {name: value for name, value in {**MAIL, **fields}.items() if value is not ...}


def test_a_mail_is_stored_as_it_was_handed_over(key, account):
    file = {
        "name": "a.pdf",
        "type": "application/pdf",
        "data": base64.b64encode(b"%PDF").decode(),
        "cid": "a1",
    }
    body = {
        **MAIL,
        "to": ["Ann <ann@Example.COM>"],
        "reply_to": {"email": "help@example.org", "name": "Help"},
        "html": "<p>Hello {{name}}</p>",
        "variables": {"name": "Ann", "deep": {"a": [1, None]}},
        "headers": {"X-Order": "{{name}}"},
        "attachments": [file],
        "tags": ["welcome"],
        "metadata": {"order": 7},
        "language": "pt-BR",
        "lane": "bulk",
        "template": None,
        "track_opens": False,
    }
    answer = _post(key, body)
    assert answer.status_code == 201
    mail = Mail.objects.select_related("content", "submission", "spooler").get()
    assert answer.json() == {
        "mails": [{"id": mail.public_id.hex, "to": "ann@example.com", "state": "waiting"}]
    }
    assert (mail.email, mail.name, mail.variables, mail.lane) == (
        "ann@example.com",
        "Ann",
        body["variables"],
        "bulk",
    )
    assert (mail.content.from_email, mail.content.from_name) == ("shop@example.org", "Shop")
    assert mail.content.reply_to == [["Help", "help@example.org"]]
    assert mail.content.headers == [["X-Order", "{{name}}"]]
    assert (mail.content.language, mail.content.to) == ("pt-BR", [])
    assert (mail.submission.tags, mail.submission.metadata) == (["welcome"], {"order": 7})
    assert (mail.submission.wire, mail.submission.account_id) == ("native", account.pk)
    assert mail.spooler.type == "stream"
    stored = ContentFile.objects.select_related("attachment").get()
    assert (stored.name, stored.cid, bytes(stored.attachment.data)) == ("a.pdf", "a1", b"%PDF")


def test_to_makes_one_mail_per_address_and_nobody_sees_bcc(key):
    answer = _post(key, {**MAIL, "to": ["a@x.io", "b@x.io"], "cc": "C <c@x.io>", "bcc": ["d@x.io"]})
    assert [mail["to"] for mail in answer.json()["mails"]] == ["a@x.io", "b@x.io", "c@x.io", "d@x.io"]
    content = Content.objects.get()
    assert (content.to, content.cc) == ([["", "a@x.io"], ["", "b@x.io"]], [["C", "c@x.io"]])
    assert "d@x.io" not in json.dumps([content.to, content.cc, content.headers])


def test_recipients_get_a_personal_mail_each_with_common_variables_below_their_own(key):
    body = {
        **_changed(to=...),
        "variables": {"shop": "S", "name": "you"},
        "recipients": [{"email": "a@x.io", "name": "A", "variables": {"name": "A"}}, {"email": "b@x.io"}],
    }
    assert len(_post(key, body).json()["mails"]) == 2
    first, second = Mail.objects.order_by("id")
    assert (first.variables, second.variables) == ({"shop": "S", "name": "A"}, {"shop": "S", "name": "you"})
    assert first.content_id == second.content_id and first.content.to == []


def test_a_list_is_answered_in_its_order(key):
    bodies = [{**MAIL, "to": f"p{n}@x.io", "tags": [str(n // 3)]} for n in range(10)]
    answer = _post(key, bodies)
    assert [mail["to"] for mail in answer.json()["mails"]] == [f"p{n}@x.io" for n in range(10)]
    ids = [Mail.objects.get(public_id=mail["id"]).email for mail in answer.json()["mails"]]
    assert ids == [f"p{n}@x.io" for n in range(10)]
    assert Submission.objects.count() == 4
    assert sum(LedgerDelta.objects.values_list("spooled", flat=True)) == 10


def test_an_international_address_is_stored_for_every_server_to_read(key):
    answer = _post(key, {**MAIL, "to": "Jürgen <jürgen@Bücher.example>"})
    assert answer.json()["mails"][0]["to"] == "jürgen@xn--bcher-kva.example"


def test_times_are_kept_with_their_zone(key):
    soon = timezone.now() + timedelta(hours=2)
    body = {**MAIL, "send_at": soon.isoformat(), "not_after": (soon + timedelta(hours=1)).isoformat()}
    assert _post(key, body).status_code == 201
    mail = Mail.objects.get()
    assert (mail.due_at, mail.not_after) == (soon, soon + timedelta(hours=1))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"from": ...}, ("from", "required")),
        ({"from": None}, ("from", "required")),
        ({"from": "shop"}, ("from", "invalid_address")),
        ({"to": ...}, ("to", "required")),
        ({"to": []}, ("to", "required")),
        ({"text": ...}, ("text", "required")),
        ({"to": "ann"}, ("to.0", "invalid_address")),
        ({"to": ["a@x.io", "b@localhost"]}, ("to.1", "invalid_address")),
        ({"to": "x" * 65 + "@x.io"}, ("to.0", "invalid_address")),
        ({"to": "a@" + "x." * 130 + "io"}, ("to.0", "invalid_address")),
        ({"to": "a..b@x.io"}, ("to.0", "invalid_address")),
        ({"to": "a@-x.io"}, ("to.0", "invalid_address")),
        ({"to": 7}, ("to.0", "wrong_type")),
        ({"reply_to": ["a@x.io", "{{b}}@x.io"]}, ("reply_to.1", "invalid_address")),
        ({"to": {"email": "a@x.io", "mail": 1}}, ("to.0.mail", "unknown_field")),
        ({"to": {"name": "A"}}, ("to.0.email", "wrong_type")),
        ({"to": ["a@x.io"], "cc": ["A@x.io"]}, ("cc.0", "duplicate")),
        ({"recipients": [{"email": "a@x.io"}]}, ("recipients", "conflict")),
        (
            {"to": ..., "recipients": [{"email": "a@x.io", "vars": {}}]},
            ("recipients.0.vars", "unknown_field"),
        ),
        ({"to": ..., "recipients": [{"email": "a@x.io"}, "b"]}, ("recipients.1", "invalid_address")),
        ({"to": ..., "recipients": {}}, ("recipients", "wrong_type")),
        ({"subject": 1}, ("subject", "wrong_type")),
        ({"subject": "x" * 2001}, ("subject", "too_long")),
        ({"html": "{{#open}}"}, ("html", "template_syntax")),
        ({"subject": "{{> partial}}"}, ("subject", "template_syntax")),
        ({"headers": {"X-A": "{{/a}}"}}, ("headers.X-A", "template_syntax")),
        ({"headers": {"Subject": "x"}}, ("headers.Subject", "header_reserved")),
        ({"headers": {"Content-Type": "x"}}, ("headers.Content-Type", "header_reserved")),
        ({"headers": {"X A": "x"}}, ("headers.X A", "header_name")),
        ({"headers": []}, ("headers", "wrong_type")),
        ({"attachments": [{"name": "a", "type": "a/b", "data": "YQ"}]}, ("attachments.0.data", "invalid")),
        (
            {"attachments": [{"name": "a", "type": "a/b", "data": "YQ==\n"}]},
            ("attachments.0.data", "invalid"),
        ),
        ({"attachments": [{"name": "a", "type": "ab", "data": "YQ=="}]}, ("attachments.0.type", "invalid")),
        ({"attachments": [{"type": "a/b", "data": "YQ=="}]}, ("attachments.0.name", "invalid")),
        (
            {"attachments": [{"name": "a", "type": "a/b", "data": "YQ==", "cid": "<x>"}]},
            ("attachments.0.cid", "invalid"),
        ),
        ({"tags": ["x"] * 21}, ("tags", "invalid")),
        ({"tags": "x"}, ("tags", "invalid")),
        ({"metadata": {"x": "y" * 4096}}, ("metadata", "too_long")),
        ({"metadata": []}, ("metadata", "wrong_type")),
        ({"variables": []}, ("variables", "wrong_type")),
        ({"lane": "slow"}, ("lane", "invalid")),
        ({"lane": []}, ("lane", "invalid")),
        ({"language": "english language"}, ("language", "invalid")),
        ({"spooler": "nope"}, ("spooler", "unknown_spooler")),
        ({"send_at": "2030-01-01T00:00:00"}, ("send_at", "invalid")),
        ({"send_at": 5}, ("send_at", "invalid")),
        ({"send_at": "9999-12-31T23:59:59-12:00"}, ("send_at", "invalid")),
        ({"not_after": "2020-01-01T00:00:00Z"}, ("not_after", "invalid")),
        ({"send_at": "2199-01-02T00:00:00Z", "not_after": "2199-01-01T00:00:00Z"}, ("not_after", "invalid")),
        ({"template": "welcome"}, ("template", "wrong_type")),
        ({"track_opens": "yes"}, ("track_opens", "wrong_type")),
        ({"track_clicks": 1}, ("track_clicks", "wrong_type")),
        ({"form": "x"}, ("form", "unknown_field")),
    ],
)
def test_one_wrong_field_is_named_and_nothing_is_stored(key, fields, problem):
    assert _problems(key, _changed(**fields)) == {(0, *problem)}


@pytest.mark.parametrize("break_", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", "Shop{}Bcc: x@y.io <shop@example.org>"),
        ("from", {"name": "Shop{}Bcc: x@y.io", "email": "shop@example.org"}),
        ("to", "Ann{} <ann@example.com>"),
        ("to", "ann@example.com{}Bcc: x@y.io"),
        ("reply_to", {"email": "a@x.io{}", "name": ""}),
        ("subject", "Hello{}Bcc: x@y.io"),
        ("headers", {"X-A": "a{}Bcc: x@y.io"}),
        ("headers", {"X-A{}Bcc": "a"}),
        ("attachments", [{"name": "a{}b", "type": "a/b", "data": "YQ=="}]),
        ("attachments", [{"name": "a", "type": "a/b{}", "data": "YQ=="}]),
        ("attachments", [{"name": "a", "type": "a/b", "data": "YQ==", "cid": "a{}"}]),
    ],
)
def test_no_field_takes_a_line_break_into_a_header(key, field, value, break_):
    broken = json.loads(json.dumps(value).replace("{}", json.dumps(break_)[1:-1]))
    assert len(_problems(key, _changed(**{field: broken}))) == 1


def test_all_problems_of_a_list_come_with_their_index(key):
    bad = [MAIL, _changed(to="x"), MAIL, _changed(subject=None, html="{{#a}}", extra=1)]
    assert _problems(key, bad) == {
        (1, "to.0", "invalid_address"),
        (3, "html", "template_syntax"),
        (3, "extra", "unknown_field"),
    }


@pytest.mark.parametrize("body", [[], 7, "x", None, [MAIL] * 1001])
def test_the_body_is_a_mail_or_up_to_a_thousand(key, body):
    assert len(_problems(key, body)) == 1


def test_a_thousand_problems_are_answered_as_a_hundred(key):
    assert len(_post(key, [{}] * 1000).json()["errors"]) == 100


def test_what_follows_a_hundred_problems_is_not_read():
    class Unread(dict):
        def items(self):
            raise AssertionError

    with pytest.raises(Rejected) as refusal:
        mail_parser.parse([_changed(to=["bad"] * 1000), Unread()], now=timezone.now())
    assert len(refusal.value.problems) == 100


def test_more_than_a_thousand_recipients_are_refused(key):
    body = _changed(to=..., recipients=[{"email": f"p{n}@x.io"} for n in range(1001)])
    assert _problems(key, body) == {(0, "recipients", "wrong_type")}


def test_a_thousand_mails_are_one_call(key):
    assert len(_post(key, [MAIL] * 1000).json()["mails"]) == 1000


def test_a_domain_of_another_account_is_refused(key, other_account):
    domains.verify(domains.add(other_account, name="example.org", now=timezone.now()), now=timezone.now())
    assert _problems(key, [MAIL, _changed(**{"from": "a@free.example"})]) == {
        (0, "from", "domain_not_allowed")
    }


def test_an_account_with_domains_sends_from_them_only(key, account):
    domain = domains.add(account, name="example.org", now=timezone.now())
    assert _problems(key, _changed(**{"from": "a@else.example"})) == {(0, "from", "domain_not_allowed")}
    assert _post(key, MAIL).status_code == 201
    assert Mail.objects.get().domain_id == domain.pk


def test_a_key_sends_from_its_domains_only(account):
    key = api_keys.issue(
        account, name="t", scopes=[Scope.SEND], now=timezone.now(), allowed_sender_domains=["example.net"]
    ).secret
    assert _problems(key, MAIL, status=403) == {(0, "from", "sender_domain_not_allowed")}
    assert _post(key, {**MAIL, "from": "a@Example.NET"}).status_code == 201


def test_a_spooler_takes_mail_in_its_lane(key, account):
    spooler = spoolers.open_campaign(account, name="News", now=timezone.now())
    assert _problems(key, {**MAIL, "spooler": spooler.token, "lane": "transactional"}) == {
        (0, "lane", "conflict")
    }
    assert _post(key, {**MAIL, "spooler": spooler.token}).status_code == 201
    assert (Mail.objects.get().spooler_id, Mail.objects.get().lane) == (spooler.pk, "bulk")


def test_another_accounts_spooler_is_as_unknown_as_none(key, other_account):
    foreign = spoolers.open_campaign(other_account, name="News", now=timezone.now())
    answers = [_post(key, {**MAIL, "spooler": token}) for token in (foreign.token, "s" + "0" * 32)]
    assert answers[0].content == answers[1].content and answers[0].status_code == 400


@pytest.mark.parametrize("close", [spoolers.finish, spoolers.cancel])
def test_a_closed_spooler_takes_no_mail(key, account, close):
    spooler = spoolers.open_campaign(account, name="News", now=timezone.now())
    spoolers.ready(spooler, now=timezone.now())
    close(spooler, now=timezone.now())
    assert _problems(key, {**MAIL, "spooler": spooler.token}, status=409) == {
        (0, "spooler", "spooler_closed")
    }


def test_an_account_at_its_limit_is_told_so(key, monkeypatch):
    def refuse(*args, **kwargs):
        raise errors.LimitReached

    monkeypatch.setattr("spooling.limits.check", refuse)
    assert _problems(key, MAIL, status=429) == {(None, None, "limit_reached")}


def test_a_call_that_cannot_be_stored_whole_is_not_stored_at_all(key, monkeypatch):
    from spooling.outbox import intake

    accept, calls = intake.accept, []

    def refuse_second(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise errors.LimitReached
        return accept(*args, **kwargs)

    monkeypatch.setattr("spooling.api.sending.intake.accept", refuse_second)
    body = [{**MAIL, "tags": ["a"]}, {**MAIL, "tags": ["b"]}]
    assert _problems(key, body, status=429) == {(None, None, "limit_reached")}


def test_an_ordinary_call_is_one_statement(key, django_assert_max_num_queries):
    _post(key, MAIL)
    with django_assert_max_num_queries(10):
        _post(key, MAIL)


def test_neighbours_of_a_list_that_say_the_same_share_one_content(key):
    say = [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")]
    answer = _post(key, [{**MAIL, "subject": subject, "to": f"p{n}@x.io"} for subject, n in say])
    assert [mail["to"] for mail in answer.json()["mails"]] == ["p1@x.io", "p2@x.io", "p3@x.io", "p4@x.io"]
    stored = Mail.objects.order_by("id").values_list("email", "content__subject")
    assert list(stored) == [(f"p{n}@x.io", subject) for subject, n in say]
    assert Content.objects.count() == 3
