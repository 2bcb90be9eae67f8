"""Agilent MicroLab's .asp: GRAMS "ASCII with header".

Six header lines (number of points, first and last wavenumber, X type, Y type,
resolution), an optional comment behind an apostrophe, then evenly spaced values. No
package reads it. The number may be 0, which asks to count, and the axis may run
either way.
"""

from pathlib import Path

import numpy as np

from battery_db.lib.errors import UnreadableFile
from ftir.formats.base import Format, RawSpectrum, decode, numbers

HEADER = 6
WAVENUMBER = 1
Y_TYPES = {2: "absorbance", 3: "absorbance", 128: "transmittance", 129: "reflectance"}


def sniff(head: bytes, name: str) -> bool:
    words = decode(head[:600]).replace(",", " ").split()[: HEADER + 2]
    if len(words) < HEADER + 2 or not all(_is_number(word) for word in words[:HEADER]):
        return False
    count, first, last, x_type = (float(word) for word in words[:4])
    header = count >= 0 and count == int(count) and first != last and x_type == int(x_type)
    plausible = max(first, last) > 100 and 0 <= x_type < 32
    return header and plausible and (name.lower().endswith(".asp") or (count == 0 or count > 50))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def read(path: Path) -> RawSpectrum:
    """Read the header and as many values as it announces."""
    lines = decode(path.read_bytes()).split("\n")
    comments = [line[1:].strip() for line in lines if line.startswith("'")]
    words = " ".join(line for line in lines if not line.startswith("'")).replace(",", " ").split()
    head = numbers(words[:HEADER], "Header value")
    values = numbers(words[HEADER:], "Value")
    announced = int(head[0])
    notes: tuple[tuple[str, str], ...] = ()
    if announced and len(values) < announced:
        raise UnreadableFile(
            f"The header announces {announced} points, the file holds {len(values)}: it was cut off.",
            fix="Export or copy it again.",
        )
    if announced and len(values) > announced:
        notes = (
            ("surplus", f"{len(values) - announced} values beyond the announced were left out."),
        )
        values = values[:announced]
    if int(head[3]) != WAVENUMBER:
        raise UnreadableFile(
            f"X type {int(head[3])} was found; 1 (wavenumber) was expected.",
            fix="Export the spectrum against wavenumber.",
        )
    return RawSpectrum(
        np.linspace(head[1], head[2], len(values)),
        values,
        Y_TYPES.get(int(head[4]), ""),
        {"resolution_per_cm": f"{head[5]:g}", "comment": " ".join(comments)},
        notes,
    )


FORMATS = (Format("asp", 2, "Agilent MicroLab .asp", (".asp",), sniff, read),)
