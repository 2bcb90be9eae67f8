"""Metrohm Autolab: .dfr of the FRA software (one number per line) and .P00 tables.

A .dfr file says ``VERSION8.0``, the number of points, a one, then nine numbers per point of
which the first three are frequency, Z' and -Z''. Its layout is known from files alone.
"""

from pathlib import Path

import numpy as np

from battery_db.lib.encodings import decode_head
from battery_db.lib.errors import UnreadableFile
from eis.formats.base import Format, Reading
from eis.formats.sweeps import Table, reading_of
from eis.formats.tables import read_lines, table_of

PER_POINT = 9


def sniff_dfr(head: bytes, name: str) -> bool:
    lines = decode_head(head[:400]).split("\n")
    return lines[0].startswith("VERSION") and len(lines) > 2 and lines[1].strip().isdecimal()


def sniff_p00(head: bytes, name: str) -> bool:
    text = decode_head(head[:2000])
    return text.startswith("Procedure") and "Z'/Ohm" in text


def read_dfr(path: Path) -> Reading:
    lines = read_lines(path)
    try:
        count = int(lines[1])
        numbers = np.array([float(line) for line in lines[3 : 3 + PER_POINT * count]])
    except ValueError as error:
        raise UnreadableFile(
            f"A line that should hold a number does not: {error}.", fix="Copy the file again."
        ) from error
    whole = len(numbers) // PER_POINT
    points = numbers[: whole * PER_POINT].reshape(whole, PER_POINT)
    columns = {"frequency": points[:, 0], "real": points[:, 1], "imaginary": -points[:, 2]}
    return reading_of(Table(columns, is_certain=True), path.stem, is_partial=whole < count)


def read_p00(path: Path) -> Reading:
    lines = read_lines(path)
    return reading_of(table_of(lines), path.stem, {"Title": lines[0].partition(":")[2].strip()})


FORMATS = (
    Format("autolab_dfr", 1, "Autolab FRA .dfr", (".dfr",), sniff_dfr, read_dfr),
    Format("autolab_p00", 1, "Autolab FRA .P00", (".p00",), sniff_p00, read_p00),
)
