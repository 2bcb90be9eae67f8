"""What an import writes: series to the storage first, and rows that point to them last."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
from django.core.files import File
from django.utils import timezone

from battery_db.lib.runs.imports import NotStored
from battery_db.lib.series import write_parquet
from battery_db.lib.storage import storage
from cells.models import RawFile
from cycling.formats import Reading
from cycling.half_cycles import SUMMARY_VERSION
from cycling.models import CyclingTest, HalfCycle

Exclusions = Mapping[tuple[str, int], str]


class Overtaken(Exception):
    """Another worker has imported the file since its rows were looked at."""


@dataclass(frozen=True, slots=True)
class Made:
    """A test that is stored but not yet in SQL, and its half-cycles from ``kept`` on.

    The first ``kept`` half-cycles of ``before``, the row as it was, stay as they are.
    """

    test: CyclingTest
    rows: pl.DataFrame
    rows_read: int
    kept: int = 0
    before: CyclingTest | None = None


def series_key(sha256: str, format_name: str, version: int, part: str = "") -> str:
    """Where the series of a content lies, or a part of it; a new reader version lies beside."""
    return f"cycling/{sha256[:2]}/{sha256}.{format_name}.r{version}{part}.parquet"


def as_test(
    file: RawFile, reading: Reading, format_: tuple[str, int], extent: Mapping[str, Any]
) -> CyclingTest:
    """The row of a file's content, before its series is stored."""
    name, version = format_
    status = CyclingTest.Status.PARTIAL if reading.is_partial else CyclingTest.Status.IMPORTED
    return CyclingTest(
        file=file,
        sha256=file.sha256,
        status=status,
        findings=[{"code": f.code, "text": f.text} for f in reading.findings],
        format_name=name,
        reader_version=version,
        summary_version=SUMMARY_VERSION,
        time_zone=file.folder.time_zone,
        series_name=series_key(file.sha256, name, version),
        instrument=reading.metadata,
        **extent,
    )


def store(name: str, frame: pl.DataFrame, metadata: Mapping[str, str]) -> int:
    """Put a table into the series storage; its bytes. Raises NotStored."""
    with tempfile.TemporaryFile() as draft:
        write_parquet(frame, draft, metadata)
        size = draft.tell()
        draft.seek(0)
        try:
            storage("series").save(name, File(draft))
        except Exception as error:  # object stores have errors of their own
            raise NotStored(error) from error
    return size


def moment(unix_time_second: Any) -> datetime | None:
    """A UTC datetime, or None where the clock is absent or makes no sense."""
    if unix_time_second is None:
        return None
    try:
        return datetime.fromtimestamp(float(unix_time_second), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def extent(frame: pl.DataFrame) -> dict[str, Any]:
    """Records, cycles and times of a whole series, as fields of its test."""
    cycles = frame["cycle_count"] if "cycle_count" in frame.columns else None
    clock = frame["unix_time_second"] if "unix_time_second" in frame.columns else None
    return {
        "row_count": frame.height,
        "first_cycle": None if cycles is None else cycles.min(),
        "last_cycle": None if cycles is None else cycles.max(),
        "started_at": None if clock is None else moment(clock.min()),
        "ended_at": None if clock is None else moment(clock.max()),
    }


def switch(made: Made) -> None:
    """Put a test and its half-cycles in the place of what the file had before.

    Raises Overtaken where that is no longer what ``made`` goes on from. What people left
    out stays so.
    """
    test = made.test
    RawFile.objects.select_for_update().get(pk=test.file_id)
    old = CyclingTest.objects.filter(file=test.file_id).first()
    if made.before is not None and _series(old) != _series(made.before):
        raise Overtaken
    kept: dict[tuple[str, int], str] = {}
    if old is not None:
        kept = {
            (half.polarity, half.cycle_count): half.excluded_reason
            for half in old.half_cycles.filter(excluded=True)
        }
        old.half_cycles.filter(ordinal__gte=made.kept).delete()
        test.pk = old.pk
    test.imported_at = timezone.now()
    test.save(force_update=old is not None)
    rows = made.rows.iter_rows(named=True)
    HalfCycle.objects.bulk_create([_half_cycle(test, row, kept) for row in rows], batch_size=500)


def _series(test: CyclingTest | None) -> tuple[Any, ...] | None:
    return None if test is None else (test.series_name, test.parts, test.bookmark_name)


def _half_cycle(test: CyclingTest, row: dict[str, Any], kept: Exclusions) -> HalfCycle:
    started_at = moment(row.pop("start_unix_second", None))
    half = HalfCycle(test=test, started_at=started_at, **row)
    reason = kept.get((half.polarity, half.cycle_count))
    if reason is not None:
        half.excluded, half.excluded_reason = True, reason
    return half
