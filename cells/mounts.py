"""Which folders lie on this machine's own disks, found without touching the others.

A call into a share that hangs never returns, so it must be known before the first one.
The kernel's list of mounts tells; it is read without asking any file system.
"""

import os
from collections.abc import Sequence
from pathlib import Path

# File systems whose disk is in this machine, or its memory. Any other may go away.
OWN_DISKS = frozenset({
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs",
    "overlay", "aufs", "tmpfs", "ramfs", "squashfs", "erofs", "vfat", "exfat", "ntfs3", "iso9660",
})  # fmt: skip
MOUNTS = Path("/proc/self/mountinfo")
MOST_LINKS = 40
Mount = tuple[str, str]  # where, and the type of its file system


def is_on_own_disk(folder: str, mounts: Sequence[Mount] | None = None) -> bool:
    """Whether a folder, its links followed, lies on a disk of this machine.

    False where that can not be told. ``mounts`` are those of this process by default.
    """
    mounts = _read_mounts() if mounts is None else mounts
    waiting = list(reversed(Path(folder).parts[1:]))
    place, links = Path(folder).anchor, 0
    while _is_own(place, mounts):
        if not waiting:
            return True
        place = str(Path(place, waiting.pop()))
        # Asked only for what its mount says is here: a share is never touched.
        if _is_own(place, mounts) and (target := _link(place)) is not None:
            links += 1
            if links > MOST_LINKS:
                return False
            whole = Path(os.path.normpath(Path(place).parent / target))
            waiting += reversed(whole.parts[1:])
            place = whole.anchor
    return False


def _link(place: str) -> str | None:
    try:
        return os.readlink(place)  # noqa: PTH115 - as it is written, not resolved
    except OSError:
        return None


def _is_own(place: str, mounts: Sequence[Mount]) -> bool:
    """By the innermost mount above; of several on one place the last one counts."""
    found = max(
        (
            (len(where), number, kind)
            for number, (where, kind) in enumerate(mounts)
            if where == "/" or place == where or place.startswith(f"{where}/")
        ),
        default=(0, 0, ""),
    )
    return found[2] in OWN_DISKS


def _read_mounts() -> list[Mount]:
    """Place and type of every mount; none where the system keeps no such list."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    mounts = []
    for line in lines:
        fields, _, rest = line.partition(" - ")
        place = fields.split(" ")[4]
        for code, mark in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            place = place.replace(code, mark)
        mounts.append((place, rest.split(" ")[0]))
    return mounts
