"""The stored points of a test. Every reader of a series reads it here, however many files it has."""

import io
from collections.abc import Iterable, Iterator

import polars as pl

from battery_db.lib.series import read_between, read_parquet, read_rows, write_parquet
from battery_db.lib.storage import local_or_open, storage
from cycling.models import CyclingTest

Rows = tuple[int, int]


def read_stored(
    test: CyclingTest,
    columns: Iterable[str] | None = None,
    *,
    rows: Rows | None = None,
    span: tuple[float, float] | None = None,
) -> pl.DataFrame:
    """Points of a test in standard columns, all or some; those that it lacks are passed over.

    ``rows`` are the first record and the one after the last; a ``span`` is of test time (s).
    Of either only the row groups that hold it are read. UnreadableFile where a file is damaged.
    """
    wanted = None if columns is None else list(columns)
    frames = [
        _read_part(name, wanted, (first, stop), span) for name, first, stop in _parts(test, rows)
    ]
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def stored_parquet(test: CyclingTest) -> bytes:
    """All points of a test as one Parquet file."""
    if not test.parts:
        with storage("series").open(test.series_name, "rb") as stored:
            content: bytes = stored.read()
        return content
    buffer = io.BytesIO()
    write_parquet(read_stored(test), buffer, about(test))
    return buffer.getvalue()


def about(test: CyclingTest) -> dict[str, str]:
    """What a stored series says of itself."""
    return {
        "format": test.format_name,
        "reader_version": str(test.reader_version),
        "sha256": test.sha256,
        "sign": "positive current charges the cell",
    }


def _parts(test: CyclingTest, rows: Rows | None) -> Iterator[tuple[str, int, int | None]]:
    """Files that hold some of ``rows``, with the first of their own and the one after the last."""
    if not test.parts:
        yield test.series_name, *(rows or (0, None))
        return
    start = 0
    first, stop = rows or (0, test.row_count)
    for name, _, number in test.parts:
        if start < stop and first < start + number:
            yield name, max(first - start, 0), min(stop - start, number)
        start += number


def _read_part(
    name: str,
    columns: list[str] | None,
    rows: tuple[int, int | None],
    span: tuple[float, float] | None,
) -> pl.DataFrame:
    first, stop = rows
    with local_or_open("series", name) as source:
        if span is not None:
            return read_between(source, columns, "test_time_second", span, rows=stop)
        if stop is None:
            return read_parquet(source, columns)
        return read_rows(source, columns, first, stop - 1)
