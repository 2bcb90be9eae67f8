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
