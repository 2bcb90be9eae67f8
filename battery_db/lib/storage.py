"""Named storages, resolved when used, and local files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.files.storage import FileSystemStorage, Storage, storages


class AtomicFileSystemStorage(FileSystemStorage):
    """Writes beside the target and renames, so a crash leaves no half file.

    Names are keys chosen by the caller: saving to a name replaces what is there.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(self.file_permissions_mode or 0o644)
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return name


def storage(alias: str) -> Storage:
    """``STORAGES[alias]``: "default" (exports), "series" (Parquet) or "snapshots" (tensors)."""
    return storages[alias]


@contextmanager
def local_or_open(alias: str, name: str) -> Iterator[Path | IO[bytes]]:
    """A path where the storage is a local folder (memory-mapped reads), else an open file."""
    try:
        path = Path(storage(alias).path(name))
    except NotImplementedError:
        with storage(alias).open(name, "rb") as file:
            yield file
    else:
        yield path
