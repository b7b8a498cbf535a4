"""Secrets of an embedded installation: made once, kept in the data folder, readable by its owner only."""

import base64
import json
import os
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "EARWIG_KEYS", "EARWIG_SENDER_SALT")


def secrets_of(data: Path) -> dict[str, str]:
    """The installation's own secrets by variable name. Made on the first call; two processes that start at once agree.

    Raises OSError when the folder cannot be written.
    """
    path = data / "secrets.json"
    data.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make(path)
    return dict(json.loads(path.read_text()))


def make_broker_folders(data: Path) -> None:
    """kombu's filesystem transport expects its folders to be there."""
    for name in ("queue", "control", "processed"):
        (data / "broker" / name).mkdir(parents=True, exist_ok=True)


def _make(path: Path) -> None:
    made = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "EARWIG_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "EARWIG_SENDER_SALT": secrets.token_urlsafe(24),
    }
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(made))
    try:
        # link() refuses an existing target, so the first of two processes wins and the other reads its file.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
