"""The reference of formats names every impedance format and every finding."""

import re
from pathlib import Path

from eis import formats

DOCS = Path(__file__).parents[3] / "docs" / "formats.md"


def test_every_format_is_documented():
    text = DOCS.read_text()

    assert [f.name for f in formats.FORMATS if f"`{f.name}`" not in text] == []


def test_every_finding_is_documented():
    sources = Path(formats.__file__).parent.glob("*.py")
    codes = {
        code
        for source in sources
        for code in re.findall(r'Finding\(\s*"([a-z_]+)"', source.read_text())
    }

    assert len(codes) > 5
    assert codes <= set(re.findall(r"`([a-z_]+)`", DOCS.read_text()))
