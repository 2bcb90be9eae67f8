"""Zahner: .ism, big-endian doubles: frequency, modulus in ohm, phase in radian, time.

Six bytes of version, six of the number of points less one, then the arrays one after the
other. The sweep goes up to the highest frequency first and then down.
Layout: the import of the vendor's Zahner-Analysis-Python (MIT), read for its offsets.
"""

from pathlib import Path

import numpy as np

from battery_db.lib.errors import UnreadableFile
from eis.formats.base import Format, Reading
from eis.formats.sweeps import Table, reading_of

VERSIONS = (b"\x00\x00\xff\xff\xff\xff", b"\x00\x00\xff\xff\xff\xfe")
HEADER = 12
MOST_POINTS = 100_000


def sniff(head: bytes, name: str) -> bool:
    return head.startswith(VERSIONS)


def read(path: Path) -> Reading:
    data = path.read_bytes()
    count = int.from_bytes(data[6:HEADER], "big") + 1
    if count > MOST_POINTS or len(data) < HEADER + 24 * count:
        raise UnreadableFile(
            f"The header promises {count} points, which take {HEADER + 24 * count} bytes at least; "
            f"the file has {len(data)}.",
            fix="Copy it again from the Thales software.",
        )
    frequency, modulus, phase = (
        np.frombuffer(data, ">f8", count, HEADER + 8 * count * place).astype(np.float64)
        for place in range(3)
    )
    columns = {"frequency": frequency, "modulus": modulus, "phase": phase}
    return reading_of(Table(columns, is_certain=True), path.stem)


FORMATS = (Format("zahner_ism", 1, "Zahner .ism", (".ism",), sniff, read),)
