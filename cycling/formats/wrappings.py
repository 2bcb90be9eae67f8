"""One file in a wrapping: a zip archive with a single member, or gzip."""

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from battery_db.lib.errors import UnreadableFile

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
LARGEST = 4 * 1024**3
BLOCK = 1024 * 1024
DAMAGED = "Copy it again, or unpack it yourself."
# Formats that are archives themselves.
OWN = (".ndc", "[Content_Types].xml")
OWN_ENDINGS = (".ndax", ".xlsx", ".xlsm")


@contextmanager
def unwrapped(path: Path, head: bytes) -> Iterator[Path]:
    """``path``, or the one file in it, in a folder that is gone afterwards."""
    name = _member(path) if head.startswith(ZIP) else None
    if name is None and not head.startswith(GZIP):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            inner = _unpacked(path, name, Path(folder))
        except (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, RuntimeError) as error:
            raise UnreadableFile(
                f"The archive can not be unpacked: {error}.", fix=DAMAGED
            ) from error
        yield inner


def _member(path: Path) -> str | None:
    """The only file of an archive; None for archives that are a format of their own."""
    if path.suffix.lower() in OWN_ENDINGS:
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = [m.filename for m in archive.infolist() if not m.is_dir()]
    except Exception:  # noqa: BLE001 - damaged archives are for the readers, which save what they can
        return None
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1 or names[0].endswith(OWN):
        return None
    return names[0]


def _unpacked(path: Path, name: str | None, folder: Path) -> Path:
    inner = PurePosixPath((name or path.stem).replace("\\", "/")).name or "file"
    target = folder / inner[-200:]
    if name is None:
        with gzip.open(path, "rb") as packed:
            _copy(packed, target)
    else:
        with zipfile.ZipFile(path) as archive, archive.open(name) as packed:
            _copy(packed, target)
    return target


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path) -> None:
    with target.open("wb") as out:
        for _ in range(LARGEST // BLOCK):
            block = packed.read(BLOCK)
            if not block:
                return
            out.write(block)
        if packed.read(1):
            raise UnreadableFile(
                f"The archive would unpack to more than {LARGEST / 1e9:.1f} GB.",
                fix="Check where the file comes from.",
            )
