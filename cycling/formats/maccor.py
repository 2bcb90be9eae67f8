"""Text exports of Maccor's programs (MacTest, MIMS Client), in their several layouts.

Currents are written without sign; the state column tells the direction: C charges, D
discharges, R rests, P and S pause. Counters run on within a half-cycle. The header line
begins with ``Rec`` or ``Rec#``. Times count in days and clock time (``0d 00:10:00``) or in
the unit of the header.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl

from cycling.formats.base import Finding, Format, ReadContext, Reading
from cycling.formats.clocks import first_that_fits, to_unix_seconds
from cycling.formats.columns import Dialect, find_columns
from cycling.formats.text import decode_head, first_lines, read_text, separator_of
from cycling.formats.text_tables import (
    cells_below,
    has_header,
    header_line,
    preamble,
    read_below,
    split,
    with_text,
)

MACCOR = Dialect(
    words={
        "rec": "record_index",
        "rec#": "record_index",
        "cyc#": "cycle_count",
        "cycle": "cycle_count",
        "cycle c": "cycle_count",
        "step": "step_id",
        "testtime": "test_time_second",
        "test time": "test_time_second",
        "test (min)": "test_time_second",
        "test (sec)": "test_time_second",
        "test (hr)": "test_time_second",
        "steptime": "step_time_second",
        "step time": "step_time_second",
        "step (min)": "step_time_second",
        "step (sec)": "step_time_second",
        "step (hr)": "step_time_second",
        "amp-hr": ("step_cumulative_capacity_ah", "Ah"),
        "mamp-hr": ("step_cumulative_capacity_ah", "mAh"),
        "cap": "step_cumulative_capacity_ah",
        "capacity": "step_cumulative_capacity_ah",
        "watt-hr": ("step_cumulative_energy_wh", "Wh"),
        "mwatt-hr": ("step_cumulative_energy_wh", "mWh"),
        "ener": "step_cumulative_energy_wh",
        "energy": "step_cumulative_energy_wh",
        "amps": ("current_ampere", "A"),
        "mamps": ("current_ampere", "mA"),
        "current": "current_ampere",
        "volts": ("voltage_volt", "V"),
        "voltage": "voltage_volt",
        "state": "step_type",
        "md": "step_type",
        "dpt time": "unix_time_second",
        "temp 1": "temperature_t1_celsius",
    },
    modes={
        "r": "rest",
        "c": "charge",
        "d": "discharge",
        "p": "pause",
        "s": "pause",
        "a": "other",
    },
    moments=(
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %H:%M:%S",
        "%d-%b-%y %I:%M:%S %p",
        "%d-%b-%Y %H:%M:%S",
    ),
)
FIRST_WORDS = ("rec#", "rec")
DATE = re.compile(r"Date of Test:?[\s,]*(\d{1,2}/\d{1,2}/\d{4})")


def sniff(head: bytes, name: str) -> bool:
    return has_header(head, MACCOR) and _place_of(decode_head(head).split("\n")) is not None


def read(path: Path, context: ReadContext) -> Reading:
    """Currents signed by the state column; clocks without a date take that of the header."""
    text = read_text(path, context)
    lines = first_lines(text.data, 60)
    place = _place_of(lines)
    if place is None:
        place = header_line(lines, MACCOR) or 0
    reading = read_below(text.data, lines[place], place + 1, MACCOR, context)
    reading = _signed(reading)
    reading = _dated(reading, text.data, lines, place, context)
    return with_text(reading, text, preamble(lines[:place]))


def _place_of(lines: Sequence[str]) -> int | None:
    for place, line in enumerate(lines[:60]):
        if line and split(line)[0].lower() in FIRST_WORDS:
            return place
    return None


def _signed(reading: Reading) -> Reading:
    frame = reading.frame
    if "step_type" not in frame.columns:
        return reading
    size = pl.col("current_ampere").abs()
    signed = pl.when(pl.col("step_type") == "discharge").then(-size).otherwise(size)
    if (frame["current_ampere"] < 0).any():
        signed = pl.col("current_ampere")
    return Reading(frame.with_columns(current_ampere=signed), reading.metadata, reading.findings)


def _dated(
    reading: Reading, data: bytes, lines: Sequence[str], place: int, context: ReadContext
) -> Reading:
    """Let times of day (``16:05:31``) follow the date of the test; each fall is a midnight."""
    found = find_columns(split(lines[place]), MACCOR).get("unix_time_second")
    date = DATE.search("\n".join(lines[:place]))
    if found is None or date is None or "unix_time_second" in reading.frame.columns:
        return reading
    separator = separator_of(lines[place])
    clock = cells_below(data, separator, len(split(lines[place])), place + 1)[found.index]
    stamps = (date[1] + " ") + clock.str.strip_chars(" ")
    naive = first_that_fits(stamps, ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"))
    nights = (naive.diff() < timedelta(hours=-1)).fill_null(value=False).cum_sum()
    unix, more = to_unix_seconds(
        naive + nights.cast(pl.Int64) * timedelta(days=1), context.time_zone
    )
    if unix.null_count() == len(unix):
        return reading
    findings = [known for known in reading.findings if known.code != "clock_unreadable"]
    text = f"The clock has no date; it was taken to start on {date[1]}, the date of the test."
    findings += [Finding("clock_dated", text), *more]
    frame = reading.frame.with_columns(unix.alias("unix_time_second"))
    return Reading(frame, reading.metadata, tuple(findings))


FORMATS = (Format("maccor_text", 1, "Maccor text", (".txt", ".csv", ".001"), sniff, read),)
