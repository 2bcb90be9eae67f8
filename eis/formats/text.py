"""Plain text of any program: a table with headers, or frequency, Z' and ±Z'' by position.

Also PARSTAT, CH Instruments, PowerSuite, PSTrace and RelaxIS exports, whose headers say what
they hold, and the two text formats that EISFitting read (``%`` lines, then frequency, Z' and
-Z''; EC-Lab's columns with ``#NAME?``).
"""

from pathlib import Path

from battery_db.lib.encodings import decode_head
from eis.formats.base import Format, Reading
from eis.formats.sweeps import reading_of
from eis.formats.tables import blocks_of, read_lines, table_of


def sniff(head: bytes, name: str) -> bool:
    if b"\0\0\0\0" in head[:4096]:
        return False
    lines = [line for line in decode_head(head).split("\n") if line.strip()]
    return bool(blocks_of(lines))


def read(path: Path) -> Reading:
    return reading_of(table_of(read_lines(path)), path.stem)


FORMATS = (
    Format(
        "impedance_text", 3, "plain text (.txt, .csv, .dat, .i2b)", (".txt", ".csv"), sniff, read
    ),
)
