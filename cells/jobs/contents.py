"""The content of a file for the worker that imports it, from disks that may never answer."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from battery_db.lib.names import to_path
from cells.disk import open_disk
from cells.models import RawFile
from cells.mounts import is_on_own_disk
from cells.scanning import expect

__all__ = ["content_of"]


@contextmanager
def content_of(file: RawFile) -> Iterator[Path]:
    """A path to read the file's content from, as the scan saw it.

    From a disk of this machine that is the file itself. From any other it is a copy, made
    by a child process that is given up when the share falls silent, so that no worker waits
    for ever. FileChanged when the file is no longer what was scanned, before the reading or
    after; OSError (TimeoutError for silence) when it can not be read.
    """
    root, seconds = file.folder.path, settings.FILE_SCAN_TIMEOUT_SECONDS
    path = Path(root) / to_path(file.path)
    if not seconds or is_on_own_disk(str(path)):
        expect(path.stat(), file.size, file.mtime_ns)
        yield path
        expect(path.stat(), file.size, file.mtime_ns)
        return
    with tempfile.TemporaryDirectory() as folder:
        # Readers look at the name too.
        copy = Path(folder) / path.name
        with open_disk(root, seconds) as disk:
            disk.copy(file.path, file.size, file.mtime_ns, str(copy))
        yield copy
