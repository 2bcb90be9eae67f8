"""Files of an export, written one by one into a zip or below a folder."""

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from cycling.exports.safe_names import distinct

# Path parts made by ``safe_names.folder_name``, and the content.
File = tuple[tuple[str, ...], bytes]
# Neither FAT nor zip can say an earlier moment; a fixed one makes equal data equal bytes.
ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)
# Endings of content that is compressed already.
STORED = (".parquet", ".xlsx")


def write_zip(target: IO[bytes], files: Iterable[File]) -> int:
    """Write files as they come into one zip; equal files give equal bytes."""
    used: dict[str, str] = {}
    count = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for parts, content in files:
            name = "/".join(distinct(parts, used))
            member = zipfile.ZipInfo(name, date_time=ZIP_MOMENT)
            stored = name.endswith(STORED)
            member.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
            count += 1
    return count


def write_folder(folder: Path, files: Iterable[File]) -> int:
    """Write files below ``folder``, each whole or not at all; returns how many.

    A file that holds the same already is left untouched, so that what watches the
    folder (backup, synchronisation) sees only what changed.
    """
    used: dict[str, str] = {}
    count = 0
    for parts, content in files:
        write_file(folder.joinpath(*distinct(parts, used)), content)
        count += 1
    return count


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that holds the same is left untouched."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
        draft.write(content)
    try:
        Path(draft.name).chmod(0o644)
        Path(draft.name).replace(path)
    except OSError:
        Path(draft.name).unlink(missing_ok=True)
        raise
