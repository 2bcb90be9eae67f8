"""What importing a cycler file costs, from its bytes to Parquet and SQL, beside a bare parse.

PYTHONPATH=. python benchmarks/bench_import.py [ROWS]     (1,000,000 records unless given)

Text and a BDF Parquet file are made up; the Neware binary is the largest real one beside the
project, and is left out where that folder is absent. The peers are what does the least with
the same file: ``polars.read_csv`` with its own guess of types, ``pyarrow`` and ``fastnda``.
Import is ``import_file`` as a worker calls it: recognise, read, check, half-cycles, Parquet in
the storage, rows in SQLite (or the database of BATTERY_DB_DATABASE_URL). The original
platform managed 37,000 rows a second. Peer and import take turns, five times after one that
does not count; medians; CPU seconds are those of all threads. Peak memory is that of a
process which does one import, beside one which only starts.
"""

import logging
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import polars as pl

from benchmarks import made_up

RUNS = 5
ORIGINAL_ROWS_PER_SECOND = 37_000
REAL_DATA = Path(
    os.environ.get("BATTERY_DB_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
)
TITLES = {
    "flat": ("flat.csv", "polars.read_csv"),
    "nested": ("nested.txt", "polars.read_csv"),
    "bdf": ("series.bdf.parquet", "pyarrow read_table"),
    "ndax": ("largest.ndax", "fastnda.read"),
}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("BENCH_ROWS", "1000000"))
    print(f"Python {platform.python_version()}, Polars {pl.__version__}, {os.cpu_count()} cores")
    print(f"{'':22}{'rows':>10}{'s':>9}{'CPU s':>9}{'of peer':>9}{'CPU':>9}{'krows/CPU s':>13}"
          f"{'of original':>13}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for kind, path in files(Path(folder), rows):
            in_process("time", kind, path)
            in_process("memory", kind, path)
            if path.parent == Path(folder):
                path.unlink()
        in_process("memory", "nothing", Path(folder))


def files(folder: Path, rows: int) -> list[tuple[str, Path]]:
    made = [("flat", made_up.flat), ("nested", made_up.nested), ("bdf", made_up.bdf_parquet)]
    found = []
    for kind, write in made:
        path = folder / TITLES[kind][0]
        write(path, rows)
        found.append((kind, path))
    binary = max(
        REAL_DATA.glob("cycling-neware/**/*.ndax"), key=lambda p: p.stat().st_size, default=None
    )
    if binary is None:
        print(f".ndax left out: no real file under {REAL_DATA}")
        return found
    return [*found, ("ndax", binary)]


def in_process(what: str, kind: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        environment = {
            "BATTERY_DB_DATABASE_URL": f"sqlite:///{place}/bench.sqlite3",
            **os.environ,
            "BATTERY_DB_DATA_DIR": place,
            "BATTERY_DB_DEBUG": "0",
            "DJANGO_SETTINGS_MODULE": "battery_db.settings",
        }
        command = [sys.executable, __file__, what, kind, str(path)]
        subprocess.run(command, env=environment, check=True)


def measure(kind: str, path: Path) -> None:
    peer = peer_of(kind, path)
    whole = importer(path)
    rows = peer() and whole()
    times: dict[str, list[tuple[float, float]]] = {"peer": [], "import": []}
    for _ in range(RUNS):
        for name, run in (("peer", peer), ("import", whole)):
            began, cpu_began = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - began, time.process_time() - cpu_began))
    bare, bare_cpu = (statistics.median(each) for each in zip(*times["peer"], strict=True))
    wall, cpu = (statistics.median(each) for each in zip(*times["import"], strict=True))
    print(f"{TITLES[kind][1]:22}{rows:10d}{bare:9.3f}{bare_cpu:9.3f}")
    print(
        f"{'import ' + kind:22}{rows:10d}{wall:9.3f}{cpu:9.3f}{wall / bare:8.1f}x"
        f"{cpu / bare_cpu:8.1f}x{rows / cpu / 1000:13.0f}"
        f"{rows / cpu / ORIGINAL_ROWS_PER_SECOND:12.1f}x",
        flush=True,
    )


def peer_of(kind: str, path: Path) -> Callable[[], int]:
    if kind == "ndax":
        import fastnda

        return lambda: fastnda.read(path, cycle_mode="raw").height
    if kind == "bdf":
        import pyarrow.parquet as pq

        return lambda: pq.read_table(path).num_rows
    if kind == "nested":
        # From the third header line on, the one that names all columns.
        return lambda: (
            pl.read_csv(path, separator="\t", skip_rows=2, truncate_ragged_lines=True).height
        )
    return lambda: pl.read_csv(path).height


def importer(path: Path) -> Callable[[], int]:
    """A call that imports the file as one that was never seen before; gives its rows."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from cells.models import FileMetadata, Folder, RawFile
    from cycling.jobs.importing import import_file

    call_command("migrate", verbosity=0)
    folder = Folder.objects.create(name="bench", path=str(path.parent), time_zone="Europe/Berlin")
    found, now = path.stat(), timezone.now()

    def once() -> int:
        RawFile.objects.all().delete()
        file = RawFile.objects.create(
            folder=folder, path=path.name, name=path.name, size=found.st_size,
            mtime_ns=found.st_mtime_ns, modified_at=now, sha256=f"{time.time_ns():064x}",
            state=RawFile.State.STABLE, changed_at=now,
        )  # fmt: skip
        FileMetadata.objects.create(
            file=file, experiment="cycling", cell_id=10001, start_cycle=0, is_valid=True
        )
        outcome = import_file(file)
        assert outcome.status == "imported", outcome
        return outcome.rows

    return once


def remember(kind: str, path: Path) -> None:
    begun = importer(path)
    if kind != "nothing":
        begun()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    label = "peak memory, a process that only starts" if kind == "nothing" else "peak memory"
    print(f"{label:22}{peak:10.0f} MiB", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] in (["time"], ["memory"]):
        logging.disable(logging.CRITICAL)  # fastnda warns of a clock that was set back
        {"time": measure, "memory": remember}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
    else:
        main()
