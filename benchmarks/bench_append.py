"""What a grown file costs: 1 % appended to a text file of 100 MB, beside reading it whole.

PYTHONPATH=. python benchmarks/bench_append.py [megabytes]

On SQLite and a folder, from the settled file to the rows in SQL. Each import runs in a
process of its own, warmed up by a small file, so that peak memory is its own; medians of
three. The digest of the bytes that were read before is part of the appended import, and is
shown by itself too.
"""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RUNS = 3
SHARES = (0.01, 0.10)
STEPS, ROWS_PER_STEP = 4, 400
COLUMNS = ("rows read", "s", "CPU s", "MiB above idle", "ratio of CPU")


def main(megabytes: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        content = text_of(megabytes)
        print(f"{len(content) / 1e6:.0f} MB of Battery Data Format CSV, {os.cpu_count()} cores")
        print(f"{'':34}" + "".join(f"{column:>16}" for column in COLUMNS))
        whole = measure(name, content, None)
        show("the whole file", whole, whole)
        for share in SHARES:
            cut = content.rindex(b"\n", 0, int(len(content) * (1 - share))) + 1
            show(f"read on after {share:.0%} were appended", measure(name, content, cut), whole)
        show("digest of what was read before", measure(name, content, 0), whole)


def text_of(megabytes: float) -> bytes:
    """Cycles of charge, rest, discharge and rest, of which each is a little smaller."""
    import numpy as np
    import polars as pl

    rows = int(megabytes * 1e6 / 65)
    step = np.arange(rows) // ROWS_PER_STEP
    within = np.arange(rows) % ROWS_PER_STEP * 10.0
    cycle = step // STEPS
    current = np.select([step % STEPS == 0, step % STEPS == 2], [0.1, -0.1], 0.0)
    noise = np.random.default_rng(1).normal(size=rows)
    kinds = np.array(["cc_charge", "rest", "cc_discharge", "rest"])
    return (
        pl.DataFrame(
            {
                "test_time_second": np.arange(rows) * 10.0,
                "unix_time_second": 1.7e9 + np.arange(rows) * 10.0,
                "voltage_volt": (3.7 + 0.3 * np.sin(within / 900) + 1e-3 * noise).round(5),
                "current_ampere": (current * (1 - cycle * 1e-4)).round(6),
                "cycle_count": cycle + 1,
                "step_id": step % STEPS + 1,
                "step_type": kinds[step % STEPS],
                "step_time_second": within,
                "step_cumulative_capacity_ah": (np.abs(current) * within / 3600).round(7),
            }
        )
        .write_csv()
        .encode()
    )


def measure(folder: str, content: bytes, cut: int | None) -> dict[str, float]:
    """Medians of several processes; ``cut`` None imports whole, 0 only digests."""
    file = Path(folder) / "cyclers" / "cell.bdf.csv"
    file.parent.mkdir(exist_ok=True)
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as data:
        for _ in range(RUNS):
            if cut:
                file.write_bytes(content[:cut])
                child(data, file, "import")
            file.write_bytes(content)
            task = "digest" if cut == 0 else "whole" if cut is None else "import"
            found.append(child(data, file, task))
            file.unlink()
    return {name: statistics.median(run[name] for run in found) for name in found[0]}


def show(label: str, found: dict[str, float], whole: dict[str, float]) -> None:
    ratio = found["cpu"] / whole["cpu"]
    print(
        f"{label:34}{found['rows']:16.0f}{found['wall']:16.3f}{found['cpu']:16.3f}"
        f"{found['memory']:16.0f}{ratio:16.1%}"
    )


def child(data: str, file: Path, task: str) -> dict[str, float]:
    environment = os.environ | {
        "BATTERY_DB_DATA_DIR": data,
        "BATTERY_DB_DEBUG": "1",
        "BATTERY_DB_DATABASE_URL": f"sqlite:///{data}/bench.sqlite3",
        "DJANGO_SETTINGS_MODULE": "battery_db.settings",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    output = subprocess.run(
        [sys.executable, __file__, "--child", str(file), task],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def run_child(path: Path, task: str) -> None:
    import resource
    import time

    import django

    django.setup()
    from django.core.management import call_command

    from cells.models import RawFile
    from cycling.formats.bookmarks import digest_of
    from cycling.jobs import importing

    call_command("migrate", verbosity=0)
    warm_up(path.parent)
    if task == "whole":
        RawFile.objects.filter(name=path.name).delete()
    file = scanned(path)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor = time.perf_counter(), time.process_time()
    rows = 0
    if task == "digest":
        digest_of(path, file.size)
    else:
        rows = importing.import_file(file).rows
    result = {
        "rows": rows,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - processor,
        "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle) / 1024,
    }
    print(json.dumps(result))


def warm_up(folder: Path) -> None:
    """What a worker has done before: a small file, imported whole and read on."""
    from cells.models import RawFile
    from cycling.jobs import importing

    content, small = text_of(0.6), folder / "small.bdf.csv"
    RawFile.objects.filter(name=small.name).delete()
    for share in (0.9, 1.0):
        small.write_bytes(content[: int(share * len(content))])
        importing.import_file(scanned(small))


def scanned(path: Path) -> Any:
    from datetime import UTC, datetime

    from cells.models import Folder, RawFile

    folder, _ = Folder.objects.get_or_create(name="Rack 1", path=str(path.parent))
    found = path.stat()
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    file, _ = RawFile.objects.update_or_create(
        folder=folder,
        path=path.name,
        defaults={
            "name": path.name,
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "modified_at": datetime.now(UTC),
            "changed_at": datetime.now(UTC),
            "sha256": sha256,
            "state": RawFile.State.STABLE,
        },
    )
    return file


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(Path(sys.argv[2]), sys.argv[3])
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 100.0)
