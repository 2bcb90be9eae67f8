"""Where a growing file can be read on: see ``cycling.formats.tails``."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from battery_db.lib.series import COLUMNS
from cycling.formats.base import Format, ReadContext, Reading
from cycling.formats.counters import Tally, tallies_before
from cycling.formats.pasts import NOTHING, Past
from cycling.formats.text import HEAD_BYTES

BLOCK = 1024 * 1024
BLOCKS = 64  # digested at most
FLAT, NESTED = "flat", "nested"
# Formats whose lines stand alone: every line below the header is a record, or, nested,
# those that begin with two separators, below the line of their cycle.
LAYOUTS = {
    "neware_flat_text": FLAT,
    "neware_nested_text": NESTED,
    "arbin_text": FLAT,
    "maccor_text": FLAT,
    "novonix": FLAT,
    "biologic_mpt": FLAT,
    "bdf_csv": FLAT,
    "battery_archive": FLAT,
    "basytec": FLAT,
    "pec": FLAT,
    "landt": FLAT,
    "vdf": FLAT,
}
# Findings of readers that later records can not change, and the one that they end.
LASTING = {
    "unit_of_format", "column_left_out", "clock_skipped_hour", "third_electrode", "day_first",
}  # fmt: skip
CUT = "cut_off"
CHECKED = re.compile(
    "sign_reversed|sign_added|clock_fell|(capacity|energy)_(mismatch|undersampled)"
)
SEPARATORS = np.frombuffer(b"\t,;", dtype=np.uint8)
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a file was read, and from where it can be read on.

    ``offset`` is the byte where reading begins again, with record ``offset_row``. Records
    from ``checked_from`` to before ``settled`` are compared with those read before; those from
    ``past.rows`` on are replaced. Both begin an instrument cycle.
    """

    format_name: str
    version: int
    context: str
    length: int
    digest: str
    offset: int
    offset_row: int
    checked_from: int
    settled: int
    columns: tuple[str, ...]
    metadata: dict[str, str]
    findings: tuple[tuple[str, str], ...]
    past: Past

    def dump(self) -> tuple[str, pl.DataFrame]:
        """As JSON, and the table of the tallies."""
        past, table = self.past.dump()
        values = {f: getattr(self, f) for f in self.__slots__ if f != "past"}
        return json.dumps(values | {"past": past}), table

    @classmethod
    def load(cls, text: str, table: pl.DataFrame) -> "Bookmark":
        """The reverse of ``dump``; ValueError, KeyError or TypeError where it is none."""
        values: dict[str, Any] = json.loads(text)
        values["past"] = Past.load(values["past"], table)
        values["columns"] = tuple(values["columns"])
        values["findings"] = tuple((code, words) for code, words in values["findings"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a reader gave, what the checks made of it, and the tallies of its counters."""

    format_: Format
    raw: Reading
    reading: Reading
    tallies: Mapping[str, Tally]


def mark(path: Path, context: ReadContext, found: Checked) -> Bookmark | None:
    """The bookmark of a file that was read whole; None where it can not be read on."""
    format_, raw, checked = found.format_, found.raw, found.reading
    size = path.stat().st_size
    if format_.name not in LAYOUTS or size <= 2 * HEAD_BYTES or not _is_plain(raw, checked):
        return None
    cut = _last_cycles(checked.frame)
    if cut is None:
        return None
    checked_from, row = cut
    begin = checked.frame[:row]
    past = NOTHING.after(raw.frame[:row], begin, tallies_before(found.tallies, begin))
    place = _place(path, size, LAYOUTS[format_.name], raw, checked.frame.height, checked_from)
    if place is None:
        return None
    return Bookmark(
        format_name=format_.name,
        version=format_.version,
        context=digest_of_context(context),
        length=size,
        digest=digest_of(path, size),
        offset=place[0],
        offset_row=place[1],
        checked_from=checked_from,
        settled=checked.frame.height - (not _ends_a_line(path, size)),
        columns=tuple(name for name in COLUMNS if name in checked.frame.columns),
        metadata=raw.metadata,
        findings=tuple((f.code, f.text) for f in raw.findings),
        past=past,
    )


def mark_again(
    path: Path, found: Reading, checked: pl.DataFrame, bookmark: Bookmark
) -> Bookmark | None:
    """The bookmark of the grown file; ``found.frame`` begins at ``checked_from`` of the last."""
    starts = _last_cycles(checked)
    done = bookmark.past.rows - bookmark.checked_from
    checked_from, row = starts if starts is not None else (0, done)
    if row < done:
        return None
    size, rows = path.stat().st_size, bookmark.checked_from + checked.height
    wanted = bookmark.checked_from + checked_from
    place = _place(path, size, LAYOUTS[bookmark.format_name], found, rows, wanted)
    if place is None:
        return None
    return replace(
        bookmark,
        length=size,
        digest=digest_of(path, size),
        offset=place[0],
        offset_row=place[1],
        checked_from=wanted,
        settled=rows - (not _ends_a_line(path, size)),
        findings=tuple((f.code, f.text) for f in found.findings),
        past=bookmark.past.after(found.frame[done:row], checked[done:row]),
    )


def digest_of(path: Path, length: int) -> str:
    """SHA-256 of the first ``length`` bytes, of large files of blocks spread over them.

    First and last block are always among them. That is enough to know a file again that
    only its instrument writes: exporting it anew moves or changes every block.
    """
    digest = hashlib.sha256()
    blocks = min(BLOCKS, -(-length // BLOCK))
    with path.open("rb") as file:
        for number in range(blocks):
            last = max(length - BLOCK, 0)
            start = number * BLOCK if length <= BLOCKS * BLOCK else number * last // (blocks - 1)
            file.seek(start)
            digest.update(file.read(min(BLOCK, length - start)))
    return digest.hexdigest()


def digest_of_context(context: ReadContext) -> str:
    """Of everything that a person declared and a file can not say of itself."""
    values = asdict(replace(context, max_rows=0))
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _is_plain(raw: Reading, checked: Reading) -> bool:
    """Whether later records can change nothing of what was read."""
    frame, codes = checked.frame, {finding.code for finding in raw.findings}
    found = {finding.code for finding in checked.findings} - codes
    if codes - LASTING - {CUT} or not all(CHECKED.fullmatch(code) for code in found):
        return False
    if raw.frame.height != frame.height or "cycle_count" not in frame.columns:
        return False
    if (raw.is_partial and CUT not in codes) or "utf-16" in raw.metadata.get("encoding", ""):
        return False
    return all(
        frame[name].null_count() == 0
        for name in ("cycle_count", "unix_time_second")
        if name in frame.columns
    )


def _last_cycles(frame: pl.DataFrame) -> tuple[int, int] | None:
    """Where the last cycle but two begins, and the last but one; none at the first record."""
    numbers = frame["cycle_count"].to_numpy()
    starts = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    return (int(starts[-3]), int(starts[-2])) if len(starts) > 2 else None


def _place(
    path: Path, size: int, layout: str, raw: Reading, rows: int, wanted: int
) -> tuple[int, int] | None:
    """Byte and record number of the line to read on from, at or before record ``wanted``.

    Lines are counted from the end, in which a line that was cut off holds no record.
    """
    window = BLOCK
    while True:
        start = max(size - window, HEAD_BYTES)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(size - start)
        lines = _line_starts(data)
        if CUT in {finding.code for finding in raw.findings}:
            lines = lines[:-1]
        place = _counted(data, lines, layout, rows, wanted)
        if place is not None or start == HEAD_BYTES:
            return None if place is None else (start + place[0], place[1])
        window *= 4


def _line_starts(data: bytes) -> Ints:
    """Where lines begin, the first of which is left out: it may have begun before."""
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    starts = ends.astype(np.int64) + 1
    return starts[starts < len(data)]


def _counted(
    data: bytes, lines: Ints, layout: str, rows: int, wanted: int
) -> tuple[int, int] | None:
    marks = np.frombuffer(data + b"\n\n", dtype=np.uint8)
    first = marks[lines]
    blank = (first == ord("\n")) | (first == ord("\r"))
    if layout == FLAT:
        lines = lines[~blank]
        # One record more, so that what is told by two records is told of the first that counts.
        place = len(lines) - (rows - wanted) - 1
        return None if place < 0 else (int(lines[place]), wanted - 1)
    inner = np.isin(first, SEPARATORS)
    records = inner & np.isin(marks[lines + 1], SEPARATORS)
    row = rows - np.cumsum(records[::-1])[::-1]
    cycles = np.flatnonzero(~inner & ~blank & (row <= wanted))
    if not len(cycles):
        return None
    return int(lines[cycles[-1]]), int(row[cycles[-1]])


def _ends_a_line(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"
