"""Milliseconds for the data of a cell's page: 5,000 cycles, and a file of 10 million records.

PYTHONPATH=. python benchmarks/bench_cell_page.py

On SQLite in a temporary folder, through the views as a browser asks them. Beside them,
in the same run, the bare query of the same rows as tuples, and the bare read of the same
columns with pyarrow. p95 of 40 requests; the first reading of the long file apart.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_folder = tempfile.TemporaryDirectory()
os.environ |= {
    "BATTERY_DB_DATA_DIR": _folder.name,
    "BATTERY_DB_DEBUG": "1",
    "BATTERY_DB_DATABASE_URL": f"sqlite:///{_folder.name}/bench.sqlite3",
    "DJANGO_SETTINGS_MODULE": "battery_db.settings",
}
sys.path.insert(0, str(Path(__file__).parents[1]))

import django  # noqa: E402

django.setup()

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.files.base import File  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from battery_db.lib.series import write_parquet  # noqa: E402
from battery_db.lib.storage import storage  # noqa: E402
from benchmarks.rows import imported_test  # noqa: E402
from cells.models import Folder  # noqa: E402
from cycling.jobs.grouping import group_cell  # noqa: E402
from cycling.models import CyclingTest, HalfCycle  # noqa: E402

CYCLES = 5_000
RECORDS = 10_000_000
REQUESTS = 40


def main() -> None:
    call_command("migrate", verbosity=0)
    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.create_superuser("bench"))
    folder = Folder.objects.create(name="bench", path=_folder.name, time_zone="UTC")
    many_cycles(imported_test(folder, 10001))
    group_cell(10001)
    show(f"{CYCLES} cycles: bare query of the rows", bare_rows)
    for name in ("discharge_capacity", "coulombic_efficiency", "delta_voltage"):
        show(f"{CYCLES} cycles: {name} by group", get(client, f"/cycling/cells/10001/{name}.json"))
    show(
        "zoomed to 200 cycles",
        get(client, "/cycling/cells/10001/discharge_capacity.json?from=1000&to=1200"),
    )
    show("fix bad cycles", get(client, "/cycling/cells/10001/fix.json?polarity=discharge"))
    show("the panel", get(client, "/cycling/cells/10001/panel/"))
    long = imported_test(folder, 10002)
    long_record(long)
    show(f"{RECORDS:,} records: pyarrow reads three columns", lambda: bare_read(long), 5)
    url = f"/cycling/tests/{long.pk}/overview.json"
    show("the same, thinned for the first time", get(client, url), 1)
    show("the same, again", get(client, url))
    show("zoomed to one hour", get(client, f"{url}?from=500&to=501"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak resident memory {peak:.0f} MiB")


def show(label: str, call: Callable[[], object], times: int = REQUESTS) -> None:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - start))
    print(f"{label:52} p50 {np.median(took):8.1f} ms  p95 {np.quantile(took, 0.95):8.1f} ms")


def get(client: Client, url: str) -> Callable[[], object]:
    def call() -> None:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content[:200]

    return call


def many_cycles(test: CyclingTest) -> None:
    rng = np.random.default_rng(1)
    halves = []
    for place in range(2 * CYCLES):
        charges = place % 2 == 0
        rate = (0.012 if place // 2 % 50 == 0 else 0.24) * float(np.exp(rng.normal(0, 0.005)))
        halves.append(
            HalfCycle(
                test=test, polarity="charge" if charges else "discharge", ordinal=place,
                cycle_count=place // 2 + 1, first_row=place, last_row=place,
                start_time_second=3600.0 * place, duration_second=3500.0,
                capacity_ah=0.24 - 1e-5 * place + float(rng.normal(0, 1e-4)), energy_wh=0.9,
                mean_voltage_volt=3.9 if charges else 3.6, constant_current_ampere=rate,
                end_current_ampere=0.012 if charges else rate,
                end_voltage_volt=4.2 if charges else 3.0,
                previous_end_current_ampere=rate if charges else 0.012,
                previous_end_voltage_volt=3.0 if charges else 4.2,
            )
        )  # fmt: skip
    HalfCycle.objects.bulk_create(halves, batch_size=500)


def long_record(test: CyclingTest) -> None:
    time_second = np.arange(RECORDS) * 0.5
    phase = time_second / 7200 % 1
    frame = pl.DataFrame(
        {
            "test_time_second": time_second,
            "voltage_volt": (3.6 + 0.6 * np.sin(2 * np.pi * phase)).astype(np.float32),
            "current_ampere": np.where(phase < 0.5, 0.2, -0.2).astype(np.float32),
        }
    )
    draft = Path(_folder.name) / "draft.parquet"
    write_parquet(frame, draft, {})
    with draft.open("rb") as file:
        storage("series").save(test.series_name, File(file))


def bare_rows() -> None:
    list(HalfCycle.objects.filter(test__file__name="10001.txt").values_list())


def bare_read(test: CyclingTest) -> None:
    pq.read_table(storage("series").path(test.series_name))


if __name__ == "__main__":
    main()
