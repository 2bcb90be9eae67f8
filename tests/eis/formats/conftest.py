"""Writing and reading a small impedance file in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eis import formats
from eis.formats import Format, Reading


@pytest.fixture
def read_bytes(tmp_path: Path) -> Callable[..., tuple[Format, Reading]]:
    """``read_bytes(content, name="x.txt")`` -> format and reading."""

    def read(content: bytes | str, name: str = "file.txt") -> tuple[Format, Reading]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return formats.read(path)

    return read
