"""The embedded Celery broker: kombu's file transport, made atomic.

kombu opens a message file under its final name and then writes it, so a reader can
take it half written: 21 % of 50 KB messages were lost in a test with three
producers (celery/kombu#1551). Writing elsewhere and renaming loses none. Reading
goes by a rename in the same folder too: kombu moves a message through the system's
temporary folder, which may be another disk, where moving is copying.
"""

import contextlib
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

TIDY_EVERY_S = 3600
REMAINS_AFTER_S = 3600  # drafts and half-taken messages of killed processes
FORGOTTEN_AFTER_S = 24 * 3600  # nobody reads that queue; rows of jobs send again


class Channel(filesystem.Channel):
    """A channel whose messages appear in the folder complete, or not at all."""

    _tidy_at = 0.0

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        draft = folder / f".{name}.draft"
        draft.write_bytes(str_to_bytes(dumps(payload)))
        draft.rename(folder / name)
        self._tidy(folder)

    def _get(self, queue: str) -> Any:
        folder = Path(self.data_folder_in)
        for message in sorted(folder.iterdir()):
            if message.name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{message.name}.taken"
            try:
                message.rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            payload = taken.read_bytes()
            taken.unlink()
            return loads(bytes_to_str(payload))
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Bind, in a table that other processes never see empty."""
        table = self._exchange_file(exchange)
        if not table.exists():
            table.parent.mkdir(parents=True, exist_ok=True)
            draft = table.with_name(f".{uuid.uuid4()}.draft")
            draft.write_text("[]")
            with contextlib.suppress(FileExistsError):
                os.link(draft, table)
            draft.unlink()
        super()._queue_bind(exchange, routing_key, pattern, queue)

    def _tidy(self, folder: Path) -> None:
        """Remove, once an hour, what killed processes and unread queues have left."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_EVERY_S
        now = time.time()
        for entry in folder.iterdir():
            is_remains = entry.name.startswith(".")
            with contextlib.suppress(FileNotFoundError):
                age = now - entry.stat().st_mtime
                if age > (REMAINS_AFTER_S if is_remains else FORGOTTEN_AFTER_S):
                    entry.unlink()


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Make ``labfs://`` a broker URL."""
    TRANSPORT_ALIASES["labfs"] = "battery_db.lib.broker:Transport"
