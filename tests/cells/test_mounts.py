"""Whether a folder is on a disk of this machine is known before it is touched."""

import os

import pytest

from cells.mounts import is_on_own_disk

MOUNTS = [
    ("/", "ext4"),
    ("/mnt/nas", "nfs4"),
    ("/mnt/nas/fast", "xfs"),
    ("/media/stick", "fuseblk"),
    ("/data", "ext4"),
    ("/data", "cifs"),
]


@pytest.mark.parametrize(
    ("folder", "own"),
    [
        ("/srv/cyclers", True),
        ("/mnt", True),
        ("/mnt/nas", False),
        ("/mnt/nas/rack 1", False),
        ("/mnt/nas2", True),
        ("/mnt/nas/fast/a", False),  # the way there leads over the share
        ("/media/stick", False),
        ("/data/a", False),
    ],
)
def test_the_innermost_and_last_mount_decides(folder, own):
    assert is_on_own_disk(folder, MOUNTS) is own


def test_links_are_followed_as_far_as_this_machine_goes(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "inside").symlink_to("here")
    (tmp_path / "outside").symlink_to("/mnt/nas/rack")
    (tmp_path / "again").symlink_to(tmp_path / "outside")
    (tmp_path / "loop").symlink_to("loop")

    assert is_on_own_disk(str(tmp_path / "inside" / "a"), MOUNTS)
    assert not is_on_own_disk(str(tmp_path / "outside" / "a"), MOUNTS)
    assert not is_on_own_disk(str(tmp_path / "again"), MOUNTS)
    assert not is_on_own_disk(str(tmp_path / "loop"), MOUNTS)


def test_what_lies_on_a_share_is_never_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "readlink", lambda place: asked.append(place) or _no_link())

    is_on_own_disk("/mnt/nas/rack/a", MOUNTS)

    assert asked == ["/mnt"]


def _no_link():
    raise OSError


def test_a_machine_that_lists_no_mounts_counts_as_one_with_shares():
    assert not is_on_own_disk("/srv", [])


def test_the_folder_of_this_test_has_an_answer(tmp_path):
    assert is_on_own_disk(str(tmp_path)) in {True, False}
