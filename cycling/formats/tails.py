"""Files that grew: only what was added is read, where the format allows.

Cyclers append to their files. So a text format whose lines stand alone can be read on from
a line near the end of what was read before. What a reader decides it decides by the
beginning of a file, so it is given that again: the first 64 KiB and everything from that
line on, as if they were the file. The **bookmark** of an earlier reading
(``cycling.formats.bookmarks``) tells where the line is and what the records before it have
to say (``cycling.formats.pasts``).

That the result is the one of reading everything is not trusted but looked at. The records
of the beginning and of at least one whole cycle before the first new one are read again,
and have to be what they were, bit by bit. On any doubt there is no result, and the file is
read whole: other bytes than before, other columns, a reader that noticed something new,
time that falls, a change of summer time, or a sign that later records would decide anew.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from battery_db.lib.errors import LabError
from battery_db.lib.series import COLUMNS, standardise
from cycling.formats.base import Finding, Format, ReadContext, Reading
from cycling.formats.bookmarks import CUT, Bookmark, digest_of, digest_of_context, mark_again
from cycling.formats.checks import (
    LARGEST,
    SIGN_TEXTS,
    add_signs,
    count_signs,
    sign_repair,
    tell_clock,
    with_sign,
)
from cycling.formats.counters import judge
from cycling.formats.pasts import Past, summed_time
from cycling.formats.text import HEAD_BYTES

AROUND_S = timedelta(hours=3).total_seconds()
# Records of the stored series from the first number to before the second.
Known = Callable[[int, int], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Grown:
    """The end of a grown file: ``reading`` is of it all, save that its frame holds only the
    records from ``first_row`` on, the ``checked_from`` of the bookmark before.
    """

    reading: Reading
    first_row: int
    past: Past  # of the whole file
    bookmark: Bookmark | None


def read_on(
    path: Path, format_: Format, context: ReadContext, bookmark: Bookmark, known: Known
) -> Grown | None:
    """What a grown file holds now, read from the bookmark on; None for the slightest doubt."""
    if not _is_continuation(path, format_, context, bookmark):
        return None
    try:
        return _read_on(path, format_, context, bookmark, known)
    except (LabError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


def _read_on(
    path: Path, format_: Format, context: ReadContext, bookmark: Bookmark, known: Known
) -> Grown | None:
    read = _read_ends(path, format_, context, bookmark.offset)
    if read is None or not _same_reader(read[0], bookmark):
        return None
    reading, head_rows = read
    head, tail = reading.frame[:head_rows], reading.frame[head_rows:]
    if head_rows > bookmark.checked_from or not _are_same(head, known(0, head_rows), bookmark):
        return None
    end = _joined(tail, bookmark, known(bookmark.checked_from, bookmark.settled))
    if end is None or not _is_steady(head, end, bookmark, context):
        return None
    if bookmark.checked_from + end.height > context.max_rows:
        return None
    return _conclude(path, reading, end, bookmark)


def _is_continuation(path: Path, format_: Format, context: ReadContext, bookmark: Bookmark) -> bool:
    return (
        (bookmark.format_name, bookmark.version) == (format_.name, format_.version)
        and bookmark.context == digest_of_context(context)
        and path.stat().st_size > bookmark.length
        and digest_of(path, bookmark.length) == bookmark.digest
    )


def _read_ends(
    path: Path, format_: Format, context: ReadContext, offset: int
) -> tuple[Reading, int] | None:
    """Beginning and end of the file as one, and how many records the beginning has."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        head = head[: head.rfind(b"\n") + 1]
        file.seek(offset)
        tail = file.read()
    if not head:
        return None
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / path.name
        part.write_bytes(head)
        head_rows = format_.read(part, context).frame.height
        part.write_bytes(head + tail)
        reading = format_.read(part, context)
    return (reading, head_rows) if reading.frame.height > head_rows > 0 else None


def _same_reader(reading: Reading, bookmark: Bookmark) -> bool:
    """Whether the reader decided as before, and noticed nothing new."""
    known = set(bookmark.findings)
    noticed = [
        finding
        for finding in reading.findings
        if finding.code not in (CUT, "clock_skipped_hour")
        and (finding.code, finding.text) not in known
    ]
    columns = tuple(name for name in COLUMNS if name in reading.frame.columns)
    counts_its_records = bookmark.format_name.startswith("biologic")
    cut = CUT in {finding.code for finding in reading.findings}
    return (
        not noticed
        and columns == bookmark.columns
        and reading.metadata == bookmark.metadata
        and ((cut and not counts_its_records) or not reading.is_partial)
    )


def _joined(tail: pl.DataFrame, bookmark: Bookmark, known: pl.DataFrame) -> pl.DataFrame | None:
    """Records from ``checked_from`` on with the steps and times of the whole file.

    None where those that were read before are not what they were.
    """
    end = tail[bookmark.checked_from - bookmark.offset_row :]
    if end.height < known.height:
        return None
    if "step_count" in end.columns:
        step = int(known["step_count"][0]) - int(end["step_count"][0])
        end = end.with_columns(pl.col("step_count") + step)
    if not _go_both_ways(known):
        return None
    if _are_same(end[: known.height], known, bookmark):
        return end
    if not bookmark.past.time_is_summed:
        return None
    row = bookmark.past.rows - bookmark.checked_from
    summed, _ = summed_time(end[row:], bookmark.past.step_start_second)
    end = end.with_columns(
        pl.concat([known["test_time_second"][:row], summed]).alias("test_time_second")
    )
    return end if _are_same(end[: known.height], known, bookmark) else None


def _go_both_ways(known: pl.DataFrame) -> bool:
    """Only records of both directions show that signs are read as before."""
    current = known["current_ampere"]
    return bool((current > 0).any()) and bool((current < 0).any())


def _are_same(frame: pl.DataFrame, known: pl.DataFrame, bookmark: Bookmark) -> bool:
    """Whether records are bit by bit what is stored.

    Only the word for the control mode is passed over: that of a step which was not read to
    its end may lack its direction.
    """
    repair = sign_repair(bookmark.past.signs) if "step_type" in frame.columns else ""
    again = standardise(with_sign(frame, repair))
    names = [name for name in again.columns if name != "step_type"]
    return again.select(names).equals(known.select(names))


def _is_steady(
    head: pl.DataFrame, end: pl.DataFrame, bookmark: Bookmark, context: ReadContext
) -> bool:
    """Whether the new records ask for no repair and no decision about the earlier ones."""
    usable = [pl.col(name).cast(pl.Float64).abs() < LARGEST[name] for name in LARGEST]
    usable.append(pl.col("cycle_count").is_not_null())
    if "step_id" in end.columns and head["step_id"].null_count() < head.height:
        usable.append(pl.col("step_id").is_not_null())
    if not end.select(pl.all_horizontal(usable).fill_null(value=False).all()).item():
        return False
    if (end["test_time_second"].diff() < 0).any():
        return False
    filled = [name for name in end.columns if end[name].null_count() < end.height]
    # A reader may have decided by the first filled cell of a column.
    if any(head[name].null_count() == head.height for name in filled):
        return False
    if "step_type" not in end.columns and not bookmark.past.has_discharge:
        return False
    return _has_one_offset(end, context)


def _has_one_offset(end: pl.DataFrame, context: ReadContext) -> bool:
    """Whether the zone's offset from UTC is the same throughout and for hours around."""
    if "unix_time_second" not in end.columns:
        return True
    clock = end["unix_time_second"].cast(pl.Float64)
    low, high = clock.min(), clock.max()
    if clock.null_count() or not isinstance(low, float) or not isinstance(high, float):
        return False
    around = pl.Series([low - AROUND_S, high + AROUND_S])
    micro = (pl.concat([clock.rename(""), around]) * 1e6).cast(pl.Int64, strict=False)
    local = micro.cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(context.time_zone)
    offsets = local.dt.base_utc_offset() + local.dt.dst_offset()
    return offsets.n_unique() == 1


def _conclude(path: Path, reading: Reading, end: pl.DataFrame, bookmark: Bookmark) -> Grown | None:
    past = bookmark.past
    new = end[past.rows - bookmark.checked_from :]
    repair = ""
    if "step_type" in end.columns:
        # Which signs to repair is for the whole file to say.
        repair = sign_repair(add_signs(past.signs, count_signs(new)))
        if repair != sign_repair(past.signs):
            return None
    checked = with_sign(end, repair)
    whole = past.after(new, checked[past.rows - bookmark.checked_from :])
    cut = tuple(finding for finding in reading.findings if finding.code == CUT)
    kept = tuple(Finding(code, text) for code, text in bookmark.findings if code != CUT)
    found = Reading(end, reading.metadata, (*cut, *kept), reading.is_partial)
    told = (
        *found.findings,
        *((Finding(repair, SIGN_TEXTS[repair]),) if repair else ()),
        *tell_clock(whole.clock_falls, whole.furthest_fall),
        *judge(whole.tallies),
    )
    return Grown(
        Reading(standardise(checked), reading.metadata, told, reading.is_partial),
        bookmark.checked_from,
        whole,
        mark_again(path, found, checked, bookmark),
    )
