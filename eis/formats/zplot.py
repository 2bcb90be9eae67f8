"""Scribner ZPlot/ZView: .z text, and the ``Z60W`` files that Autolab's NOVA writes for it.

Both hold the columns Freq, Ampl, Bias, Time, Z'(a), Z''(b); the imaginary part has its sign.
"""

import re
from pathlib import Path

import numpy as np

from battery_db.lib.encodings import decode_head
from battery_db.lib.errors import UnreadableFile
from eis.formats.base import Format, Reading
from eis.formats.sweeps import Table, reading_of
from eis.formats.tables import blocks_of, read_lines

PLACES = {"frequency": 0, "time": 3, "real": 4, "imaginary": 5}


def sniff_z(head: bytes, name: str) -> bool:
    return decode_head(head[:64]).startswith("ZPLOT")


def sniff_z60(head: bytes, name: str) -> bool:
    return decode_head(head[:64]).startswith('"Z60W Data File')


def read(path: Path) -> Reading:
    lines = read_lines(path)
    metadata = {
        found[1]: found[2]
        for line in lines[:30]
        if (
            found := re.fullmatch(r"\s*(Date|Time|Open Circuit Potential \(V\)):\s+(.*\S)\s*", line)
        )
    }
    ends = [place for place, line in enumerate(lines) if line.startswith("End Comments")]
    wide = [b for b in blocks_of(lines[ends[0] :] if ends else lines) if b.values.shape[1] >= 6]
    if not wide:
        raise UnreadableFile(
            "The file has no lines with the six columns that ZPlot writes.",
            fix="Copy it again, or export it as text with frequency, Z' and Z''.",
        )
    columns = {
        role: np.concatenate([block.values[:, place] for block in wide])
        for role, place in PLACES.items()
    }
    blocks = np.repeat(np.arange(len(wide)), [len(block.values) for block in wide])
    return reading_of(Table(columns, blocks=blocks, is_certain=True), path.stem, metadata)


FORMATS = (
    Format("zplot", 1, "ZPlot .z", (".z",), sniff_z, read),
    Format("autolab_z60w", 1, "Autolab NOVA, ZView export", (".txt", ".z60"), sniff_z60, read),
)
