"""Readers of text exports that a dialect alone describes, and of those that need a little more."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from battery_db.lib.errors import UnreadableFile
from cycling.formats import vendors
from cycling.formats.base import Format, ReadContext, Reading
from cycling.formats.clocks import to_unix_seconds
from cycling.formats.columns import Dialect
from cycling.formats.text import decode_head, first_lines, read_text
from cycling.formats.text_tables import (
    has_header,
    preamble,
    read_below,
    read_text_table,
    with_text,
)

VDF_START = "[DATA START]"
NOVONIX_START = re.compile(rb"(?m)^\[Data\][ \t]*\n")
BASYTEC_START = "Start of Test"


def _sniff(dialect: Dialect) -> Callable[[bytes, str], bool]:
    return lambda head, name: has_header(head, dialect)


def _read(dialect: Dialect, path: Path, context: ReadContext) -> Reading:
    return read_text_table(path, dialect, context)


def read_basytec(path: Path, context: ReadContext) -> Reading:
    """Times count from ``Start of Test``, which is local time, day first."""
    reading = read_text_table(path, vendors.BASYTEC, context)
    said = next((v for k, v in reading.metadata.items() if k.startswith(BASYTEC_START)), "")
    try:
        start = datetime.strptime(said, "%d.%m.%Y %H:%M:%S")  # noqa: DTZ007 - local by definition
    except ValueError:
        return reading
    unix, findings = to_unix_seconds(pl.Series([start], dtype=pl.Datetime("us")), context.time_zone)
    frame = reading.frame.with_columns(
        unix_time_second=pl.col("test_time_second") + pl.lit(unix[0], pl.Float64)
    )
    return Reading(
        frame, reading.metadata, (*reading.findings, *findings), is_partial=reading.is_partial
    )


def sniff_novonix(head: bytes, name: str) -> bool:
    start = decode_head(head[:4096])
    return "Novonix" in start and "[Summary]" in start


def read_novonix(path: Path, context: ReadContext) -> Reading:
    """Every ``[Data]`` section: a restarted test writes one more below the first.

    Rows of a later section follow those before it; its run time begins again at zero,
    which the check of time repairs and tells.
    """
    text = read_text(path, context)
    sections = NOVONIX_START.split(text.data)[1:]
    if not sections:
        raise UnreadableFile(
            "The file has no section '[Data]'.", fix="Export it again from Novonix's software."
        )
    readings = []
    for section in sections:
        body = re.split(rb"(?m)^\[", section, maxsplit=1)[0]
        line = first_lines(body, 1)[0]
        readings.append(read_below(body, line, 1, vendors.NOVONIX, context))
    frame = pl.concat([reading.frame for reading in readings], how="diagonal")
    if len(readings) > 1:
        sizes = [reading.frame.height for reading in readings]
        section_of = pl.Series([i for i, n in enumerate(sizes) for _ in range(n)], dtype=pl.Int32)
        step = pl.struct(section_of.alias("section"), pl.col("step_count"))
        frame = frame.with_columns((step.rle_id().cast(pl.Int32) + 1).alias("step_count"))
    metadata = preamble(first_lines(text.data, 20))
    findings = tuple(dict.fromkeys(f for reading in readings for f in reading.findings))
    return with_text(Reading(frame, {}, findings), text, metadata)


def sniff_vdf(head: bytes, name: str) -> bool:
    return VDF_START in decode_head(head[:8192])


def read_vdf(path: Path, context: ReadContext) -> Reading:
    """Names and units in two lines below ``[DATA START]``; the clock is Unix time."""
    text = read_text(path, context)
    lines = first_lines(text.data, 100)
    place = next((i for i, line in enumerate(lines) if line.strip() == VDF_START), None)
    if place is None or len(lines) < place + 3:
        raise UnreadableFile(
            f"Names and units were expected below '{VDF_START}'.", fix="Export the file again."
        )
    names, units = (line.split("\t") for line in lines[place + 1 : place + 3])
    units += ["none"] * (len(names) - len(units))
    header = "\t".join(
        name if unit.strip() in {"none", "epoch", ""} else f"{name}({unit.strip()})"
        for name, unit in zip(names, units, strict=False)
    )
    reading = read_below(text.data, header, place + 3, vendors.VDF, context)
    return with_text(reading, text, preamble(lines[:place]))


def _format(name: str, title: str, dialect: Dialect, *endings: str) -> Format:
    return Format(name, 1, title, endings or (".csv",), _sniff(dialect), partial(_read, dialect))


FORMATS = (
    Format("vdf", 1, "Voltaiq VDF", (".csv", ".vdf"), sniff_vdf, read_vdf),
    Format("novonix", 1, "Novonix text", (".csv",), sniff_novonix, read_novonix),
    Format("basytec", 1, "Basytec text", (".txt",), _sniff(vendors.BASYTEC), read_basytec),
    _format("pec", "PEC text", vendors.PEC),
    _format("landt", "LANHE (Landt) text", vendors.LANDT, ".txt", ".csv"),
    _format("arbin_text", "Arbin text", vendors.ARBIN),
    _format("battery_archive", "Battery Archive time series", vendors.BATTERY_ARCHIVE),
)
