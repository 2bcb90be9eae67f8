"""Shared fixtures: the cast of people, and the real files beside the project."""

import os
from pathlib import Path

import pytest

REAL_DATA = Path(
    os.environ.get("BATTERY_DB_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real instrument files; tests that need it skip where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real files are absent: {REAL_DATA}")
    return REAL_DATA
