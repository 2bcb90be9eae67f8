"""Files as they are uploaded: one by one, or many in a .zip."""

import io
import zipfile
from collections.abc import Iterable, Iterator

from battery_db.lib.errors import LabError

LARGEST_UNPACKED = 512 * 1024 * 1024


def by_name(files: Iterable[tuple[str, bytes]], most: int) -> dict[str, bytes]:
    """Contents by name without folders, those in a .zip beside the others.

    Raises LabError for two files of one name, for more than ``most``, and for a .zip
    that can not be read.
    """
    found: dict[str, bytes] = {}
    for path, content in _unpacked(files):
        name = _base(path)
        if name in found:
            raise LabError(f"Two files are called {name}.", fix="Give each file a name of its own.")
        if len(found) == most:
            raise LabError(f"More than {most} files were given.", fix=f"Give at most {most}.")
        found[name] = content
    return found


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _unpacked(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for path, content in files:
        if path.lower().endswith(".zip"):
            yield from _members(_base(path), content)
        else:
            yield path, content


def _members(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [info for info in archive.infolist() if _is_wanted(info)]
            if sum(info.file_size for info in members) > LARGEST_UNPACKED:
                raise LabError(
                    f"{name} holds more than {LARGEST_UNPACKED // 2**20} MiB.",
                    fix="Pack spectra only, or in several parts.",
                )
            for info in members:
                yield info.filename, archive.read(info)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise LabError(
            f"{name} can not be unpacked: {error}.", fix="Pack it again, without a password."
        ) from error


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    """Not a folder, and not what macOS and Windows hide beside the files."""
    hidden = _base(info.filename).startswith(".") or info.filename.startswith("__MACOSX/")
    return not (info.is_dir() or hidden or _base(info.filename) == "Thumbs.db")
