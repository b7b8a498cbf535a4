"""kombu's filesystem transport, whose messages appear whole or not at all."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """kombu's own shows a file before it is written: a worker that reads it then, empty, dies with its drain."""

    def _put(  # type: ignore[override]  # the stubs disagree with themselves on names
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        draft = folder / f"{name}.draft"
        try:
            draft.write_bytes(str_to_bytes(dumps(payload)))
            draft.rename(folder / name)
        except OSError as fault:
            raise ChannelError(f"Cannot add a message to {queue!r}.") from fault


class Transport(filesystem.Transport):
    Channel = Channel
