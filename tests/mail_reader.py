"""mailauth and mailparser (npm) as independent readers of mail: one Node process reads all mails of a run."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"


class MailReader:
    """A running reader; `read` answers what it made of a mail, see reader.js."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "reader.js"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, mail: bytes, records: Mapping[str, str] | None = None) -> dict:
        request = {"mail": base64.b64encode(mail).decode(), "records": dict(records or {})}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


def start() -> MailReader:
    """A reader; where its packages are not installed the test is skipped, but fails in CI."""
    if shutil.which("node") and (FOLDER / "node_modules").is_dir():
        return MailReader()
    reason = "needs Node and `npm ci --prefix tests/node`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
