"""The page `docs/templates.md`: its lines work when they are pasted into a shell."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from spooling.models import Mail
from templates_app.models import Language, TemplateVersion

PAGE = Path(__file__).parents[3] / "docs" / "templates.md"
SNIPPETS = re.findall(r"^```\n(curl .*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.django_db(transaction=True)
def test_every_line_of_the_page_works(live_server, key):
    environment = {"PATH": os.environ["PATH"], "URL": live_server.url, "KEY": key}
    answers = []
    for snippet in SNIPPETS:
        out = subprocess.run(
            ["bash", "-c", snippet], env=environment, capture_output=True, text=True, timeout=30, check=True
        )
        answers.append(json.loads(out.stdout))
        environment.setdefault("TEMPLATE", answers[0]["id"])
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
        assert f"`{language}`" in PAGE.read_text()
