"""The page `docs/templates.md`: its lines work when they are pasted into a shell."""

import pytest

from spooling.models import Mail
from templates_app.models import Language, TemplateVersion
from tests import docs_pages

PAGE = docs_pages.page("templates")


@pytest.mark.django_db(transaction=True)
def test_every_line_of_the_page_works(live_server, key):
    known, answers = {"URL": live_server.url, "KEY": key}, []
    for call in docs_pages.calls(PAGE):
        answers.append(docs_pages.ask(call, **known).json())
        known.setdefault("TEMPLATE", answers[0]["id"])
    saved, preview, test, sent, changed, versions, restored = answers
    assert saved["variables"] == ["items", "name", "number", "title"]
    assert preview["subject"] == "Your order 7" and "<li>Tea</li>" in preview["html"]
    assert "Dear Ada" in preview["text"] and 'style="color:' in preview["html"]
    assert len(test["mails"]) == 1 and len(sent["mails"]) == 2
    assert Mail.objects.count() == 3
    assert changed["version"] == 2 and versions["count"] == 2
    assert restored["version"] == 3 and restored["subject"] == "Your order {{number}}"
    assert TemplateVersion.objects.count() == 3


def test_the_page_names_every_language():
    for language in Language.values:
        assert f"`{language}`" in PAGE
