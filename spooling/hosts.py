"""Which machine this is: the data folder names the host, the kernel the boot."""

from __future__ import annotations

import os
import uuid
from functools import cache
from pathlib import Path

from django.conf import settings

from spooling.outbox.values import Worker

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def new_worker() -> Worker:
    """An identity for one drain."""
    return Worker(name=uuid.uuid4().hex, host=host(), boot=boot())


def journals() -> Path:
    """Where the journals of this host's drains lie."""
    return Path(settings.EARWIG_DATA) / "journal"


@cache
def host() -> str:
    """The data folder's own name, drawn when it is first used: folders of two machines never share one."""
    path = Path(settings.EARWIG_DATA) / "host"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"host.{uuid.uuid4().hex}")
        draft.write_text(uuid.uuid4().hex)
        try:
            # All workers of a new installation come here at once: the name appears complete, and one of them wins.
            os.link(draft, path)
        except FileExistsError:
            pass
        draft.unlink()
    return path.read_text()


@cache
def boot() -> str:
    """The id of the machine's present boot."""
    return _BOOT.read_text().strip()
