"""docs/smtp.md says what is so: its examples run against a running server."""

import re
import shlex

from spooling.models import Mail
from spooling.smtpd import options, replies
from tests import docs_pages, submission_servers

PAGE = docs_pages.page("smtp")


def test_the_line_of_the_page_submits(port, key):
    (line,) = docs_pages.blocks(PAGE, "sh")
    line = (
        line.removeprefix("swaks ")
        .replace("$HOST", "127.0.0.1")
        .replace("$PORT", str(port))
        .replace("$KEY", key)
    )
    done = submission_servers.swaks(port, *shlex.split(line))
    assert done.returncode == 0, done.stdout
    mails = list(Mail.objects.order_by("id"))
    assert [mail.email for mail in mails] == ["ann@people.example", "bob@people.example"]
    assert mails[0].submission.tags == ["orders"] and mails[0].content.subject == "Your order"


def test_the_program_of_the_page_submits(port, key):
    (program,) = docs_pages.blocks(PAGE, "python")
    exec(program, {"HOST": "127.0.0.1", "PORT": port, "KEY": key})
    assert Mail.objects.get().email == "ann@people.example"


def test_the_page_tells_every_refusal_and_every_field():
    told = set(re.findall(r"`([245]\d\d (?:[245]\.\d+\.\d+))`", PAGE))
    assert set(replies.BY_CODE.values()) <= told
    named = {name.replace("-", "").lower() for name in re.findall(r"`(?:X-Earwig)?-([A-Z][A-Za-z-]+)`", PAGE)}
    older = {"openstracking", "clicktracking", "bouncetracking", "inlinizecss"}
    known = options._READERS.keys() - older
    assert known == named
