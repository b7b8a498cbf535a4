"""Sending and what is told of it (contract §5, §6.4)."""

import base64
import email
import email.policy
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from earwig import domains
from earwig.models import Domain
from earwig.models.api_keys import Scope
from spooling import limits, routers, suppressions
from spooling.models import Content, Mail, Router, Submission
from spooling.wires.relay import sends
from templates_app.models import Template
from tests import drains, smtp_servers
from tests.wires.relay.clients import BASE, refused
from tests.wires.relay.test_templates import made

LETTER = {
    "from_name": "Shop",
    "from_email": "shop@test.com",
    "recipients": [{"email": "ana@x.example", "name": "Ana", "type": "to"}],
    "subject": "Order {{7}}",
    "html": "<p>Hello {{nobody}}</p>",
}
#: As the vendor's sample programs send it.
SAMPLE = LETTER | {"attachments": None, "reply_to": None, "text": None}


@pytest.fixture
def server(db):
    """Where the installation's mail leaves to."""
    with smtp_servers.Server() as running:
        Router.objects.create(name="test", default=True, host="127.0.0.1", port=running.port, tls="none")
        routers._table = None
        yield running
    routers._table = None


def received(server, address):
    drains.run("transactional")
    data = next(each.data for each in server.accepted if each.recipient == address)
    return email.message_from_bytes(data, policy=email.policy.default)


def content():
    return Content.objects.get()


def deliveries(answer):
    return [link["href"] for link in answer.json()["_links"] if "rels/get-delivery" in link["rel"]]


@pytest.mark.parametrize("base", ["", "/relay"])
def test_relay_6_a_message_answers_where_it_and_its_deliveries_are(caller, base):
    caller.scheme, caller.base = "token", base
    answer = caller.post("messages", SAMPLE)
    assert answer.status_code == 201
    document = answer.json()
    id = document["createdResourceId"]
    assert id == str(uuid.UUID(id)) == str(Submission.objects.get().public_id)
    assert answer["Location"] == f"{BASE}{base}/accounts/acme/messages/{id}"
    assert answer["Content-Type"].endswith("/schemas/creation-result.json")
    assert document["message"]
    first, second, *rest = document["_links"]
    assert (first["href"], first["rel"]) == (
        f"/accounts/acme/messages/{id}",
        "/docs/rels/get-message related",
    )
    mail = Mail.objects.get()
    assert (second["href"], second["rel"]) == (
        f"/accounts/acme/deliveries/{mail.public_id}",
        "/docs/rels/get-delivery",
    )
    assert [link["rel"] for link in rest] == [
        "/docs/rels/create-message self",
        "/docs/rels/get-account-home",
        "/docs/rels/get-index",
    ]
    assert (mail.email, mail.name, mail.state, mail.lane) == (
        "ana@x.example",
        "Ana",
        "waiting",
        "transactional",
    )


def test_what_a_message_says_goes_out_as_it_is(caller, server, transactional_db):
    caller.post("messages", LETTER | {"text": "Hello {{nobody}}", "reply_to": {"email": "help@test.com"}})
    mail = received(server, "ana@x.example")
    assert (mail["Subject"], mail["From"], mail["To"]) == (
        "Order {{7}}",
        "Shop <shop@test.com>",
        "Ana <ana@x.example>",
    )
    assert mail["Reply-To"] == "help@test.com"
    assert mail.get_body(["plain"]).get_content().strip() == "Hello {{nobody}}"
    assert "Hello {{nobody}}" in mail.get_body(["html"]).get_content()


@pytest.mark.parametrize(
    "file",
    [
        {"filename": "a.pdf", "base64_content": "JVBERg==", "type": "application/pdf"},
        {"name": "a.pdf", "content": "JVBERg==", "content_type": "application/pdf; x=y"},
        {"filename": "a.pdf", "base64_content": "JVBE\r\nRg==\n", "type": None},
    ],
)
def test_relay_7_files_arrive_as_they_were(caller, server, transactional_db, file):
    assert caller.post("messages", LETTER | {"attachments": [file]}).status_code == 201
    (part,) = received(server, "ana@x.example").iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("a.pdf", "application/pdf")
    assert part.get_payload(decode=True) == b"%PDF"


def test_every_byte_of_a_file_arrives(caller, server, transactional_db):
    data = bytes(range(256)) * 300
    file = {"filename": "ñ.bin", "base64_content": base64.b64encode(data).decode()}
    caller.post("messages", LETTER | {"attachments": [file]})
    (part,) = received(server, "ana@x.example").iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("ñ.bin", "application/octet-stream")
    assert part.get_payload(decode=True) == data


def test_relay_8_a_template_is_sent_to_all_and_its_section_repeats(caller, server, transactional_db):
    id = made(
        caller,
        from_name="The Shop",
        subject="Hola {{nombre}} & {{nada}}",
        body="{{nombre}}:{{#list}}<b>{{value}}</b>{{/list}}",
    )
    body = {
        "from_name": None,
        "from_email": None,
        "recipients": [
            {"email": "a@x.example", "name": None, "type": "to"},
            {"email": "b@x.example", "type": "cc"},
            {"email": "c@x.example", "type": "bcc"},
        ],
        "reply_to": None,
        "model": {"nombre": "Ana <3", "list": [{"value": "1"}, {"value": "2"}]},
        "attachments": None,
    }
    answer = caller.post(f"templates/{id}/message", body)
    assert answer.status_code == 201
    assert len(deliveries(answer)) == 3
    for address in ("a@x.example", "b@x.example", "c@x.example"):
        mail = received(server, address)
        assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("a@x.example", "b@x.example", None)
        assert b"c@x.example" not in mail.as_bytes()
        assert (mail["From"], mail["Subject"]) == ("The Shop <test@test.com>", "Hola Ana <3 & ")
        html = mail.get_body(["html"]).get_content()
        assert "Ana &lt;3:<b>1</b><b>2</b>" in html


def test_relay_9_names_are_exact_and_three_braces_escape_nothing(caller, server, transactional_db):
    id = made(caller, body="Hi {{nombre}}/{{Nombre}} {{{h}}} {{h}}")
    model = {"nombre": "A", "h": "<b>", "año con blancos": "x"}
    caller.post(f"templates/{id}/message", {"recipients": LETTER["recipients"], "model": model})
    html = received(server, "ana@x.example").get_body(["html"]).get_content()
    assert "Hi A/ <b> &lt;b&gt;" in html


def test_relay_10_a_foreign_author_is_signed_for_by_the_default_domain(
    caller, acme, server, transactional_db
):
    domains.make_key(
        Domain.objects.get(name="test.com"), algorithm="rsa-sha256", selector="s", now=timezone.now()
    )
    answer = caller.post("messages", LETTER | {"from_email": "x@elsewhere.org"})
    assert answer.status_code == 201
    mail = received(server, "ana@x.example")
    assert mail["From"] == "Shop <x@elsewhere.org>"
    assert " d=test.com;" in mail["DKIM-Signature"].replace("\n", "")


def test_an_author_of_the_account_is_signed_for_by_its_own_domain(caller, acme):
    own = domains.add(acme, name="second.com", now=timezone.now())
    caller.post("messages", LETTER | {"from_email": "x@SECOND.com"})
    assert Mail.objects.get().domain_id == own.pk


def test_a_disabled_domain_is_signed_for_by_the_default_one(caller, acme):
    domains.add(acme, name="second.com", now=timezone.now())
    Domain.objects.filter(name="second.com").update(disabled=True)
    caller.post("messages", LETTER | {"from_email": "x@second.com"})
    assert Mail.objects.select_related("domain").get().domain.name == "test.com"


def test_nobody_signs_for_an_account_without_domains_or_for_what_another_has_verified(caller, rival):
    domains.verify(Domain.objects.get(name="rival.com"), now=timezone.now())
    for author in ("x@rival.com", "x@mail.rival.com"):
        answer = caller.post("messages", LETTER | {"from_email": author})
        assert refused(answer) == ("400.1", ["from_email"])
    Domain.objects.filter(name="test.com").update(disabled=True)
    assert refused(caller.post("messages", LETTER)) == ("400.1", ["from_email"])
    assert not Mail.objects.exists() and not Submission.objects.exists()


def test_relay_11_a_suppressed_recipient_is_dropped_and_the_call_succeeds(
    caller, acme, server, transactional_db
):
    suppressions.suppress(
        suppressions.Scope(account_id=acme.pk),
        "ana@x.example",
        reason="manual",
        source="test",
        now=timezone.now(),
    )
    recipients = [*LETTER["recipients"], {"email": "bob@x.example", "type": "cc"}]
    answer = caller.post("messages", LETTER | {"recipients": recipients})
    assert answer.status_code == 201 and len(deliveries(answer)) == 2
    drains.run("transactional")
    assert list(Mail.objects.order_by("id").values_list("state", flat=True)) == ["blocked", "delivered"]
    assert [each.recipient for each in server.accepted] == ["bob@x.example"]


def test_a_limit_that_is_reached_is_told_with_its_four_members(caller, acme):
    acme.mails_per_hour = 1
    acme.save()
    caller.post("messages", LETTER)
    limits._rooms.clear()
    answer = caller.post("messages", LETTER)
    assert refused(answer) == ("402.1", [])
    document = answer.json()
    assert (document["deliveriesCount"], document["limit"], document["period"]) == (1, 1, "hourly")
    assert document["resetDate"].endswith("+00:00")
    assert Mail.objects.count() == Submission.objects.count() == 1


def test_one_recipient_stands_in_no_content(caller):
    caller.post("messages", LETTER)
    assert (content().to, content().cc) == ([], [])


def test_blind_copies_alone_see_nobody_else(caller, server, transactional_db):
    recipients = [{"email": f"{name}@x.example", "type": "bcc"} for name in "ab"]
    caller.post("messages", LETTER | {"recipients": recipients})
    for address, other in (("a@x.example", b"b@x.example"), ("b@x.example", b"a@x.example")):
        mail = received(server, address)
        assert mail["To"] == address and other not in mail.as_bytes()


def test_an_own_model_counts_for_its_copy_alone(caller, server, transactional_db):
    id = made(caller, body="{{greeting}} {{name}}")
    recipients = [
        {"email": "a@x.example", "model": {"name": "Ann"}},
        {"email": "b@x.example", "model": None},
    ]
    model = {"greeting": "Hi", "name": "you"}
    caller.post(f"templates/{id}/message", {"recipients": recipients, "model": model})
    assert "Hi Ann" in received(server, "a@x.example").get_body(["html"]).get_content()
    assert "Hi you" in received(server, "b@x.example").get_body(["html"]).get_content()


def test_a_template_may_be_sent_without_a_model_and_later_changes_do_not_reach_it(
    caller, server, transactional_db
):
    id = made(caller, body="Hi {{name}}!")
    caller.post(f"templates/{id}/message", {"recipients": LETTER["recipients"]})
    caller.put(f"templates/{id}/body", {"html": "changed"})
    caller.delete(f"templates/{id}")
    assert "Hi !" in received(server, "ana@x.example").get_body(["html"]).get_content()


@pytest.mark.parametrize(
    ("said", "subject"), [("Own {{x}}", "Own 1"), ("", "Test Template"), (None, "Test Template")]
)
def test_a_subject_of_the_call_counts_and_is_rendered(caller, server, transactional_db, said, subject):
    body = {"recipients": LETTER["recipients"], "subject": said, "model": {"x": 1}, "template_id": 7}
    caller.post(f"templates/{made(caller)}/message", body)
    assert received(server, "ana@x.example")["Subject"] == subject


def test_an_author_of_the_call_counts(caller):
    body = {"recipients": LETTER["recipients"], "from_email": "own@test.com", "from_name": "Own"}
    caller.post(f"templates/{made(caller)}/message", body)
    assert (content().from_email, content().from_name) == ("own@test.com", "Own")


def test_an_author_with_tags_is_rendered_when_it_is_used(caller):
    id = made(caller, from_email="{{team}}@test.com")
    assert caller.get(f"templates/{id}").json()["from_email"] == "{{team}}@test.com"
    path, body = f"templates/{id}/message", {"recipients": LETTER["recipients"], "from_email": ""}
    assert caller.post(path, body | {"model": {"team": "sales"}}).status_code == 201
    assert content().from_email == "sales@test.com"
    assert refused(caller.post(path, body | {"model": {"team": "a b"}})) == ("400.1", ["from_email"])
    assert refused(caller.post(path, body)) == ("400.1", ["from_email"])


def test_a_template_without_a_body_is_not_sent(caller):
    path = f"templates/{made(caller, body='')}/message"
    assert refused(caller.post(path, {"recipients": LETTER["recipients"]})) == ("400.1", ["body"])


def test_tracking_is_on_until_it_is_skipped(caller):
    caller.post("messages", LETTER)
    caller.post("messages", LETTER | {"skip_track_opens": True, "skip_track_clicks": True})
    tracked = Content.objects.order_by("id").values_list("track_opens", "track_clicks")
    assert list(tracked) == [(True, True), (False, False)]


def test_links_of_a_message_are_tracked(caller, server, transactional_db):
    caller.post("messages", LETTER | {"html": '<a href="https://shop.example/x">x</a>'})
    html = received(server, "ana@x.example").get_body(["html"]).get_content()
    assert "https://shop.example/x" not in html and "/t/" in html and "<img" in html


@pytest.mark.parametrize("told", [{"a": "1", "b": None}, [{"key": "a", "value": "1"}]])
def test_metadata_and_the_clients_reference_come_back(caller, told):
    answer = caller.post("messages", LETTER | {"metadata": told, "messageId": 1, "tags": 5, "priority": {}})
    href = answer.json()["_links"][0]["href"]
    document = caller.get(href).json()
    assert (document["metadata"], document["messageId"]) == ({"a": "1"}, "1")
    assert (document["subject"], document["from_email"]) == ("Order {{7}}", "shop@test.com")
    assert deliveries(caller.get(href)) == deliveries(answer)


@pytest.mark.parametrize("told", [{"X-Order": "7"}, [{"key": "X-Order", "value": 7}]])
def test_headers_are_sent_but_those_that_only_the_platform_writes(caller, server, transactional_db, told):
    ours = {"From": "x@y.zz", "Message-ID": "<1@y.zz>", "To": "x@y.zz", "DKIM-Signature": "x"}
    if isinstance(told, list):
        ours = [{"key": name, "value": value} for name, value in ours.items()]
        assert caller.post("messages", LETTER | {"headers": told + ours}).status_code == 201
    else:
        assert caller.post("messages", LETTER | {"headers": told | ours}).status_code == 201
    mail = received(server, "ana@x.example")
    assert (mail["X-Order"], mail["From"]) == ("7", "Shop <shop@test.com>")
    assert len(mail.get_all("From")) == len(mail.get_all("Message-ID")) == 1


@pytest.mark.parametrize("reply_to", ["Help <help@test.com>", {"email": "help@test.com", "name": "Help"}])
def test_reply_to_is_an_object_or_text(caller, reply_to):
    caller.post("messages", LETTER | {"reply_to": reply_to})
    assert content().reply_to == [["Help", "help@test.com"]]


FILE = {"filename": "a", "base64_content": "eA=="}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"from_email": None}, "from_email"),
        ({"from_email": "Shop <shop@test.com>"}, "from_email"),
        ({"subject": ""}, "subject"),
        ({"subject": "a\nBcc: x@y.zz"}, "subject"),
        ({"from_name": "a\r\nb"}, "from_name"),
        ({"html": None}, "html"),
        ({"html": ["x"]}, "html"),
        ({"html": "x" * (1024 * 1024 + 1)}, "html"),
        ({"recipients": None}, "recipients"),
        ({"recipients": []}, "recipients"),
        ({"recipients": {"email": "a@b.cc"}}, "recipients"),
        ({"recipients": ["a@b.cc"]}, "recipients[0]"),
        ({"recipients": [{"email": "a@b.cc"}] * 101}, "recipients"),
        ({"recipients": [{"email": "a@b.cc"}, {"email": "a"}]}, "recipients[1].email"),
        ({"recipients": [{"name": "x"}]}, "recipients[0].email"),
        ({"recipients": [{"email": "a@b.cc", "type": "to\n"}]}, "recipients[0].type"),
        ({"recipients": [{"email": "a@b.cc", "name": "x\ny"}]}, "recipients[0].name"),
        ({"recipients": [{"email": "a@b.cc", "model": []}]}, "recipients[0].model"),
        ({"reply_to": "nobody"}, "reply_to"),
        ({"reply_to": {"email": "nobody"}}, "reply_to.email"),
        ({"attachments": "x"}, "attachments"),
        ({"attachments": [FILE] * 21}, "attachments"),
        ({"attachments": [FILE | {"base64_content": "e"}]}, "attachments[0].base64_content"),
        ({"attachments": [FILE | {"base64_content": None}]}, "attachments[0].base64_content"),
        ({"attachments": [FILE | {"filename": None}]}, "attachments[0].filename"),
        ({"attachments": [FILE | {"type": "pdf"}]}, "attachments[0].type"),
        ({"headers": {"X-A": "a\nb"}}, "headers.X-A"),
        ({"headers": {"X A": "a"}}, "headers.X A"),
        ({"headers": {"X-A": {"a": "b"}}}, "headers.X-A"),
        ({"headers": [{"key": "X-A", "value": True}]}, "headers.X-A"),
        ({"headers": {f"no name {number}": "a" for number in range(51)}}, "headers"),
        ({"headers": 7}, "headers"),
        ({"metadata": {"a": "x" * 5000}}, "metadata"),
        ({"messageId": "x" * 201}, "messageId"),
        ({"skip_track_opens": "yes"}, "skip_track_opens"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_queued(caller, change, key):
    assert refused(caller.post("messages", LETTER | change)) == ("400.1", [key])
    assert not Mail.objects.exists() and not Submission.objects.exists() and not Content.objects.exists()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"subject": "{{#x}}"}, "subject"),
        ({"from_name": "{{#x}}"}, "from_name"),
        ({"headers": {"X-A": "{{#x}}"}}, "headers.X-A"),
        ({"model": []}, "model"),
        ({"recipients": None}, "recipients"),
    ],
)
def test_what_is_wrong_with_a_templates_message_is_named(caller, change, key):
    path = f"templates/{made(caller)}/message"
    assert refused(caller.post(path, {"recipients": LETTER["recipients"]} | change)) == ("400.1", [key])
    assert not Mail.objects.exists()


def test_files_may_have_so_many_bytes_together(caller, monkeypatch):
    monkeypatch.setattr("spooling.wires.relay.attachments.MOST_BYTES", 2)
    assert caller.post("messages", LETTER | {"attachments": [FILE] * 2}).status_code == 201
    assert refused(caller.post("messages", LETTER | {"attachments": [FILE] * 3})) == (
        "400.1",
        ["attachments"],
    )


def test_a_body_over_the_limit_is_told_in_json(caller, settings):
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert refused(caller.post("messages", LETTER)) == ("413.0", [])


def test_a_failure_leaves_nothing_behind(caller, monkeypatch):
    def fail(*_, **__):
        raise KeyError("after the mails were stored")

    caller.client.raise_request_exception = False
    monkeypatch.setattr(sends, "_created", fail)
    monkeypatch.setattr(sends.Mail.objects, "filter", fail)
    assert refused(caller.post("messages", LETTER)) == ("500.0", [])
    monkeypatch.undo()
    assert not Mail.objects.exists() and not Submission.objects.exists()


def test_messages_are_listed_newest_first(caller, django_assert_max_num_queries):
    for number in range(6):
        caller.post("messages", LETTER | {"subject": str(number)})
    with django_assert_max_num_queries(5):
        page = caller.get("messages?per_page=5").json()
    assert [item["subject"] for item in page["items"]] == ["5", "4", "3", "2", "1"]
    (following,) = [link["href"] for link in page["_links"] if link["rel"].endswith("next")]
    caller.post("messages", LETTER | {"subject": "new"})
    assert [item["subject"] for item in caller.get(following).json()["items"]] == ["0"]


def test_messages_are_listed_by_time(caller):
    caller.post("messages", LETTER)
    moment = Submission.objects.get().created_at
    after = (moment + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = (moment - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert caller.get(f"messages?from={before}").json()["itemsCount"] == 1
    assert caller.get(f"messages?to={before}").json()["itemsCount"] == 0
    assert refused(caller.get(f"messages?from={after}&to={before}")) == ("400.1", ["from"])
    assert refused(caller.get("messages?from=2015-08-15T09:00")) == ("400.1", ["from"])


def test_another_account_sends_and_sees_nothing_of_it(caller, stranger):
    id, template = caller.post("messages", LETTER).json()["createdResourceId"], made(caller)
    stranger.account = "rival"
    unknown = uuid.uuid4()
    assert stranger.get("messages").json()["items"] == []
    assert refused(stranger.get(f"messages/{id}")) == refused(stranger.get(f"messages/{unknown}"))
    body = {"recipients": LETTER["recipients"]}
    foreign = stranger.post(f"templates/{template}/message", body)
    assert refused(foreign) == refused(stranger.post(f"templates/{unknown}/message", body)) == ("404.1", [])
    assert refused(stranger.post("/accounts/acme/messages", LETTER)) == ("403.0", [])
    assert Mail.objects.count() == 1


def test_a_key_may_do_what_its_scopes_and_domains_say(keyless, acme, make_key):
    reader = keyless.with_key(make_key(acme, [Scope.READ]))
    assert refused(reader.post("messages", LETTER)) == ("403.0", [])
    sender = keyless.with_key(make_key(acme, [Scope.SEND], allowed_sender_domains=["other.com"]))
    assert refused(sender.post("messages", LETTER)) == ("403.0", [])
    assert sender.post("messages", LETTER | {"from_email": "x@other.com"}).status_code == 201
    assert refused(sender.get("messages")) == ("403.0", [])


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_a_templates_message_is_only_posted(caller, verb):
    assert refused(caller.call(verb, f"templates/{made(caller)}/message", {})) == ("405.0", [])


VALUES = [5, -1, 2**70, 1e300, True, "", "x", "\u2028", [], [[]], [{}], [None], {}, {"a": {"b": []}}]
NAMES = (
    "from_email from_name subject html text recipients reply_to attachments headers metadata messageId model name body "
    "mseditor skip_track_opens skip_track_clicks tags"
).split()


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_value_of_a_member_is_a_fault_of_ours(caller, value):
    id = made(caller)
    paths = ["messages", "templates", f"templates/{id}/message", f"templates/{id}", f"templates/{id}/body"]
    for path in paths:
        for verb in ("POST", "PUT"):
            for body in (dict.fromkeys(NAMES, value), *({name: value} for name in NAMES)):
                assert caller.call(verb, path, body).status_code in (200, 201, 400, 405), (path, body)
    assert Template.objects.filter(public_id=id).exists()
