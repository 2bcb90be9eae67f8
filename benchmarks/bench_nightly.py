"""A night on which nothing changed, as a share of the first night of the same lab.

PYTHONPATH=. python benchmarks/bench_nightly.py [CELLS]    (100 cells unless given; 2,000 is a lab)

Each cell has one flat Neware export of 500 cycles with 16 records each, 8,000 rows. The nights
are whole ones, as ``manage.py run_nightly`` does them, each in a process of its own, on
SQLite in a temporary folder or the database of BATTERY_DB_DATABASE_URL. The second night is
the median of three.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import polars as pl

from benchmarks import made_up

CYCLES = 500
ROWS_PER_STEP = 4
NIGHTS = 3


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("BENCH_CELLS", "100"))
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "cyclers"
        root.mkdir()
        lay_out(root, cells)
        environment = {
            "BATTERY_DB_DATABASE_URL": f"sqlite:///{place}/bench.sqlite3",
            **os.environ,
            "BATTERY_DB_DATA_DIR": place,
            "BATTERY_DB_DEBUG": "0",
            "BATTERY_DB_FILE_SETTLE_SECONDS": "0",
            "DJANGO_SETTINGS_MODULE": "battery_db.settings",
        }
        nights = [night(root, environment) for _ in range(1 + NIGHTS)]
    first, later = nights[0], nights[1:]
    wall, processor, peak = (statistics.median(each) for each in zip(*later, strict=True))
    rows = cells * CYCLES * 4 * ROWS_PER_STEP
    print(f"{cells} cells x {CYCLES} cycles, {rows:,} rows{'':8}{'s':>9}{'CPU s':>9}{'MiB':>7}")
    print(f"first night{'':29}{first[0]:9.1f}{first[1]:9.1f}{first[2]:7.0f}")
    print(f"nothing changed{'':25}{wall:9.2f}{processor:9.2f}{peak:7.0f}")
    print(f"share of the first night{'':16}{wall / first[0]:9.2%}{processor / first[1]:9.2%}")


def lay_out(root: Path, cells: int) -> None:
    """One table, in which each file has capacities, and so bytes, of its own."""
    first = root / "first.csv"
    made_up.flat(first, CYCLES * 4 * ROWS_PER_STEP, ROWS_PER_STEP)
    table = pl.read_csv(first)
    first.unlink()
    for number in range(cells):
        path = root / f"Sb_CYC_{10001 + number}_NW_c0_42V_30C_1C1C_240131.csv"
        volts = pl.col("Voltage(mV)") + number * 0.1
        table.with_columns(volts.round(1)).write_csv(path)
        os.utime(path, (1.7e9, 1.7e9))


def night(root: Path, environment: dict[str, str]) -> tuple[float, float, float]:
    done = subprocess.run(
        [sys.executable, __file__, "night", str(root)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    wall, processor, peak = done.stdout.split()[-3:]
    return float(wall), float(processor), float(peak)


def run_night(root: str) -> None:
    import resource
    import time

    import django

    django.setup()
    from django.core.management import call_command

    from cells.models import Folder, WetCell

    call_command("migrate", verbosity=0)
    _, is_new = Folder.objects.get_or_create(
        name="cyclers", defaults={"path": root, "time_zone": "Europe/Berlin"}
    )
    if is_new:
        ids = sorted(int(path.name.split("_")[2]) for path in Path(root).iterdir())
        for cell_id in ids:
            WetCell.objects.create(cell_id=cell_id)
    began, cpu_began = time.perf_counter(), time.process_time()
    call_command("run_nightly")
    wall, processor = time.perf_counter() - began, time.process_time() - cpu_began
    print(wall, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["night"]:
        run_night(sys.argv[2])
    else:
        main()
