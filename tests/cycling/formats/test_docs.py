"""The reference of formats names every format and every finding."""

import re
from pathlib import Path

from cycling import formats

DOCS = Path(__file__).parents[3] / "docs" / "formats.md"


def test_every_format_is_documented():
    text = DOCS.read_text()

    for format_ in formats.FORMATS:
        assert f"| {format_.title.split(' .')[0]}" in text
        assert f"`{format_.name}`" in text


def test_every_finding_is_documented():
    sources = Path(formats.__file__).parent.glob("*.py")
    codes = {
        code
        for source in sources
        for code in re.findall(r'Finding\(\s*"([a-z_]+)"', source.read_text())
    }

    assert len(codes) > 10
    assert codes <= set(re.findall(r"`([a-z_]+)`", DOCS.read_text()))
