"""What lies under a folder, and how that differs from what is known.

Plain files only: hidden and temporary ones are left out, links are followed when
they end at a file under the same root, and folders are entered once, so no loop
of links can trap a scan. The root is only ever read.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import PathSpec, Pattern

from battery_db.lib.errors import LabError
from battery_db.lib.names import to_path, to_text

HASH_CHUNK = 1024 * 1024  # bytes
CHUNKS_PER_SIGN = 16
PATIENCE = 3  # folders without an answer, after which a root counts as hanging
TEMPORARY_SUFFIXES = (
    ".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", ".lock", "~",
)  # fmt: skip
TEMPORARY_PREFIXES = (".", "~$")
SYSTEM_NAMES = frozenset({
    "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information",
})  # fmt: skip


class FolderUnavailable(LabError):
    """A watched folder is not there, or may not be read."""


class FileChanged(Exception):
    """A file changed while its content was being read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as the disk shows it. ``path`` is relative, in the text form of ``lib.names``."""

    path: str
    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A path below the root that could not be looked at, and why.

    ``is_silence``: the disk gave no answer, as a network share that hangs.
    """

    path: str
    reason: str
    is_silence: bool = False


@dataclass(frozen=True, slots=True)
class Subfolder:
    """A folder below the root, still to be looked into."""

    path: str


Patterns = PathSpec[Pattern]
Lister = Callable[[str], Iterable[Entry | Subfolder | Obstacle]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files of a root are of interest, by patterns as in ``.gitignore``.

    Paths are relative to the root. No ``include`` means every file; ``exclude`` wins.
    A folder that is excluded is not entered.
    """

    include: Patterns | None = None
    exclude: Patterns | None = None

    @classmethod
    def by(cls, include: str, exclude: str) -> "Wanted":
        """From text with a pattern per line; LabError names a line that is no pattern."""
        return cls(_read_patterns(include), _read_patterns(exclude))

    def folder(self, path: str) -> bool:
        return self.exclude is None or not self.exclude.match_file(f"{path}/")

    def file(self, path: str) -> bool:
        if self.exclude is not None and self.exclude.match_file(path):
            return False
        return self.include is None or self.include.match_file(path)


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Known:
    """A file as the last scan left it. ``changed_ns`` is when a scan last saw a change."""

    id: int
    size: int
    mtime_ns: int
    state: str
    has_content: bool
    changed_ns: int


@dataclass(slots=True)
class Difference:
    """One batch of entries, sorted. ``to_read`` are settled files whose content is not known."""

    new: list[Entry] = field(default_factory=list)
    changed: list[tuple[Known, Entry]] = field(default_factory=list)
    returned: list[tuple[Known, Entry]] = field(default_factory=list)
    growing: int = 0
    to_read: list[str] = field(default_factory=list)


def walk(
    list_one: Lister, wanted: Wanted = EVERYTHING, patience: int = PATIENCE
) -> Iterator[Entry | Obstacle]:
    """Every wanted file, folder by folder; memory does not grow with their number.

    ``list_one`` lists one folder, given by its path below the root ("" is the root).
    FolderUnavailable when the root itself can not be listed; trouble further down is
    yielded as an Obstacle, and the walk goes on, unless ``patience`` folders gave no answer.
    """
    waiting = [""]
    unanswered = 0
    while waiting:
        for item in list_one(waiting.pop()):
            if isinstance(item, Subfolder):
                if wanted.folder(item.path):
                    waiting.append(item.path)
            elif isinstance(item, Obstacle) or wanted.file(item.path):
                yield item
            if isinstance(item, Obstacle) and item.is_silence:
                unanswered += 1
                if unanswered >= patience:
                    raise FolderUnavailable(
                        f"{unanswered} places below this folder gave no answer; "
                        f"the last is {item.path or 'the folder itself'}.",
                        fix="Check the share and the network; the next scan tries again.",
                    )


def list_folder(root: str, path: str = "") -> Iterator[Entry | Subfolder | Obstacle]:
    """What lies directly in one folder; ``path`` is relative, in text form.

    FolderUnavailable when it is the root and can not be listed.
    """
    real_root = os.path.realpath(root)
    listing = _list_folder(absolute(root, path), path) if path else _list_root(root)
    for item in listing:
        if isinstance(item, Obstacle):
            yield item
        elif _is_skipped(item.name):
            continue
        elif _is_folder(item):
            yield Subfolder(_relative(item.path, root))
        elif (found := _look_at(item, root, real_root)) is not None:
            yield found


class IdSet:
    """A set of row ids, one bit each: three hundred thousand fit into some kilobytes."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def update(self, ids: Iterable[int]) -> None:
        for number in ids:
            place, bit = number >> 3, 1 << (number & 7)
            if place >= len(self._bits):
                self._bits.extend(bytes(place - len(self._bits) + 1))
            self._count += not self._bits[place] & bit
            self._bits[place] |= bit

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] & 1 << (number & 7))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        for place, byte in enumerate(self._bits):
            for bit in range(8) if byte else ():
                if byte & 1 << bit:
                    yield (place << 3) + bit


def diff(
    known: Mapping[str, Known], found: Iterable[Entry], now_ns: int, settle_seconds: float
) -> Difference:
    """Sort what was found by what is known of it.

    A file has settled when its own clock, or ours since a scan last saw it change,
    says that ``settle_seconds`` have passed: clocks of network shares may run ahead.
    """
    settle_ns = int(settle_seconds * 1e9)
    result = Difference()
    for entry in found:
        before = known.get(entry.path)
        same = before is not None and _same(before, entry)
        if before is None:
            result.new.append(entry)
        elif before.state == "missing":
            result.returned.append((before, entry))
        elif not same:
            result.changed.append((before, entry))
        if before is not None and same and before.has_content:
            continue
        quiet_since = entry.mtime_ns
        if before is not None and same:
            quiet_since = min(quiet_since, before.changed_ns)
        if now_ns - quiet_since >= settle_ns:
            result.to_read.append(entry.path)
        else:
            result.growing += 1
    return result


def hash_file(path: str, size: int, mtime_ns: int, sign: Callable[[], None] = lambda: None) -> str:
    """SHA-256 of a file that is expected to be as a scan saw it.

    FileChanged when it is not, before or after the reading; OSError when it can not
    be read. ``sign`` is called now and then, as large files take a while.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(path, size, mtime_ns, sign):
        digest.update(chunk)
    return digest.hexdigest()


def copy_file(
    path: str, size: int, mtime_ns: int, target: str, sign: Callable[[], None] = lambda: None
) -> None:
    """Copy a file that is expected to be as a scan saw it; see ``hash_file``."""
    with open(target, "wb") as copy:  # noqa: PTH123 - as the paths beside it, a text
        for chunk in _chunks(path, size, mtime_ns, sign):
            copy.write(chunk)


def _chunks(path: str, size: int, mtime_ns: int, sign: Callable[[], None]) -> Iterator[bytes]:
    # Not to wait for a writer should the path have become a named pipe meanwhile.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 - an open descriptor
        expect(os.fstat(handle), size, mtime_ns)
        chunks = 0
        while chunk := file.read(HASH_CHUNK):
            yield chunk
            chunks += 1
            if chunks % CHUNKS_PER_SIGN == 0:
                sign()
        expect(os.fstat(handle), size, mtime_ns)


def absolute(root: str, path: str) -> str:
    """The path on disk of a file whose relative path is given in text form."""
    return str(Path(root) / to_path(path))


def is_below(path: str, folders: Iterable[str]) -> bool:
    """Whether ``path`` (text form) lies in one of ``folders`` or is one of them."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def describe(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _read_patterns(text: str) -> Patterns | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        try:
            PathSpec.from_lines("gitignore", [line])
        except ValueError as error:
            raise LabError(
                f"{line!r} is not a pattern: {error}.",
                fix="Write one pattern per line, such as *.ndax or /old/ or backup/**/*.csv.",
            ) from None
    return PathSpec.from_lines("gitignore", lines) if lines else None


def expect(found: os.stat_result, size: int, mtime_ns: int) -> None:
    """FileChanged unless this is a plain file as a scan saw it."""
    same = (found.st_size, _storable(found.st_mtime_ns)) == (size, mtime_ns)
    if not (same and stat.S_ISREG(found.st_mode)):
        raise FileChanged


def _storable(mtime_ns: int) -> int:
    """File systems may hold times that 64 bits of nanoseconds (the year 2262) do not."""
    return max(-(2**63), min(mtime_ns, 2**63 - 1))


def _same(before: Known, entry: Entry) -> bool:
    return (before.size, before.mtime_ns) == (entry.size, entry.mtime_ns)


def _list_root(root: str) -> Iterator["os.DirEntry[str] | Obstacle"]:
    if not Path(root).is_absolute():
        raise FolderUnavailable(
            f"The folder {to_text(root)!r} is not an absolute path.",
            fix="Give the full path on the server, beginning with '/'.",
        )
    try:
        listing = os.scandir(root)
    except FileNotFoundError:
        raise FolderUnavailable(
            f"The folder {to_text(root)} does not exist on the server.",
            fix="Mount the share, or correct the path on the Folders page.",
        ) from None
    except PermissionError:
        raise FolderUnavailable(
            f"The server may not read the folder {to_text(root)}.",
            fix="Give the account that runs battery_db the right to read it.",
        ) from None
    except OSError as error:
        raise FolderUnavailable(
            f"The folder {to_text(root)} can not be read: {describe(error)}.",
            fix="Check that it is a folder and that its drive or share is reachable.",
        ) from None
    return _entries(listing, "")


def _list_folder(path: str, relative: str) -> Iterator["os.DirEntry[str] | Obstacle"]:
    try:
        listing = os.scandir(path)
    except OSError as error:
        return iter([Obstacle(relative, describe(error))])
    return _entries(listing, relative)


def _entries(
    listing: "os._ScandirIterator[str]", relative: str
) -> Iterator["os.DirEntry[str] | Obstacle"]:
    """The entries of one folder; a share that fails midway gives an Obstacle."""
    with listing:
        try:
            yield from listing
        except OSError as error:
            yield Obstacle(relative, describe(error))


def _is_skipped(name: str) -> bool:
    lower = name.lower()
    return (
        lower.startswith(TEMPORARY_PREFIXES)
        or lower.endswith(TEMPORARY_SUFFIXES)
        or lower in SYSTEM_NAMES
    )


def _is_folder(item: "os.DirEntry[str]") -> bool:
    """Linked folders are not entered: inside the root they are met anyway."""
    try:
        return item.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _look_at(item: "os.DirEntry[str]", root: str, real_root: str) -> Entry | Obstacle | None:
    path = _relative(item.path, root)
    try:
        if item.is_symlink() and not _ends_below(item.path, real_root):
            return None
        found = item.stat()
    except FileNotFoundError:
        return None  # it vanished between the listing and now
    except OSError as error:
        return Obstacle(path, describe(error))
    if not stat.S_ISREG(found.st_mode):
        return None
    return Entry(path, to_text(item.name), found.st_size, _storable(found.st_mtime_ns))


def _ends_below(path: str, real_root: str) -> bool:
    return os.path.realpath(path).startswith(real_root.rstrip(os.sep) + os.sep)


def _relative(path: str, root: str) -> str:
    """Text form of what follows the root; several times cheaper than os.path.relpath."""
    return to_text(path[len(os.path.join(root, "")) :]).replace(os.sep, "/")  # noqa: PTH118
