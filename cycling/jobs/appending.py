"""The import of a file that grew: its new records become one more part of the series.

Half-cycles before the last cycles read again stay as they are, in SQL. Wherever the rest of
the file could change something about them, nothing is kept: the half-cycles are summed up
anew from the stored series, or there is no result and the file is read whole.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from django.db.models import Max
from django.forms.models import model_to_dict

from battery_db.lib.storage import local_or_open, storage
from cells.models import RawFile
from cycling import formats
from cycling.formats.bookmarks import Bookmark
from cycling.formats.pasts import Past
from cycling.formats.tails import Grown
from cycling.half_cycles import SUMMARY_VERSION, Summary, summarise_after
from cycling.jobs.storing import Made, as_test, moment, series_key, store
from cycling.models import CyclingTest
from cycling.services.stored_series import about, read_stored
from cycling.steps import Before
from cycling.stitching import carry_over

# A part is joined to the new one while it has at most so many times its records, so that
# their number grows with the logarithm of that of the nights.
JOINED = 2
_STATE, _SUMMARY = b"bookmark", b"summary"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a bookmark adds for the half-cycles: how many stay, and by what they were told.

    ``largest_ampere`` is that of the whole file, ``largest_stretch_ah`` of what stays.
    """

    largest_ampere: float
    number: int = 0
    largest_stretch_ah: float = 0.0
    summary_version: int = SUMMARY_VERSION


def append(file: RawFile, path: Path, context: formats.ReadContext) -> Made | None:
    """What to write for a grown file; None where it is to be read whole."""
    old = CyclingTest.objects.filter(file=file).exclude(bookmark_name="").first()
    found = None if old is None else _load(old.bookmark_name)
    if old is None or found is None or not _is_intact(old):
        return None
    bookmark, kept = found
    grown = formats.read_on(
        path, context, bookmark, lambda first, stop: read_stored(old, rows=(first, stop))
    )
    if grown is None:
        return None
    format_ = (bookmark.format_name, bookmark.version)
    test = as_test(file, grown.reading, format_, _extent(grown.past))
    _store_parts(old, test, grown, bookmark.past.rows)
    summary, kept = _summarise(old, test, grown, bookmark, kept)
    if grown.bookmark is not None:
        test.bookmark_name = keep_bookmark(test, grown.bookmark, summary, kept)
    return Made(test, summary.rows, grown.reading.frame.height, kept.number, old)


def keep_bookmark(test: CyclingTest, bookmark: Bookmark, summary: Summary, before: Kept) -> str:
    """Store a bookmark, if the half-cycles before it stay whatever comes; its name or nothing.

    ``summary`` has those that do not stay by the bookmark ``before``.
    """
    rows = summary.rows
    number = int((rows["first_row"] < bookmark.past.rows).sum())
    stays, later = rows[:number], rows[number:]
    if number:
        stretch = max(before.largest_stretch_ah, float(summary.largest_stretch_ah[:number].max()))
        before = replace(before, number=before.number + number, largest_stretch_ah=stretch)
        if not _is_closed(stays, later, bookmark.past.rows):
            return ""
    elif not before.number:
        return ""
    kept = before
    text, table = bookmark.dump()
    name = series_key(test.sha256, test.format_name, test.reader_version, ".bookmark")
    told = {name: getattr(kept, name) for name in Kept.__slots__}
    store(name, table, {_STATE.decode(): text, _SUMMARY.decode(): json.dumps(told)})
    return name


def _is_closed(stays: pl.DataFrame, later: pl.DataFrame, row: int) -> bool:
    """Whether half-cycles ended before ``row``, and one of another cycle has begun since."""
    if not stays.height or not later.height:
        return False
    ended = int(stays["last_row"].max()) < row  # type: ignore[arg-type]
    return ended and later["cycle_count"][0] != stays["cycle_count"][-1]


def _load(name: str) -> tuple[Bookmark, Kept] | None:
    try:
        with local_or_open("series", name) as source, pq.ParquetFile(source) as file:
            said = file.schema_arrow.metadata or {}
            table = pl.DataFrame(pl.from_arrow(file.read()))
        kept = Kept(**json.loads(said[_SUMMARY]))
        bookmark = Bookmark.load(said[_STATE].decode(), table)
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return None  # lost, cut short or of another version
    return (bookmark, kept) if kept.summary_version == SUMMARY_VERSION else None


def _is_intact(test: CyclingTest) -> bool:
    try:
        return all(
            size in (None, storage("series").size(name)) for name, size in test.stored_files()
        )
    except OSError:
        return False


def _extent(past: Past) -> dict[str, Any]:
    first, last = past.cycles or (None, None)
    begin, end = past.clocks or (None, None)
    return {
        "row_count": past.rows,
        "first_cycle": first,
        "last_cycle": last,
        "started_at": moment(begin),
        "ended_at": moment(end),
    }


def _store_parts(old: CyclingTest, test: CyclingTest, grown: Grown, row: int) -> None:
    """Store the records from ``row`` on as a part, joined with those before that are small."""
    frame = grown.reading.frame[row - grown.first_row :]
    parts: list[tuple[str, int, int]] = []
    start = 0
    for name, size, rows in old.parts or [(old.series_name, old.series_bytes, old.row_count)]:
        if start < row:
            parts.append((name, size, min(rows, row - start)))
        start += rows
    begin = row
    while parts and parts[-1][2] <= JOINED * (test.row_count - begin):
        begin -= parts.pop()[2]
    if begin < row:
        frame = pl.concat([read_stored(old, rows=(begin, row)), frame])
    part = f".from{begin}" if parts else ""
    name = series_key(test.sha256, test.format_name, test.reader_version, part)
    size = store(name, frame, about(test))
    test.series_bytes = size + sum(size for _, size, _ in parts)
    test.parts = [*parts, (name, size, frame.height)] if parts else []


def _summarise(
    old: CyclingTest, test: CyclingTest, grown: Grown, bookmark: Bookmark, kept: Kept
) -> tuple[Summary, Kept]:
    """Half-cycles of the grown file that do not stay, and what of those that do is known."""
    row = bookmark.past.rows
    if grown.past.largest_ampere == kept.largest_ampere:
        stays = old.half_cycles.filter(ordinal__lt=kept.number)
        largest = stays.aggregate(Max("capacity_ah"))["capacity_ah__max"] or 0.0
        before = Before(bookmark.past.largest_ampere, kept.largest_stretch_ah, largest)
        summary = summarise_after(before, grown.reading.frame)
        rows = summary.rows.with_columns(pl.col("first_row", "last_row") + grown.first_row)
        number = int((rows["first_row"] < row).sum())
        last = stays.order_by("-ordinal").first()
        again, later = rows[:number], rows[number:]
        if last is not None and _is_closed(again, later, row) and _is_same(again, last):
            later = carry_over(model_to_dict(last), later)
            later = later.with_columns(pl.col("ordinal") - number + kept.number)
            return Summary(later, summary.largest_stretch_ah[number:]), kept
    # What is called rest depends on the largest current, and cycles on what came before.
    return summarise_after(Before(), read_stored(test)), Kept(grown.past.largest_ampere)


def _is_same(again: pl.DataFrame, last: object) -> bool:
    """Whether the last half-cycle read again is the last one that stays."""
    names = ("polarity", "cycle_count", "last_row")
    return again.row(-1, named=True).items() >= {n: getattr(last, n) for n in names}.items()
