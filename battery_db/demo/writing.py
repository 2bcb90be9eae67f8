"""Which files the lab's instruments left where, and writing them. No Django here.

A cell's life is one formation file and a few cycling files, as a test is restarted
after power cuts and moves. Beside those lie the usual accidents of a shared folder.
"""

import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from battery_db.demo import spectra
from battery_db.demo.instruments import WRITERS, Recording, measure
from battery_db.demo.lab import DESIGNS, TIME_ZONE, DemoCell
from simulation.designs import Ints
from simulation.protocols import FORMATION, Protocol, cycling_plan, interrupted
from simulation.surrogate import simulate_cell

DAY = 86400.0
FIRST_DAY = dt.datetime(2025, 1, 13, 9, 20, tzinfo=ZoneInfo(TIME_ZONE))
TRUNCATED_CELL, COPIED_CELL, MISNAMED_CELL, INTERRUPTED_CELL = 10003, 10001, 10013, 10018
BAD_NAME = "new test rack2 - copy (3).csv"
COPY_FOLDER = "Neware-A/old PC backup"


@dataclass(frozen=True, slots=True)
class Segment:
    """Cycles ``first`` (from 0) up to ``end`` of a life, in one file."""

    first: int
    end: int
    started: float  # Unix time
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Written:
    path: str  # relative to the folder, with /
    byte_count: int
    row_count: int


def write_cell(cell: DemoCell, root: Path, cycle_number: int, seed: int) -> list[Written]:
    """Simulate one cell and write all files that speak of it."""
    protocol = plan(cell, cycle_number)
    life = simulate_cell(DESIGNS[cell.design].model, protocol, seed + cell.cell_id, cell.wear)
    segments = list(split(life, cell, seed))
    written = [_write_segment(cell, segment, root, seed) for segment in segments]
    written += _write_spectra(cell, segments, root, seed)
    written += _write_accidents(cell, written, root)
    return written


def plan(cell: DemoCell, cycle_number: int) -> Protocol:
    """``cycle_number`` cycles after formation, or fewer for a cell started lately."""
    model = DESIGNS[cell.design].model
    count = max(3, round(cycle_number * cell.share))
    cycles = cycling_plan(count, cell.rate, cell.rate)
    if cell.cell_id == INTERRUPTED_CELL:
        cycles = interrupted(cycles, _restarts(cell, len(cycles))[-1] - 1, 0.37)
    return Protocol(
        cycles,
        model.lower_cutoff_volt,
        cell.upper_cutoff_volt,
        cell.temperature_celsius,
        len(FORMATION),
    )


def _restarts(cell: DemoCell, cycle_number: int) -> list[int]:
    """Cycle positions at which a new file begins: formation, cycling, restarts."""
    begin = len(FORMATION)
    shares = [] if not cell.registered else [0.31, 0.68] if cell.design == "NMC622" else [0.46]
    wobble = 0.012 * (cell.cell_id % 7)
    length = cycle_number - begin
    return [0, begin, *(begin + max(1, round(length * (share + wobble))) for share in shares)]


def split(life: pl.DataFrame, cell: DemoCell, seed: int) -> Iterator[Segment]:
    """The life in files, with the days in between when nobody had restarted the test."""
    cycle = life["cycle_count"].to_numpy() - 1
    starts = _restarts(cell, int(cycle[-1]) + 1)
    ends = [*starts[1:], int(cycle[-1]) + 1]
    rng = np.random.default_rng([seed, cell.cell_id, 0x9A95])
    pause = np.cumsum([0.0, *(rng.uniform(0.15, 2.5, len(starts) - 1) * DAY)])
    zero = FIRST_DAY.timestamp() + cell.start_day * DAY + 420 * (cell.cell_id % 40)
    for first, end, waited in zip(starts, ends, pause, strict=True):
        rows = life.slice(*_row_range(cycle, first, end))
        begin = float(rows["test_time_second"][0]) if first else 0.0
        yield Segment(first, end, round(zero + begin + waited), rows)


def _row_range(cycle: Ints, first: int, end: int) -> tuple[int, int]:
    low, high = np.searchsorted(cycle, [first, end])
    return int(low), int(high - low)


def file_path(cell: DemoCell, segment: Segment) -> str:
    """Folder and name after the lab's grammar."""
    design = DESIGNS[cell.design]
    formation = segment.first == 0
    volts = f"{cell.upper_cutoff_volt:.2f}".replace(".", "").removesuffix("0") + "V"
    slow = f"C{round(1 / cell.rate)}"
    words = [design.operator, "FM" if formation else "CYC", str(cell.cell_id), design.cycler]
    words += [f"c{segment.first}", volts, f"{cell.temperature_celsius}C"]
    # A lone C20 would say that twenty cycles had been done.
    words.append("C20C20" if formation else "1C1C" if cell.rate == 1 else slow + slow)
    rack = "Formation" if formation else f"Rack {cell.cell_id % 3 + 1}"
    date = f"{_local(segment.started):%y%m%d}"
    return f"{design.place}/{rack}/{'_'.join([*words, date])}.{design.extension}"


def _write_segment(cell: DemoCell, segment: Segment, root: Path, seed: int) -> Written:
    frame = measure(segment.frame, (seed, cell.cell_id, segment.first))
    recording = Recording(frame, segment.started, TIME_ZONE, cell.temperature_celsius)
    content = WRITERS[cell.writer](recording).encode("utf-8")
    if cell.cell_id == TRUNCATED_CELL and _is_last(cell, segment):
        content = content[: round(len(content) * 0.83)]  # the export stopped: disk full
    return write_file(root, file_path(cell, segment), content, _end(segment), frame.height)


def _is_last(cell: DemoCell, segment: Segment) -> bool:
    return segment.first > 2 and segment.first == _restarts(cell, segment.end)[-1]


def _end(segment: Segment) -> float:
    times = segment.frame["test_time_second"]
    return segment.started + float(times[-1]) - float(times[0])


def _write_spectra(cell: DemoCell, segments: list[Segment], root: Path, seed: int) -> list[Written]:
    """Impedance at each restart of some pouch cells, infrared spectra of some electrolytes."""
    written = []
    design, volts = DESIGNS[cell.design], f"{cell.upper_cutoff_volt:.1f}".replace(".", "") + "V"
    if cell.design == "NMC622" and cell.registered and cell.cell_id % 3 == 1:
        for segment in segments[1:]:
            moment = segment.started - 3600
            name = f"Jd_EIS_{cell.cell_id}_c{segment.first}_{volts}_{cell.temperature_celsius}C"
            path = f"Impedance/{name}_{_local(moment):%y%m%d}.txt"
            growth = 1 + 1.6e-3 * segment.first
            content = spectra.impedance_text(growth, (seed, cell.cell_id, segment.first))
            written.append(write_file(root, path, content.encode(), moment, 0))
    if cell.cell_id in (10002, 10013, 10020):
        for segment in segments:
            moment = _end(segment) + 1800
            name = f"{design.operator}_FTIR_{cell.cell_id}_c{segment.end}_{_local(moment):%y%m%d}"
            mixture = spectra.aged_electrolyte(cell.electrolyte, segment.end)
            content = spectra.infrared_text(mixture, (seed, cell.cell_id, segment.end))
            written.append(write_file(root, f"FTIR/{name}.txt", content.encode(), moment, 0))
    return written


def _write_accidents(cell: DemoCell, written: list[Written], root: Path) -> list[Written]:
    """A copy under an old backup, and one under a name that says nothing."""
    source = written[1]
    origin = root / source.path
    moment = origin.stat().st_mtime
    name = source.path.rpartition("/")[2]
    if cell.cell_id == COPIED_CELL:
        path = f"{COPY_FOLDER}/{name}"
        return [write_file(root, path, origin.read_bytes(), moment + 5 * DAY, source.row_count)]
    if cell.cell_id == MISNAMED_CELL:
        content = origin.read_bytes()
        head = content[: min(200_000, len(content) // 2)].rpartition(b"\n")[0] + b"\n"
        return [write_file(root, f"Neware-B/{BAD_NAME}", head, moment + 3 * DAY, 0)]
    return []


def write_file(root: Path, path: str, content: bytes, moment: float, rows: int) -> Written:
    """Replace ``path`` in one move, dated ``moment``: half a file is never seen."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=root, prefix=".writing-", delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o644)
    os.utime(file.name, (moment, moment))
    Path(file.name).replace(target)
    return Written(path, len(content), rows)


def remove_leftovers(root: Path) -> None:
    """Remove the half-written files of a run that was killed."""
    for leftover in root.glob(".writing-*"):
        leftover.unlink()


def _local(moment: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, ZoneInfo(TIME_ZONE))
