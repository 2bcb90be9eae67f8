"""Text files with one header line, found by the words of a dialect."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from battery_db.lib.errors import UnreadableFile
from cycling.formats.base import ReadContext, Reading
from cycling.formats.columns import Dialect, is_header, read_columns
from cycling.formats.text import (
    Text,
    decode_head,
    first_lines,
    read_cells,
    read_text,
    separator_of,
    without_blanks,
)

PREAMBLE_LINES = 400


def has_header(head: bytes, dialect: Dialect) -> bool:
    """Whether a line at the beginning of a file is the dialect's header."""
    if b"\0\0\0" in head[:1024]:
        return False
    lines = decode_head(head).split("\n")[:PREAMBLE_LINES]
    return header_line(lines, dialect) is not None


def header_line(lines: Sequence[str], dialect: Dialect) -> int | None:
    for place, line in enumerate(lines):
        if is_header(split(line), dialect):
            return place
    return None


def split(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator_of(line))]


def read_text_table(path: Path, dialect: Dialect, context: ReadContext) -> Reading:
    """The table below the dialect's header line, and the lines above it as metadata."""
    text = read_text(path, context)
    lines = first_lines(text.data, PREAMBLE_LINES)
    place = header_line(lines, dialect)
    if place is None:
        raise UnreadableFile(
            "The line of column names was not found.", fix="Export the file again, with its header."
        )
    reading = read_below(text.data, lines[place], place + 1, dialect, context)
    return with_text(reading, text, preamble(lines[:place]))


def read_below(
    data: bytes, line: str, skip: int, dialect: Dialect, context: ReadContext
) -> Reading:
    """Rows after the first ``skip`` lines under the header ``line``."""
    separator = separator_of(line)
    header = split(line)
    cells = cells_below(data, separator, len(header), skip)
    return read_columns(cells, header, dialect, context, separator)


def cells_below(data: bytes, separator: str, width: int, skip: int) -> list[pl.Series]:
    if b'"' in data[:8192]:
        data = data.replace(b'"', b"")
    return without_blanks(
        read_cells(data, separator, width, set(range(width)), skip, frozenset())
    ).get_columns()


def with_text(reading: Reading, text: Text, metadata: dict[str, str]) -> Reading:
    return Reading(
        reading.frame,
        {**metadata, **reading.metadata, "encoding": text.encoding},
        (*text.findings, *reading.findings),
        reading.is_partial or text.is_partial,
    )


def preamble(lines: Sequence[str]) -> dict[str, str]:
    """``Name: value`` or ``Name<tab>value`` pairs of the lines above a header."""
    found: dict[str, str] = {}
    for line in lines[:60]:
        plain = line.strip().strip("~,;").strip()
        cells = plain.split("\t")
        pairs = list(zip(cells[::2], cells[1::2], strict=False)) or [_halves(plain)]
        for key, value in pairs:
            key, value = key.strip().rstrip(":"), value.strip(" \t,;")
            if 0 < len(key) <= 40 and value:
                found[key] = value[:200]
    return found


def _halves(line: str) -> tuple[str, str]:
    mark = next((mark for mark in (": ", ":,", ",") if mark in line), ":")
    key, _, value = line.partition(mark)
    return key, value
