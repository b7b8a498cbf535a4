import base64

import pytest

from spooling.models import Attachment, Resource
from tests.wires.octosend.clients import refused

MIB = 1024 * 1024
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 40


def attachment(data, type="application/pdf", **more):
    return {"type": type, "content": base64.b64encode(data).decode(), **more}


@pytest.fixture
def transactional(caller):
    return caller.new("transactional")


def test_scenario_16_attachments_are_for_transactional_mail_of_some_types_and_sizes(
    caller, token, transactional
):
    path = f"spooler/{transactional}/resources/attachment"
    answer = caller.post(f"spooler/{token}/resources/attachment", attachment(PDF))
    assert refused(answer) == (400, "attachment-forbidden")
    assert isinstance(caller.post(path, attachment(PDF)).json(), str)
    assert refused(caller.post(path, attachment(PDF, "image/png"))) == (400, "attachment-type")
    assert refused(caller.post(path, attachment(bytes(2 * MIB + 1)))) == (400, "attachment-too-large")
    assert caller.post(path, attachment(bytes(2 * MIB))).status_code == 200


def test_files_are_kept_once_with_a_name_that_fits_their_type(caller, transactional):
    path = f"spooler/{transactional}/resources/attachment"
    for more in ({}, {"filename": "bill\r\n1.pdf"}, {"filename": None}):
        caller.post(path, attachment(PDF, **more))
    caller.post(path, attachment(PDF, "image/jpeg; q=1"))
    rows = Resource.objects.order_by("id")
    assert [row.filename for row in rows] == [
        "attachment.pdf",
        "bill 1.pdf",
        "attachment.pdf",
        "attachment.jpg",
    ]
    assert bytes(Attachment.objects.get().data) == PDF


def test_base64_may_be_broken_into_lines_and_must_be_base64(caller, transactional):
    path = f"spooler/{transactional}/resources/attachment"
    lines = base64.encodebytes(PDF).decode()
    assert caller.post(path, {"type": "application/pdf", "content": lines}).status_code == 200
    assert bytes(Attachment.objects.get().data) == PDF
    for content in ("not base64!", "QQ", "é"):
        answer = caller.post(path, {"type": "application/pdf", "content": content})
        assert refused(answer) == (400, "invalid-field")


@pytest.mark.parametrize("scope", ["resources", "mails/resources"])
def test_parts_are_html_or_text_and_kept_word_for_word(caller, token, scope):
    path = f"spooler/{token}/{scope}/part"
    content = "<p>{{firstname}} \r\n é </p>"
    own = caller.post(path, {"type": "Text/HTML; charset=utf-8", "content": content}).json()
    row = Resource.objects.get(token=own)
    assert (row.type, row.content) == ("text/html", content)
    answer = caller.post(path, {"type": "text/calendar", "content": "x"})
    assert refused(answer) == (400, "invalid-field")
    assert list(answer.json()["details"]["fields"]) == ["type"]


def test_what_comes_after_an_unsubscription_is_a_page_or_an_address_of_the_web(caller, token):
    path = f"spooler/{token}/resources/unsubscribe"
    for type, content in (("text/html", "Bye"), ("html", "Bye")):
        own = caller.post(path, {"type": type, "content": content}).json()
        assert Resource.objects.get(token=own).type == "text/html"
    for type in ("redirect", "url"):
        own = caller.post(path, {"type": type, "content": "https://shop.example/bye"}).json()
        assert Resource.objects.get(token=own).type == "redirect"
    for type, content in (("redirect", "javascript:alert(1)"), ("url", "bye"), ("text/plain", "Bye")):
        assert refused(caller.post(path, {"type": type, "content": content})) == (400, "invalid-field")


@pytest.mark.parametrize("missing", ["type", "content"])
@pytest.mark.parametrize("kind", ["part", "attachment", "unsubscribe"])
def test_type_and_content_are_required(caller, transactional, kind, missing):
    body = {"type": "text/html", "content": "QQ=="}
    del body[missing]
    answer = caller.post(f"spooler/{transactional}/resources/{kind}", body)
    assert refused(answer) == (400, "missing-field")
    assert list(answer.json()["details"]["fields"]) == [missing]


def test_other_kinds_and_verbs_are_not_there(caller, token):
    assert refused(caller.post(f"spooler/{token}/resources/movie", {})) == (404, "not-found")
    assert refused(caller.get(f"spooler/{token}/resources/part")) == (405, "method-not-allowed")


def test_a_stranger_uploads_nothing(stranger, token, transactional):
    for path in (f"spooler/{token}/resources/part", f"spooler/{transactional}/mails/resources/attachment"):
        assert refused(stranger.post(path, attachment(PDF))) == (404, "not-found")
    assert not Resource.objects.exists()


def test_after_the_launch_only_mails_of_a_transactional_spooler_get_contents(caller, transactional):
    caller.post(f"spooler/{transactional}/ready")
    part = {"type": "text/plain", "content": "Hi"}
    answer = caller.post(f"spooler/{transactional}/resources/part", part)
    assert refused(answer) == (400, "spooler-locked")
    assert caller.post(f"spooler/{transactional}/mails/resources/part", part).status_code == 200
    caller.post(f"spooler/{transactional}/finish")
    answer = caller.post(f"spooler/{transactional}/mails/resources/part", part)
    assert refused(answer) == (400, "spooler-locked")
