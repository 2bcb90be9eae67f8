"""Fixtures of the registry's tests."""

import os

import pytest


@pytest.fixture
def forbid(monkeypatch):
    """``forbid(path)``: listing it is refused, as to an account without the right.

    Permission bits will not do: the suite may run as root, who may read everything.
    """
    closed = set()
    scandir = os.scandir

    def guarded(path="."):
        if str(path) in closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("cells.scanning.os.scandir", guarded)
    return lambda path: closed.add(str(path))


@pytest.fixture
def folder(tmp_path, db, settings):
    """A watched folder, asked from the test's own process, where reading can be watched."""
    from cells.models import Folder

    root = tmp_path / "cyclers"
    root.mkdir()
    settings.FILE_SCAN_TIMEOUT_SECONDS = 0
    return Folder.objects.create(name="cyclers", path=str(root))


@pytest.fixture
def found(folder):
    """``found(name, content)``: a settled file of that name, scanned and identified."""
    import time
    from pathlib import Path

    from cells.jobs import files as jobs
    from cells.models import RawFile

    def scan(name, content=None):
        path = Path(folder.path) / name
        path.write_bytes(name.encode() if content is None else content)
        then = time.time() - 3600
        os.utime(path, (then, then))
        jobs.scan_folder(folder.pk)
        jobs.identify_files()
        return RawFile.objects.get(folder=folder, name=name)

    return scan
