"""Neware archives that are no sound archives, made without an instrument."""

import zipfile

import pytest

from battery_db.lib.errors import UnreadableFile
from cycling.formats import neware_binary, read
from cycling.formats.zip_recovery import leading_members


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return path


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(neware_binary, "LARGEST_UNPACKED", 1_000_000)
    path = archive(tmp_path / "bomb.ndax", {"data.ndc": b"\0" * 2_000_000})

    with pytest.raises(UnreadableFile, match="would unpack to"):
        read(path)


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(neware_binary, "MOST_MEMBERS", 10)
    path = archive(tmp_path / "many.ndax", {f"{i}.ndc": b"x" for i in range(11)})

    with pytest.raises(UnreadableFile, match="in 11 files"):
        read(path)


def test_an_archive_without_records_names_what_it_holds(tmp_path):
    path = archive(tmp_path / "odd.ndax", {"Step.xml": b"<x/>"})

    with pytest.raises(UnreadableFile, match=r"no data\.ndc; found: Step\.xml"):
        read(path)


def test_an_unknown_table_version_is_named(tmp_path):
    path = archive(tmp_path / "new.ndax", {"data.ndc": b"\x01\x00\xc8" + b"\0" * 9000})

    with pytest.raises(UnreadableFile, match="version 200"):
        read(path)


def test_garbage_behind_the_zip_signature_says_that_nothing_was_found(tmp_path):
    path = tmp_path / "garbage.ndax"
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 4)

    with pytest.raises(UnreadableFile, match="damaged or was cut off"):
        read(path)


def test_garbage_behind_the_neware_signature_is_unreadable(tmp_path):
    path = tmp_path / "garbage.nda"
    path.write_bytes(b"NEWARE" + bytes(range(256)) * 4)

    with pytest.raises(UnreadableFile):
        read(path)


def test_a_workbook_is_not_taken_for_an_ndax(tmp_path):
    path = archive(tmp_path / "book.xlsx", {"xl/workbook.xml": b"<x/>"})

    with pytest.raises(UnreadableFile, match="workbook can not be opened"):
        read(path)


def test_members_in_front_of_a_cut_are_recovered_up_to_the_limit(tmp_path):
    content = {"a": b"one " * 1000, "b": bytes(range(256)) * 40}
    data = archive(tmp_path / "x.zip", content).read_bytes()

    whole = leading_members(data[: data.index(b"PK\x01\x02")], 10**6)
    bounded = leading_members(data, 100)

    assert whole == content
    assert bounded == {"a": b"one " * 25}


def test_a_recovered_member_with_a_wrong_checksum_is_left_out(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as written:
        written.writestr("a", b"0123456789")
        written.writestr("b", b"sound")
    data = path.read_bytes().replace(b"0123456789", b"0123x56789")

    assert leading_members(data, 1000) == {"b": b"sound"}
