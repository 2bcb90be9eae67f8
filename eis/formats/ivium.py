"""Ivium: .idf, binary headers around text; ``primary_data`` holds Z', Z'' and frequency.

The three lines after ``primary_data`` are the number of columns, the number of points, and
then one line per point. Known from files alone; the vendor publishes no description.
"""

import re
from pathlib import Path

import numpy as np

from battery_db.lib.errors import MissingColumn, UnreadableFile
from eis.formats.base import Format, Reading
from eis.formats.sweeps import Table, reading_of

PRIMARY = re.compile(rb"primary_data\s*\r?\n\s*(\d+)\s*\r?\n\s*(\d+)\s*\r?\n")


def sniff(head: bytes, name: str) -> bool:
    return name.lower().endswith((".idf", ".ids")) or b"primary_data" in head


def read(path: Path) -> Reading:
    data = path.read_bytes()
    said = re.search(rb"Method=([^\r\n]*)", data)
    method = said[1].decode("latin-1").strip() if said else ""
    found = list(PRIMARY.finditer(data))
    if not found:
        raise UnreadableFile("The file has no 'primary_data'.", fix="Copy it again from IviumSoft.")
    if method and "imped" not in method.lower() and "eis" not in method.lower():
        raise MissingColumn(
            f"The file holds the method {method!r}, not impedance.",
            fix="If it is cycling data, correct the kind of experiment on the file's page.",
        )
    parts = [_points(data[mark.end() :], int(mark[1]), int(mark[2])) for mark in found]
    points = np.concatenate(parts)
    columns = {"real": points[:, 0], "imaginary": points[:, 1], "frequency": points[:, 2]}
    blocks = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return reading_of(Table(columns, blocks=blocks, is_certain=True), path.stem, {"method": method})


def _points(text: bytes, width: int, count: int) -> np.ndarray:
    cells = text[: 40 * width * (count + 1)].replace(b",", b".").split()[: width * count]
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise UnreadableFile(
            f"The points of the spectrum can not be read: {error}.", fix="Copy the file again."
        ) from error
    if width < 3 or len(numbers) < width * count:
        raise UnreadableFile(
            f"{count} points of {width} numbers were expected, {len(numbers)} numbers found.",
            fix="The file was cut off; copy it again.",
        )
    return numbers.reshape(count, width)


FORMATS = (Format("ivium_idf", 1, "Ivium .idf", (".idf", ".ids"), sniff, read),)
