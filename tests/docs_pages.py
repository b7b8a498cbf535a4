"""Pages of docs/, and their lines run as a reader does: pasted into a shell."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What a `curl` of a page was answered."""

    status: int
    type: str
    body: str

    def json(self):
        return json.loads(self.body)


def page(name):
    """The text of a page, by its name without `.md`."""
    return (Path(settings.BASE_DIR) / "docs" / f"{name}.md").read_text()


def blocks(text, language):
    """What a page says in blocks of a language, in order."""
    return [block.strip() for block in re.findall(rf"```{language}\n(.*?)```", text, re.S)]


def calls(text):
    """Each `curl` of a page."""
    return [call for block in blocks(text, "sh") for call in re.split(r"\n(?=curl)", block)]


def run(line, *, folder=None, **environment):
    """What the shell prints. Raises CalledProcessError."""
    done = subprocess.run(
        ["sh", "-c", line],
        env={**environment, "PATH": "/usr/bin:/bin"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return done.stdout


def ask(call, **environment):
    """What the call is answered, whatever its status."""
    body, _, told = run(call + " -w '\n%{http_code} %{content_type}'", **environment).rpartition("\n")
    status, _, type_ = told.partition(" ")
    return Answer(int(status), type_, body)
