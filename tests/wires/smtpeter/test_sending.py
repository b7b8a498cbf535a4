"""`send`: whom a mail goes to, what it says, how it is followed (contract §4)."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooling.models import Content, Mail, Submission
from templates_app.models import Language
from tests.wires.smtpeter.clients import FORM, SEED, A, B, Caller, refusal, refused, sent


def test_the_example_of_the_document_is_queued(caller, acme):
    content = sent(caller)
    mail = Mail.objects.select_related("submission", "domain", "spooler").get()
    assert (mail.account_id, mail.email, mail.lane) == (acme.pk, "john@doe.com", "transactional")
    assert (mail.submission.wire, mail.domain.name, mail.spooler.type) == (
        "smtpeter",
        "example.com",
        "stream",
    )
    said = (content.from_email, content.subject, content.html)
    assert said == ("info@example.com", SEED["subject"], SEED["html"])
    assert content.track_opens and content.track_clicks and content.tracked
    assert content.handling == {"envelope_sender": "info@example.com"}
    assert mail.not_after is None


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        (A, [A]),
        (f"{A},{B}", [A, B]),
        (f" {A} , {B} ,", [A, B]),
        ([A, B], [A, B]),
        ([f"{A},{B}", "c@x.example"], [A, B, "c@x.example"]),
        ({A: {"n": "Ann"}, B: {}}, [A, B]),
        ({A: None, B: []}, [A, B]),
        ([{A: {"n": "Ann"}}, {B: {"n": "Bob"}}], [A, B]),
        ([A, {B: {"n": "Bob"}}], [A, B]),
        ({"0": A, "2": B}, [A, B]),
        ([B, A, B, A], [B, A]),
        (["A@X.Example", "A@x.example"], ["A@x.example"]),
        (["ü@bücher.example"], ["ü@xn--bcher-kva.example"]),
    ],
)
def test_recipients_come_in_all_shapes(caller, recipients, expected):
    for name in ("recipients", "recipient"):
        body = {key: value for key, value in SEED.items() if key != "recipient"} | {name: recipients}
        assert caller.post("send", body).content == b"1"
        assert list(Mail.objects.order_by("id").values_list("email", flat=True)) == expected
        Mail.objects.all().delete()


def test_recipient_and_recipients_are_added_up(caller):
    sent(caller, recipient=A, recipients=[B, A])
    assert list(Mail.objects.order_by("id").values_list("email", flat=True)) == [A, B]


def test_the_first_data_of_an_address_count(caller):
    sent(caller, recipient=None, recipients=[{A: {"n": "first"}}, {A: {"n": "second"}}])
    assert Mail.objects.get().variables["n"] == "first"


@pytest.mark.parametrize(
    "recipients",
    [
        None,
        "",
        [],
        {},
        " , ",
        "john",
        "John <john@doe.com>",
        [A, "b@"],
        [A, 7],
        [True],
        [[A]],
        {A: "Ann"},
        {A: ["Ann"]},
        [{"email": A}],
        7,
        True,
        "a@b",
        A + "\r\nBcc: x@y.example",
        [f"u{n}@x.example" for n in range(1001)],
    ],
)
def test_one_wrong_recipient_refuses_the_call(caller, recipients):
    assert "recipient" in refusal(caller, recipient=None, recipients=recipients)


def test_a_thousand_recipients_are_taken_and_share_what_is_said(caller):
    sent(caller, recipient=[f"u{n}@x.example" for n in range(1000)])
    assert (Mail.objects.count(), Content.objects.count(), Submission.objects.count()) == (1000, 1, 1)


def test_people_in_the_header_come_in_lists_and_texts(caller):
    content = sent(
        caller,
        recipient=B,
        to=['Ann <a@x.example>, "Doe, John" <john@doe.com>', "c@x.example"],
        cc="Zoë <z@x.example>",
        replyto="q@example.com",
    )
    assert content.to == [["Ann", A], ["Doe, John", "john@doe.com"], ["", "c@x.example"]]
    assert (content.cc, content.reply_to) == ([["Zoë", "z@x.example"]], [["", "q@example.com"]])


@pytest.mark.parametrize("name", ["replyto", "replyTo", "reply-to"])
def test_reply_to_has_three_names(caller, name):
    assert sent(caller, **{name: ["Q <q@example.com>"]}).reply_to == [["Q", "q@example.com"]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", ""),
        ("from", "info"),
        ("from", "a@example.com, b@example.com"),
        ("from", ["info@example.com"]),
        ("from", "x" * 201 + " <info@example.com>"),
        ("to", "john"),
        ("to", "a@x.example; b@x.example"),
        ("to", {"a": "b"}),
        ("to", [7]),
        ("cc", "Ann <a@x.example"),
        ("replyto", "nobody"),
        ("to", ",".join(["a@x.example"] * 1001)),
        ("to", '"' * 99_999),
        ("to", "\\," * 60_000),
        ("envelope", "John <john@doe.com>"),
        ("envelope", "john"),
    ],
)
def test_what_is_no_address_is_named(caller, field, value):
    assert field in refusal(caller, **{field: value})


def test_a_single_recipient_who_is_named_is_not_kept_in_the_content(caller):
    content = sent(caller, to="John <john@doe.com>")
    assert (content.to, Mail.objects.get().name) == ([], "John")


@pytest.mark.parametrize(
    "subject", ["Hi\r\nBcc: x@y.example", "Hi\nBcc: x@y.example", "Hi\rBcc: x@y.example"]
)
def test_a_line_break_in_a_subject_begins_no_header(caller, subject):
    assert sent(caller, subject=subject).subject == "HiBcc: x@y.example"


def test_a_subject_may_be_missing_and_has_998_bytes_at_most(caller):
    assert sent(caller, subject=None).subject == ""
    assert sent(caller, subject="ü" * 499).subject == "ü" * 499
    for model in (Mail, Content, Submission):
        model.objects.all().delete()
    assert "subject" in refusal(caller, subject="ü" * 500)


def test_a_text_alone_and_a_number_are_enough(caller):
    content = sent(caller, html=None, text=7)
    assert (content.html, content.text) == ("", "7")


@pytest.mark.parametrize(
    "changes", [{"html": None}, {"html": "", "text": ""}, {"html": {"a": 1}}, {"html": True}]
)
def test_something_must_be_said(caller, changes):
    refusal(caller, **changes)


def test_bcc_and_what_is_unknown_are_ignored(caller):
    sent(caller, bcc=["x@y.example", 7], nonsense={"a": [1]}, priority=None)
    assert Mail.objects.get().email == "john@doe.com"


def test_a_call_by_a_form_says_all_the_same(caller):
    moment = timezone.now() + timedelta(days=1)
    answer = caller.form(
        "send",
        *((name, value) for name, value in SEED.items() if name != "recipient"),
        ("recipients[a@x.example][name]", "Ann"),
        ("recipients[b@x.example][name]", "Bob"),
        ("cc[]", "c@x.example"),
        ("dsn[notify]", "NEVER"),
        ("tags[]", "order"),
        ("tags[]", "shop"),
        ("unsubscribe[url]", "https://x.example/u"),
        ("unsubscribe[oneclick]", "1"),
        ("extra[x-order]", "7"),
        ("attachments[0][data]", "SGVsbG8="),
        ("attachments[0][name]", "a.txt"),
        ("data[shop]", "Acme"),
        ("trackclicks", "0"),
        ("maxdelivertime", f"{moment:%Y-%m-%d %H:%M:%S}"),
    )
    assert answer.content == b"1"
    content = Content.objects.get()
    assert content.handling == {"envelope_sender": "info@example.com", "notify": "NEVER"}
    assert content.cc == [["", "c@x.example"]] and not content.track_clicks and content.track_opens
    assert dict(content.headers)["x-order"] == "7" and "List-Unsubscribe-Post" in dict(content.headers)
    assert (content.variables["shop"], content.files.get().name) == ("Acme", "a.txt")
    assert Submission.objects.get().tags == ["order", "shop"]
    assert [mail.variables["name"] for mail in Mail.objects.order_by("id")] == ["Ann", "Bob"]


def test_data_of_all_and_data_of_one(caller):
    content = sent(
        caller, recipient=None, recipients={A: {"name": "Ann"}, B: {}}, data={"name": "friend", "n": [1]}
    )
    assert content.variables == {"name": "friend", "n": [1]}
    first, second = Mail.objects.order_by("id")
    assert (first.variables, second.variables) == ({"name": "Ann"}, {})
    assert content.template_language == Language.SMARTY


@pytest.mark.parametrize("data", ["x", 7, [1]])
def test_data_are_an_object(caller, data):
    assert "data" in refusal(caller, data=data)


def test_a_tag_that_is_wrong_refuses_the_call(caller):
    for name in ("html", "text", "subject", "from"):
        told = "{$a <info@example.com>" if name == "from" else "{if $a}"
        refusal(caller, **{name: told})


def test_css_and_json_are_no_tags(caller):
    sent(caller, html='<style>p { color: red } a{b:c}</style><script>{"a": {}}</script>')


def test_each_recipient_may_have_a_header_of_its_own(caller):
    body = {
        "from": "{$shop} <{$box}@example.com>",
        "to": "{$name} <{$recipient}>",
        "subject": "Hi",
        "text": "Hello",
        "recipients": {A: {"name": "Ann", "box": "one"}, B: {"name": "Bob", "box": "two"}},
        "data": {"shop": "Acme"},
    }
    assert caller.post("send", body).content == b"1"
    first, second = Mail.objects.order_by("id").select_related("content")
    assert (first.content.from_email, second.content.from_email) == ("one@example.com", "two@example.com")
    assert (first.content.from_name, first.content.to, first.name) == ("Acme", [], "Ann")
    assert second.name == "Bob"


def test_recipients_with_the_same_header_share_what_is_said(caller):
    recipients = {f"u{n}@x.example": {"name": f"User {n}"} for n in range(50)}
    sent(caller, recipient=None, recipients=recipients, to="{$name} <{$recipient}>")
    assert (Mail.objects.count(), Content.objects.count()) == (50, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", "{$evil}@example.com"),
        ("from", "{$evil} <{$box}@example.com>"),
        ("to", "{$evil} <a@x.example>"),
        ("replyto", "{$evil}"),
    ],
)
@pytest.mark.parametrize(
    "evil", ["x@y.example, z@y.example,", "a\r\nBcc: b@c.example\r\n", "<", "{$b}", "{if $a}"]
)
def test_data_make_no_header_of_their_own(caller, field, value, evil):
    caller.post("send", SEED | {field: value, "data": {"evil": evil, "box": "one"}})
    for content in Content.objects.all():
        people = [*content.to, *content.cc, *content.reply_to, [content.from_name, content.from_email]]
        assert not any(set("\r\n") & set(text) for pair in people for text in pair)
        assert content.from_email.endswith("@example.com")
        assert "{" not in content.from_name


def test_a_foreign_domain_in_data_is_still_not_ours(caller):
    body = SEED | {"from": "{$author}", "data": {"author": "me@foreign.test"}}
    assert "You cannot send mailings from foreign.test" in refusal(caller, **body)


def test_headers_of_their_own_times_their_size_are_bounded(caller, monkeypatch):
    monkeypatch.setattr("spooling.wires.smtpeter.letters.MOST_OCTETS", 1000)
    recipients = {f"u{n}@x.example": {"n": n} for n in range(11)}
    assert "header" in refusal(
        caller, recipient=None, recipients=recipients, cc="u{$n}@x.example", html="x" * 100
    )
    sent(caller, recipient=None, recipients=recipients, html="x" * 100)


def test_rendering_headers_for_many_people_ends(caller, monkeypatch):
    monkeypatch.setattr("spooling.wires.smtpeter.addressing.SECONDS", -1.0)
    assert "too long" in refusal(caller, to="{$name} <{$recipient}>", data={"name": "Ann"})
    sent(caller, text="{$name}", data={"name": "Ann"})


def test_a_key_that_is_held_to_domains_hears_the_same_sentence(client, acme, make_key):
    held = Caller(client, make_key(acme, allowed_sender_domains=["other.example"]))
    assert "You cannot send mailings from example.com without" in refusal(held)


def test_a_domain_must_be_approved_and_open(caller, acme):
    for change in ({"verified_at": None}, {"disabled": True}, {"removed_at": timezone.now()}):
        acme.domains.update(**{"verified_at": timezone.now(), "disabled": False} | change)
        assert "You cannot send mailings from example.com" in refusal(caller)


def test_a_limit_of_the_account_is_told(caller, acme):
    acme.mails_per_hour = 1
    acme.save()
    status, _ = refused(caller.post("send", SEED | {"recipient": [A, B]}))
    assert (status, Mail.objects.count()) == (429, 0)


def test_a_key_that_may_not_send_does_not(client, acme, make_key):
    reader = Caller(client, make_key(acme, scopes=["read", "manage"]))
    assert refused(reader.post("send", SEED))[0] == 403
    assert not Mail.objects.exists()


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    "recipient recipients envelope from to cc replyto subject html text mime unsubscribe extra attachments template "
    "data patch headers inlinecss trackclicks preventscam images tags maxdelivertime dsn".split()
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, anything, max_size=3))
def test_whatever_comes_is_taken_whole_or_refused_in_words(caller, changes):
    before = Mail.objects.count()
    answer = caller.post("send", json.dumps(SEED | changes).encode())
    assert answer.status_code in (200, 400, 404)
    assert Mail.objects.count() == before if answer.status_code != 200 else answer.content == b"1"


@pytest.mark.parametrize(
    ("body", "type_", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "application/json", 400),
        (b'{"recipient":"\\u0000"}', "application/json", 400),
        (b'{"recipient":"\\ud800"}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"\xff", FORM, 400),
        (b"recipient=%00", FORM, 400),
        (b"", FORM, 400),
        (b"a=1", "text/plain", 415),
        (b"--x--", "multipart/form-data", 400),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(caller, body, type_, status):
    assert refused(caller.post("send", body, type_))[0] == status
    assert not Mail.objects.exists()
