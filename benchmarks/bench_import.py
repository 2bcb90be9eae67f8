"""Rows per second of reading cycler files, beside the bare parser under each reader.

Text is generated (three hundred thousand records); the binary file is the largest real
one beside the project, and is left out where that folder is absent. Each figure is the
median of five runs in one process, after one that does not count, on as many threads as
Polars takes; CPU seconds are those of all threads together.
"""

import io
import logging
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import fastnda
import numpy as np
import polars as pl

from battery_db.lib.series import write_parquet
from cycling.formats import read
from cycling.half_cycles import summarise

RUNS = 5
ROWS = 300_000
ROWS_PER_STEP = 250
REAL_DATA = Path(
    os.environ.get("BATTERY_DB_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
)
COLUMNS = ("rows", "s", "CPU s", "krows/s", "krows/s CPU")


def main() -> None:
    # fastnda warns of a clock that was set back, once per run.
    logging.getLogger("fastnda").setLevel(logging.ERROR)
    print(f"Python {platform.python_version()}, Polars {pl.__version__}, {os.cpu_count()} cores")
    print(f"{'':44}" + "".join(f"{name:>13}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for label, path in text_files(Path(folder)):
            measure(f"{label}: polars.read_csv alone", lambda path=path: parse_bare(path))
            measure(f"{label}: our read", lambda path=path: read(path)[1].frame.height)
            measure(f"{label}: read, half-cycles, Parquet", lambda path=path: import_whole(path))
    binary = largest_binary()
    if binary is None:
        print(f".ndax left out: no real file under {REAL_DATA}")
    else:
        measure(".ndax: fastnda.read alone", lambda: fastnda.read(binary, cycle_mode="raw").height)
        measure(".ndax: our read", lambda: read(binary)[1].frame.height)
        measure(".ndax: read, half-cycles, Parquet", lambda: import_whole(binary))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak resident memory {peak:.0f} MiB")


def measure(label: str, run: Callable[[], int]) -> None:
    rows = run()
    wall, processor = [], []
    for _ in range(RUNS):
        began, cpu_began = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - cpu_began)
    seconds, cpu = statistics.median(wall), statistics.median(processor)
    print(
        f"{label:44}{rows:13d}{seconds:13.3f}{cpu:13.3f}"
        f"{rows / seconds / 1000:13.0f}{rows / cpu / 1000:13.0f}"
    )


def parse_bare(path: Path) -> int:
    """All cells with Polars' own guess of their types, and nothing else."""
    if path.suffix == ".txt":
        # From the third header line on, the one that names all columns.
        return pl.read_csv(path, separator="\t", skip_rows=2, truncate_ragged_lines=True).height
    return pl.read_csv(path).height


def import_whole(path: Path) -> int:
    reading = read(path)[1]
    summarise(reading.frame)
    write_parquet(reading.frame, io.BytesIO(), {})
    return reading.frame.height


def largest_binary() -> Path | None:
    found = REAL_DATA.glob("cycling-neware/**/*.ndax")
    return max(found, key=lambda path: path.stat().st_size, default=None)


def text_files(folder: Path) -> Iterator[tuple[str, Path]]:
    series = made_up_series()
    for label, name, lines in (
        ("nested text", "nested.txt", nested(series)),
        ("flat CSV", "flat.csv", flat(series)),
    ):
        path = folder / name
        path.write_text("\n".join(lines) + "\n")
        yield label, path


def made_up_series() -> dict[str, np.ndarray]:
    row = np.arange(ROWS)
    step, within = row // ROWS_PER_STEP, row % ROWS_PER_STEP
    current = np.select([step % 4 == 0, step % 4 == 2], [100.0, -100.0], 0.0)
    return {
        "row": row,
        "step": step,
        "seconds": within * 10,
        "volt": 3700 + 400 * np.sin(row / 90),
        "current": current,
        "capacity": np.abs(current) * within * 10 / 3600,
        "clock": np.datetime_as_string(np.datetime64("2026-01-01T00:00:00") + row * 10),
    }


def clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


STEP_NAMES = ("CC_Chg", "Rest", "CC_DChg", "Rest")


def nested(series: dict[str, np.ndarray]) -> list[str]:
    lines = [
        "Cycle ID\tCap_Chg(mAh)\tCap_DChg(mAh)",
        "\tStep ID\tStep Name\tStep Time(h:min:s)",
        "\t\tRecord ID\tTime(h:min:s.ms)\tVol(mV)\tCur(mA)\tCap(mAh)\tRealtime",
    ]
    for row in range(ROWS):
        step = int(series["step"][row])
        if row % ROWS_PER_STEP == 0:
            if step % 4 == 0:
                lines.append(f"{step // 4 + 1}\t69.2\t69.2")
            lines.append(f"\t{step % 4 + 1}\t{STEP_NAMES[step % 4]}\t0:41:30")
        lines.append(
            f"\t\t{row + 1}\t{clock(int(series['seconds'][row]))}.000"
            f"\t{series['volt'][row]:.1f}\t{series['current'][row]:.2f}"
            f"\t{series['capacity'][row]:.3f}\t{str(series['clock'][row]).replace('T', ' ')}"
        )
    return lines


def flat(series: dict[str, np.ndarray]) -> list[str]:
    names = "DataPoint,Cycle Index,Step Index,Step Type,Time,Total Time,Current(mA),Voltage(mV)"
    lines = [f"{names},Capacity(mAh),Date"]
    for row in range(ROWS):
        step, seconds = int(series["step"][row]), int(series["seconds"][row])
        total = step * (ROWS_PER_STEP - 1) * 10 + seconds
        lines.append(
            f"{row + 1},{step // 4 + 1},{step % 4 + 1},{STEP_NAMES[step % 4].replace('_', ' ')},"
            f"{clock(seconds)},{clock(total)},{series['current'][row]:.2f},"
            f"{series['volt'][row]:.1f},{series['capacity'][row]:.3f},"
            f"{str(series['clock'][row]).replace('T', ' ')}"
        )
    return lines


if __name__ == "__main__":
    main()
