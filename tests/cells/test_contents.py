"""A share that falls silent while a file is imported holds no worker."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cells import disk
from cells.jobs import contents
from cells.models import Folder, RawFile
from cells.scanning import FileChanged

SILENT = Path(__file__).parent / "hanging_disk.py"
pytestmark = pytest.mark.django_db


@pytest.fixture
def on_a_share(monkeypatch, settings):
    monkeypatch.setattr(contents, "is_on_own_disk", lambda folder: False)
    settings.FILE_SCAN_TIMEOUT_SECONDS = 20


@pytest.fixture
def make_file(tmp_path):
    def make(path: str, content: bytes) -> RawFile:
        target = tmp_path / "share" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        found = target.stat()
        folder, _ = Folder.objects.get_or_create(path=str(tmp_path / "share"), name="Share")
        return RawFile.objects.create(
            folder=folder,
            path=path,
            name=target.name,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            modified_at=datetime.now(UTC),
            changed_at=datetime.now(UTC),
        )

    return make


def test_a_file_on_an_own_disk_is_read_where_it_lies(make_file, monkeypatch):
    monkeypatch.setattr(contents, "is_on_own_disk", lambda folder: True)
    file = make_file("a.csv", b"1,2\n")

    with contents.content_of(file) as path:
        assert str(path) == f"{file.folder.path}/a.csv"


def test_a_file_on_a_share_is_copied_with_its_name_and_the_copy_goes(make_file, on_a_share):
    content = os.urandom(20 * 1024 * 1024)
    file = make_file("rack/a.ndax", content)

    with contents.content_of(file) as path:
        assert path.name == "a.ndax"
        assert str(file.folder.path) not in str(path)
        assert path.read_bytes() == content

    assert not path.exists()


def test_a_changed_or_missing_file_on_a_share_is_noticed(make_file, on_a_share):
    file = make_file("a.csv", b"1,2\n")
    os.utime(f"{file.folder.path}/a.csv", (1.7e9, 1.7e9))
    with pytest.raises(FileChanged), contents.content_of(file):
        pass

    Path(file.folder.path, "a.csv").unlink()
    with pytest.raises(FileNotFoundError), contents.content_of(file):
        pass


def test_a_file_that_changes_while_it_is_read_is_noticed(make_file, monkeypatch):
    monkeypatch.setattr(contents, "is_on_own_disk", lambda folder: True)
    file = make_file("a.csv", b"1,2\n")

    with pytest.raises(FileChanged), contents.content_of(file) as path:
        path.write_bytes(b"1,2\n3,4\n")


def test_a_share_that_falls_silent_ends_the_reading_in_time(
    make_file, on_a_share, monkeypatch, settings
):
    monkeypatch.setattr(disk, "CHILD", (sys.executable, str(SILENT)))
    settings.FILE_SCAN_TIMEOUT_SECONDS = 0.5
    file = make_file("hangs/a.csv", b"1,2\n")
    began = time.monotonic()

    with pytest.raises(TimeoutError, match="no answer within"), contents.content_of(file):
        pass

    assert time.monotonic() - began < 60
