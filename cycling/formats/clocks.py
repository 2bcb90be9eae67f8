"""Durations and wall clocks from text, a whole column at a time."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl

from battery_db.lib.errors import UnreadableFile
from cycling.formats import digits
from cycling.formats.base import Finding
from cycling.formats.text import to_number

MICRO = 1e-6
HOUR_MICROSECONDS = 3_600_000_000
ISO_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
)
_SLASHED = (
    "{} %H:%M:%S",
    "{} %H:%M:%S%.f",
    "{} %H:%M",
    "{} %I:%M:%S %p",
    "{} %I:%M:%S%.f %p",
)
MONTH_FIRST = tuple(form.format("%m/%d/%Y") for form in _SLASHED)
DAY_FIRST = tuple(form.format("%d/%m/%Y") for form in _SLASHED)


def seconds_of(text: pl.Series) -> pl.Series:
    """Seconds of ``h:min:s`` texts with or without fractions; hours may exceed 24.

    Days may stand before, as in ``0d 00:00:10.5`` or ``1 day, 0:00:10``.
    """
    plain = digits.durations(text)
    if plain is not None:
        return plain
    days = None
    if text.str.contains("d", literal=True).any():
        days = to_number(text.str.extract(r"^\s*(\d+)\s*d"), kind=pl.Float64()).fill_null(0.0)
        text = text.str.replace(r"^\s*\d+\s*d[a-z]*,?\s*", "")
    part = text.str.split_exact(":", 2).struct.unnest()
    hours, minutes, seconds = (to_number(part[name], "\t") for name in part.columns)
    total = hours * 3600 + minutes * 60 + seconds
    return (total if days is None else total + days * 86_400).alias(text.name)


def parse_moments(text: pl.Series) -> tuple[pl.Series, list[Finding]]:
    """Naive datetimes (µs) of the formats that Neware writes; unreadable cells are null.

    With slashes the month comes first, as Neware's specification says, unless a value
    can only mean that the day does.
    """
    filled = text.drop_nulls()
    if filled.is_empty():
        return text.cast(pl.Datetime("us"), strict=False), []
    if "/" not in filled[0] or filled[0].find("/") == 4:
        return first_that_fits(text, ISO_FORMATS), []
    moments = first_that_fits(text, MONTH_FIRST)
    day_first = first_that_fits(text, DAY_FIRST)
    if day_first.null_count() < moments.null_count():
        return day_first, [
            Finding("day_first", "Dates were read as day/month/year: some have no month that high.")
        ]
    return moments, []


def first_that_fits(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Each cell by the first format that reads it; whole columns are mostly of one."""
    result = text.str.to_datetime(formats[0], time_unit="us", strict=False)
    for format_ in formats[1:]:
        if result.null_count() == text.null_count():
            break
        text = text.str.strip_chars(" ")
        parsed = text.str.to_datetime(format_, time_unit="us", strict=False)
        result = result.zip_with(result.is_not_null(), parsed)
    return result


def to_unix_seconds(naive: pl.Series, time_zone: str) -> tuple[pl.Series, list[Finding]]:
    """UTC Unix time of local wall-clock datetimes.

    In the hour that autumn repeats, records count as the second pass once the clock has
    fallen. Times that spring skips belong to a clock that was not put forward.
    """
    zone = check_zone(time_zone)
    plain = _by_hour(naive, zone)
    if plain is not None:
        return plain, []
    frame = naive.alias("naive").to_frame()
    local = pl.col("naive")
    # Only times in the repeated hour look at this expression.
    last_fall = pl.when(local.diff() < timedelta(0)).then(local).forward_fill()
    has_fallen = local - last_fall < timedelta(hours=1)
    second_pass = pl.when(has_fallen).then(pl.lit("latest")).otherwise(pl.lit("earliest"))
    zoned = local.dt.replace_time_zone(zone, ambiguous=second_pass, non_existent="null")
    shifted = (local + timedelta(hours=1)).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    frame = frame.select(
        unix=pl.coalesce(zoned, shifted).dt.timestamp("us").cast(pl.Float64) * MICRO,
        skipped=zoned.is_null() & local.is_not_null(),
    )
    skipped = int(frame["skipped"].sum())
    if not skipped:
        return frame["unix"], []
    text = (
        f"{skipped} records carry a local time that {zone} skips in spring; read as one hour later."
    )
    return frame["unix"], [Finding("clock_skipped_hour", text)]


def plain_clock(text: pl.Series, time_zone: str) -> pl.Series | None:
    """UTC Unix time of ISO moments; None where some cell needs to know the others."""
    filled = text.drop_nulls()
    if filled.is_empty() or filled[0].find("/") not in (-1, 4):
        return None
    return _by_hour(first_that_fits(text, ISO_FORMATS), check_zone(time_zone))


def _by_hour(naive: pl.Series, zone: str) -> pl.Series | None:
    """Unix time where the clock was never in an hour that the zone repeats or skips.

    The zone is asked once for each run of records in one local hour; None where the answer
    is not the same at the beginning and the end of that hour.
    """
    local = naive.cast(pl.Int64)
    if naive.is_empty() or naive.null_count():
        return None
    hour = local // HOUR_MICROSECONDS
    run = hour.rle_id()
    begins = hour.filter(run.diff().fill_null(1) != 0) * HOUR_MICROSECONDS
    first, last = (
        begins
        - (begins + more - past)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
        .cast(pl.Int64)
        + (more - past)
        for more, past in ((0, 0), (HOUR_MICROSECONDS, 1))
    )
    if first.null_count() or last.null_count() or not (first == last).all():
        return None
    return ((local - first.gather(run)).cast(pl.Float64) * MICRO).alias(naive.name)


def check_zone(name: str) -> str:
    """``name`` when it is an IANA time zone; raises UnreadableFile otherwise."""
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError) as error:
        raise UnreadableFile(
            f"The folder's time zone '{name}' is not known.",
            fix="Choose one of the form Europe/Berlin for the folder.",
        ) from error
