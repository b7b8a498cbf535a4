"""Templates that a call of `send` names, brings or patches (contract §4.1, §4.4)."""

from functools import reduce

import pytest
from django.utils import timezone

from spooling.models import Content, Mail
from templates_app import templates
from templates_app.models import Language
from tests.wires.smtpeter.clients import A, refused


@pytest.fixture
def template(acme):
    """Call with texts; a template of the account."""

    def make(name="Welcome", of=acme, **texts):
        told = {
            "from_email": "info@example.com",
            "from_name": "Acme",
            "subject": "Hi {$n}",
            "html": "<p>{$n}</p>",
        }
        draft = templates.Draft(name=name, language=Language.SMARTY, texts={**told, **texts})
        return templates.add(of.pk, draft=draft, now=timezone.now())

    return make


def of_template(caller, told, **changes):
    body = {"recipient": A, "template": told} | changes
    answer = caller.post("send", body)
    assert answer.content == b"1", answer.content
    return Content.objects.latest("id")


def test_a_template_says_what_the_call_does_not(caller, template):
    row = template()
    for told in (row.pk, str(row.pk), "Welcome"):
        content = of_template(caller, told)
        said = (content.from_name, content.from_email, content.subject, content.html)
        assert said == ("Acme", "info@example.com", "Hi {$n}", "<p>{$n}</p>")
    content = of_template(caller, row.pk, subject="Mine", **{"from": "Me <me@example.com>"})
    assert (content.from_name, content.from_email, content.subject) == ("Me", "me@example.com", "Mine")


def test_digits_are_an_id_before_they_are_a_name(caller, template):
    first = template()
    named = template(name=str(first.pk), subject="Named")
    assert of_template(caller, str(first.pk)).subject == "Hi {$n}"
    alone = template(name="123456", subject="Alone")
    assert of_template(caller, 123456).subject == "Alone"
    assert {first.pk, named.pk, alone.pk}.isdisjoint({123456})


@pytest.mark.parametrize("told", [0, "no such", 10**30, "9" * 400, -1, 1.5, "x" * 5000])
def test_an_unknown_template_is_not_found(caller, told):
    assert refused(caller.post("send", {"recipient": A, "template": told})) == (
        404,
        "There is no such template.",
    )


def test_a_template_of_another_account_is_not_found(stranger, caller, template):
    row = template()
    for told in (row.pk, row.name):
        answer = stranger.post("send", {"recipient": A, "template": told})
        assert refused(answer) == (404, "There is no such template.")
    assert not Mail.objects.exists()


def test_a_template_may_come_with_the_call(caller):
    source = {
        "name": "x",
        "subject": "S {$n}",
        "from": {"name": "Ann", "address": "info@example.com"},
        "content": "<p>x</p>",
    }
    content = of_template(caller, source, replyTo=None)
    assert (content.subject, content.html, content.from_name) == ("S {$n}", "<p>x</p>", "Ann")
    content = of_template(
        caller, source | {"html": "<b>y</b>", "replyTo": "q@example.com", "from": "info@example.com"}
    )
    assert (content.html, content.reply_to) == ("<b>y</b>", [["", "q@example.com"]])


def test_a_template_of_blocks_alone_cannot_be_sent(caller):
    source = {"from": "info@example.com", "content": {"blocks": []}}
    assert refused(caller.post("send", {"recipient": A, "template": source}))[0] == 400


def test_a_template_of_another_language_is_sent_in_it(caller, acme):
    draft = templates.Draft(
        name="M", language="mustache", texts={"from_email": "info@example.com", "html": "{{n}} {$n}"}
    )
    row = templates.add(acme.pk, draft=draft, now=timezone.now())
    assert of_template(caller, row.pk).template_language == "mustache"


def test_a_patch_changes_the_template_for_this_send_alone(caller, template):
    row = template()
    patch = [
        {"op": "test", "path": "/subject", "value": "Hi {$n}"},
        {"op": "replace", "path": "/subject", "value": "Patched"},
        {"op": "add", "path": "/text", "value": "Text"},
        {"op": "copy", "from": "/text", "path": "/html"},
    ]
    content = of_template(caller, row.pk, patch=patch)
    assert (content.subject, content.text, content.html) == ("Patched", "Text", "Text")
    assert of_template(caller, row.pk).subject == "Hi {$n}"
    inline = {"subject": "a", "from": "info@example.com", "text": "x"}
    assert of_template(caller, inline, patch=patch[1:2]).subject == "Patched"


GROWTH = [{"op": "add", "path": "/a", "value": ["x" * 100]}] + [
    {"op": "copy", "from": "/a", "path": "/a/-"} for _ in range(60)
]
#: The document stays small, but all that goes through it is large.
COPIES = [{"op": "add", "path": "/a", "value": ["x" * 500_000]}] + [
    {"op": "copy", "from": "/a", "path": "/b"} for _ in range(10)
]


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "test", "path": "/subject", "value": "other"}],
        [{"op": "remove", "path": "/nothing"}],
        [{"op": "replace", "path": "", "value": []}],
        [{"op": "append", "path": "/subject", "value": "x"}],
        [{"op": "add", "path": "/subject/x", "value": 1}],
        [{"op": "add", "path": "subject", "value": 1}],
        [{"op": "add", "path": 7, "value": 1}],
        [{"op": "add", "path": "/x"}],
        [{"op": "move", "from": "/name", "path": "/name/x"}],
        [{"op": ["add"], "path": "/x", "value": 1}],
        [{"op": "copy", "from": "/x/" + "9" * 5000, "path": "/y"}],
        ["remove"],
        "remove",
        7,
        [{"op": "test", "path": "/subject", "value": "Hi {$n}"}] * 101,
        GROWTH,
        COPIES,
    ],
)
def test_a_patch_that_cannot_be_applied_refuses_the_call(caller, template, patch):
    status, _ = refused(caller.post("send", {"recipient": A, "template": template().pk, "patch": patch}))
    assert status == 400
    assert not Mail.objects.exists()


def test_a_template_that_is_patched_has_a_size_and_a_depth(caller):
    inline = {"subject": "a", "from": "info@example.com", "text": "x"}
    deep = reduce(lambda inner, _: [inner], range(270), 1)
    patch = [{"op": "add", "path": "/text", "value": "y"}]
    for wrong in ("x" * 4_200_000, deep, 2**70):
        body = {"recipient": A, "template": inline | {"kept": wrong}, "patch": patch}
        assert refused(caller.post("send", body))[1].startswith("patch: ")
