"""What a cell's cyclers recorded, as a whole: voltage and current against time, and files."""

import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

import numpy as np
import polars as pl
from django.core.cache import cache

from battery_db.lib.decimate import thin
from cells.models import RawFile
from cycling.models import CyclingTest
from cycling.services.stored_series import read_stored
from cycling.steps import Floats

OVERVIEW_POINTS = 4000
COLUMNS = ("test_time_second", "voltage_volt", "current_ampere")
CACHED_SECONDS = 30 * 24 * 3600
MOST_FILES = 500
Record = tuple[Floats, Floats, Floats]  # time (s), voltage (V), current (A)


def series_tests(cell_id: int) -> list[CyclingTest]:
    """Tests in use with stored points, in the order in which the cell met them."""
    tests = CyclingTest.objects.filter(
        file__metadata__cell_id=cell_id,
        file__metadata__is_valid=True,
        file__deprecated=False,
        file__duplicate_of=None,
    ).exclude(series_name="")
    return list(
        tests.select_related("file__metadata").order_by(
            "file__metadata__start_cycle", "started_at", "pk"
        )[:MOST_FILES]
    )


def record_of_test(test: CyclingTest, span: tuple[float, float] | None = None) -> Record:
    """Time (s), voltage (V) and current (A) of a test, thinned for a screen.

    A ``span`` of test time is read from the row groups that hold it, and shown in full
    where it fits. The whole is kept thinned: stored series never change.
    """
    if span is not None:
        return _thinned(read_stored(test, COLUMNS, span=span))
    key = "cycling-record:" + hashlib.sha256(test.series_name.encode()).hexdigest()
    kept = cache.get(key)
    if kept is None:
        record = _thinned(read_stored(test, COLUMNS))
        buffer = io.BytesIO()
        np.save(buffer, np.array(record), allow_pickle=False)
        cache.set(key, buffer.getvalue(), CACHED_SECONDS)
        return record
    time_second, voltage, current = np.load(io.BytesIO(kept), allow_pickle=False)
    return time_second, voltage, current


def cell_record(cell_id: int, span: tuple[float, float] | None = None) -> Record:
    """The records of all files of a cell, one after the other, from the first one on.

    A file begins when its clock says so, but never before the file before it ended. A
    ``span`` (s since the start of the cell) is read from the files that hold it.
    """
    parts: list[Record] = []
    for test, begin, overview in _placed(series_tests(cell_id)):
        offset = begin - overview[0][0]
        record = overview
        if span is not None:
            if span[1] < begin or begin + float(np.ptp(overview[0])) < span[0]:
                continue
            record = record_of_test(test, (span[0] - offset, span[1] - offset))
        if parts and len(record[0]):  # a gap in the line between files
            parts.append((record[0][:1] + offset, np.full(1, np.nan), np.full(1, np.nan)))
        parts.append((record[0] + offset, record[1], record[2]))
    if not parts:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    time_second, voltage, current = (np.concatenate(values) for values in zip(*parts, strict=True))
    return _kept((time_second, voltage, current))


def _placed(tests: Sequence[CyclingTest]) -> list[tuple[CyclingTest, float, Record]]:
    """Each test with when it begins (s since the start of the cell), and its overview."""
    placed = []
    origin: float | None = None
    end = 0.0
    for test in tests:
        overview = record_of_test(test)
        begin = end
        if test.started_at is not None:
            clock = test.started_at.timestamp()
            origin = clock - end if origin is None else origin
            begin = max(clock - origin, end)
        placed.append((test, begin, overview))
        end = begin + float(np.ptp(overview[0]))
    return placed


def extents(cell_id: int) -> list[tuple[float, str]]:
    """Absolute cycle at which each file begins, and its name."""
    return [
        (float((test.file.metadata.start_cycle or 0) + (test.first_cycle or 0)), test.file.name)
        for test in series_tests(cell_id)
    ]


def timeline(cell_id: int) -> list[tuple[str, str, datetime, datetime]]:
    """Kind, name, begin and end of every file about a cell, of all techniques (one query).

    Files whose points are imported last as long as these; of the others only the day
    in their name is known.
    """
    files = (
        RawFile.objects.filter(metadata__cell_id=cell_id, deprecated=False, duplicate_of=None)
        .select_related("metadata", "cycling_test")
        .order_by("metadata__date", "pk")[:MOST_FILES]
    )
    bars = []
    for file in files:
        test: Any = getattr(file, "cycling_test", None)
        day = file.metadata.date
        begin = test.started_at if test else None
        if begin is None and day is not None:
            begin = datetime.combine(day, time(), tzinfo=UTC)
        if begin is None:
            continue
        end = (test.ended_at if test else None) or begin
        bars.append((file.metadata.kind_words or "other", file.name, begin, end))
    return sorted(bars, key=lambda bar: (bar[0], bar[2]))


def _thinned(series: pl.DataFrame) -> Record:
    time_second, voltage, current = (series[name].to_numpy().astype(np.float64) for name in COLUMNS)
    return _kept((time_second, voltage, current))


def _kept(record: Record) -> Record:
    kept = thin(record[0], record[1], OVERVIEW_POINTS)
    return record[0][kept], record[1][kept], record[2][kept]
