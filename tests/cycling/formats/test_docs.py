"""The reference of formats names every format and every finding."""

import re
from pathlib import Path

from cycling import formats
from cycling.formats.bookmarks import LAYOUTS

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


def test_every_format_that_is_read_on_is_documented():
    section = DOCS.read_text().partition("## Files that grow")[2].partition("\n## ")[0]
    row = next(line for line in section.splitlines() if "neware_flat_text" in line)
    read_on, whole = row.strip("| ").split(" | ")

    assert set(re.findall(r"`([a-z_]+)`", read_on)) == set(LAYOUTS)
    assert not set(re.findall(r"`([a-z_]+)`", whole)) & set(LAYOUTS)
    assert set(LAYOUTS) <= {format_.name for format_ in formats.FORMATS}
