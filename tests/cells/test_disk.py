"""A disk that is asked through a child gives what it gives directly, or says that it is silent."""

import os
import signal
import time

import pytest

from cells.disk import GuardedDisk, OwnDisk, open_disk
from cells.scanning import Entry, FileChanged, FolderUnavailable, Obstacle, walk


@pytest.fixture
def share(tmp_path):
    (tmp_path / "share").mkdir()
    return tmp_path / "share"


@pytest.fixture
def guarded(share):
    with open_disk(str(share), 20) as disk:
        assert isinstance(disk, GuardedDisk)
        yield disk


def test_a_guarded_disk_lists_what_the_disk_holds(share, guarded):
    (share / "sub").mkdir()
    for number in range(1200):
        (share / "sub" / f"{number}.txt").write_bytes(b"x")
    for raw in ("Zelle_🔋\n1.txt".encode(), b"caf\xe9.txt", b"back\\slash.txt"):
        (share / os.fsdecode(raw)).write_bytes(raw)

    found = set(walk(guarded.list))

    assert len(found) == 1203
    assert found == set(walk(OwnDisk(str(share)).list))


def test_a_guarded_disk_reads_files_and_says_why_not(share, guarded):
    path = share / "large.bin"
    path.write_bytes(os.urandom(40 * 1024 * 1024))
    (entry,) = (item for item in walk(guarded.list) if isinstance(item, Entry))
    own = OwnDisk(str(share))

    assert guarded.hash(entry.path, entry.size, entry.mtime_ns) == own.hash(
        entry.path, entry.size, entry.mtime_ns
    )
    with pytest.raises(FileChanged):
        guarded.hash(entry.path, entry.size - 1, entry.mtime_ns)
    with pytest.raises(FileNotFoundError):
        guarded.hash("gone.txt", 1, 1)


def test_a_root_that_is_not_there_is_said_as_from_the_disk_itself(share):
    with (
        open_disk(str(share / "gone"), 20) as disk,
        pytest.raises(FolderUnavailable, match="does not exist") as caught,
    ):
        list(disk.list(""))

    assert "Mount the share" in caught.value.fix


def test_silence_is_noticed_and_the_next_request_is_answered(share):
    (share / "one.txt").write_bytes(b"1")
    with open_disk(str(share), 20) as disk:
        assert len(list(disk.list(""))) == 1
        os.kill(disk._child.pid, signal.SIGSTOP)
        disk.seconds = 0.3
        began = time.monotonic()

        (silent,) = disk.list("")

        assert time.monotonic() - began < 10
        assert silent == Obstacle("", "no answer within 0.3 s", is_silence=True)
        disk.seconds = 20
        assert len(list(disk.list(""))) == 1


def test_a_child_that_dies_is_no_answer_either(share):
    (share / "one.txt").write_bytes(b"1")
    with open_disk(str(share), 20) as disk:
        list(disk.list(""))
        os.kill(disk._child.pid, signal.SIGKILL)

        with pytest.raises(TimeoutError):
            disk.hash("one.txt", 1, 1)
