"""Walking a folder, and telling what is new, growing or gone."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battery_db.lib.names import to_text
from cells.disk import OwnDisk
from cells.scanning import (
    Entry,
    FileChanged,
    FolderUnavailable,
    Known,
    Obstacle,
    absolute,
    diff,
    hash_file,
    walk,
)

S = 1_000_000_000  # ns


def paths(root):
    return sorted(item.path for item in walk(OwnDisk(str(root)).list) if isinstance(item, Entry))


def test_files_are_found_at_every_depth(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one.txt").write_bytes(b"1")
    (tmp_path / "a" / "b" / "two.txt").write_bytes(b"22")

    assert paths(tmp_path) == ["a/b/two.txt", "one.txt"]


def test_hidden_temporary_and_system_files_are_left_out(tmp_path):
    for name in (".hidden", "~$book.xlsx", "data.txt.part", "x.tmp", "Thumbs.db", "y~"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_bytes(b"x")

    assert paths(tmp_path) == []


def test_a_loop_of_links_ends(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    (tmp_path / "a" / "one.txt").write_bytes(b"1")

    assert paths(tmp_path) == ["a/one.txt"]


def test_links_that_leave_the_root_are_not_followed(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.txt").write_bytes(b"x")
    (root / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (root / "own.txt").write_bytes(b"x")
    (root / "link.txt").symlink_to(root / "own.txt")

    assert paths(root) == ["link.txt", "own.txt"]


def test_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")

    assert paths(tmp_path) == []
    with pytest.raises(FileChanged):
        hash_file(str(tmp_path / "pipe.txt"), 0, 0)


def test_names_of_any_bytes_are_found_and_opened_again(tmp_path):
    for raw in ("Zelle_🔋\n1.txt".encode(), b"caf\xe9.txt", b"back\\slash.txt"):
        (tmp_path / os.fsdecode(raw)).write_bytes(raw)

    for item in walk(OwnDisk(str(tmp_path)).list):
        digest = hash_file(absolute(str(tmp_path), item.path), item.size, item.mtime_ns)
        raw = os.fsencode(absolute(str(tmp_path), item.path)).rpartition(b"/")[2]

        assert digest == hashlib.sha256(raw).hexdigest()
        assert item.name == to_text(raw)


@pytest.mark.parametrize("root", ["/nowhere/at/all", "relative/path"])
def test_a_root_that_does_not_exist_is_said_with_a_way_out(root):
    with pytest.raises(FolderUnavailable) as caught:
        list(walk(OwnDisk(root).list))

    assert root in caught.value.message
    assert caught.value.fix


def test_a_root_that_may_not_be_read_is_said_with_a_way_out(tmp_path, forbid):
    forbid(tmp_path)

    with pytest.raises(FolderUnavailable, match="may not read"):
        list(walk(OwnDisk(str(tmp_path)).list))


def test_a_folder_that_may_not_be_read_does_not_stop_the_walk(tmp_path, forbid):
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "one.txt").write_bytes(b"1")
    forbid(tmp_path / "closed")

    found = list(walk(OwnDisk(str(tmp_path)).list))

    assert Obstacle("closed", "Permission denied") in found
    assert paths(tmp_path) == ["open/one.txt"]


def test_a_file_that_grows_while_it_is_read_has_no_hash(tmp_path, monkeypatch):
    path = tmp_path / "one.txt"
    path.write_bytes(b"1" * 10)
    found = path.stat()
    digest = hashlib.sha256

    def sha256():
        path.write_bytes(b"1" * 20)
        return digest()

    monkeypatch.setattr("cells.scanning.hashlib.sha256", sha256)

    with pytest.raises(FileChanged):
        hash_file(str(path), found.st_size, found.st_mtime_ns)


def known(**changes):
    values = {"id": 1, "size": 5, "mtime_ns": 100 * S, "state": "stable", "has_content": True}
    return Known(**{**values, "changed_ns": 100 * S, **changes})


FILE = Entry("a.txt", "a.txt", 5, 100 * S)


def test_a_new_file_waits_until_it_has_settled():
    early = diff({}, [FILE], 130 * S, 60)
    late = diff({}, [FILE], 160 * S, 60)

    assert (early.new, early.growing, early.to_read) == ([FILE], 1, [])
    assert (late.new, late.growing, late.to_read) == ([FILE], 0, ["a.txt"])


def test_an_unchanged_file_is_never_read_again():
    result = diff({"a.txt": known()}, [FILE], 1000 * S, 60)

    assert (result.new, result.changed, result.to_read, result.growing) == ([], [], [], 0)


@pytest.mark.parametrize("change", [{"size": 4}, {"mtime_ns": 99 * S}])
def test_another_size_or_time_is_a_change(change):
    result = diff({"a.txt": known(**change)}, [FILE], 1000 * S, 60)

    assert len(result.changed) == 1
    assert result.to_read == ["a.txt"]


def test_a_file_that_returns_unchanged_is_not_read_again():
    result = diff({"a.txt": known(state="missing")}, [FILE], 1000 * S, 60)

    assert len(result.returned) == 1
    assert result.to_read == []


def test_a_file_from_a_clock_that_runs_ahead_settles_by_our_clock():
    future = Entry("a.txt", "a.txt", 5, 10_000 * S)
    before = known(mtime_ns=10_000 * S, has_content=False, changed_ns=100 * S, state="growing")

    assert diff({}, [future], 130 * S, 60).growing == 1
    assert diff({"a.txt": before}, [future], 170 * S, 60).to_read == ["a.txt"]


def test_an_unreadable_file_is_tried_again():
    before = known(state="unreadable", has_content=False)

    assert diff({"a.txt": before}, [FILE], 1000 * S, 60).to_read == ["a.txt"]


@given(st.integers(0, 300), st.integers(0, 300), st.booleans())
def test_a_file_is_read_or_growing_but_never_both(mtime, now, is_known):
    entry = Entry("a.txt", "a.txt", 5, mtime * S)
    result = diff({"a.txt": known()} if is_known else {}, [entry], now * S, 60)

    assert len(result.to_read) + result.growing == int(not (is_known and mtime == 100))
