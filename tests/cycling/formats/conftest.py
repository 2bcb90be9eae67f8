"""Writing and reading a small file in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cycling import formats
from cycling.formats import Format, ReadContext, Reading


@pytest.fixture
def read_bytes(tmp_path: Path) -> Callable[..., tuple[Format, Reading]]:
    """``read_bytes(content, name="x.txt", time_zone="UTC")`` -> format and reading."""

    def read(
        content: bytes | str, name: str = "file.txt", **context: object
    ) -> tuple[Format, Reading]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return formats.read(path, ReadContext(**context))

    return read


@pytest.fixture
def codes() -> Callable[[Reading], list[str]]:
    return lambda reading: [finding.code for finding in reading.findings]
