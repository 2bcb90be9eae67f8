"""CSV export of 100 cells x 1,000 cycles x 3 filters, and 20 random cells out of tensors.

PYTHONPATH=. python benchmarks/bench_exports.py

The export runs as the job does, on SQLite in a temporary folder, and its questions to the
database are counted. Peers in the same run: the bare query of the same half-cycles as
tuples, and one CSV of as many rows by Polars. Tensors are 1,000 cells of 1,000 rows with 48
points each in shards of 50 cells, mapped by the client; the peer is one mapped .npy file.
Medians of three (export) and twenty (tensors) runs.
"""

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_folder = tempfile.TemporaryDirectory()
os.environ |= {
    "BATTERY_DB_DATA_DIR": _folder.name,
    "BATTERY_DB_DEBUG": "0",
    "BATTERY_DB_DATABASE_URL": f"sqlite:///{_folder.name}/bench.sqlite3",
    "DJANGO_SETTINGS_MODULE": "battery_db.settings",
}
sys.path.insert(0, str(Path(__file__).parents[1]))

import django  # noqa: E402

django.setup()

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.rows import imported_test  # noqa: E402
from cells.models import (  # noqa: E402
    Dataset,
    DatasetCell,
    DatasetFilter,
    FilterRange,
    Folder,
    WetCell,
)
from cycling.exports.tensors import encode  # noqa: E402
from cycling.jobs.exporting import export_to_folder  # noqa: E402
from cycling.models import CyclingTest, HalfCycle  # noqa: E402
from ml.client import read_safetensors  # noqa: E402

CELLS, CYCLES = 100, 1_000
TENSOR_CELLS, ROWS, POINTS, CELLS_PER_SHARD = 1_000, 1_000, 48, 50
# Overlapping end voltages of discharges: half of the cycles, all of them, the other half.
FILTERS = ((2.9, 3.05), (2.9, 3.2), (3.05, 3.2))


def main() -> None:
    call_command("migrate", verbosity=0)
    dataset = lab()
    print(f"{CELLS} cells x {CYCLES} cycles, {len(FILTERS)} filters{'':17}{'s':>8}{'CPU s':>8}")
    show("bare query of the half-cycles", *timed(bare_query, 3))
    rows = pl.DataFrame(np.random.default_rng(1).normal(size=(2 * CELLS * CYCLES, 19)))
    show("one CSV of twice the cycles, by Polars", *timed(lambda: rows.write_csv(os.devnull), 3))
    for count in (1, len(FILTERS)):
        dataset.filters.all().delete()
        for low, high in FILTERS[:count]:
            add_filter(dataset, low, high)
        queries, files = counted(dataset)
        show(f"export by {count}: {files} files, {queries} queries", *timed(exporter(dataset), 3))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak resident memory {peak:.0f} MiB")
    tensors(Path(_folder.name))


def show(label: str, wall: float, processor: float) -> None:
    print(f"{label:46}{wall:8.3f}{processor:8.3f}", flush=True)


def timed(run: Callable[[], object], times: int) -> tuple[float, float]:
    walls, processors = [], []
    for _ in range(times):
        began, cpu_began = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - began)
        processors.append(time.process_time() - cpu_began)
    return statistics.median(walls), statistics.median(processors)


def exporter(dataset: Dataset) -> Callable[[], object]:
    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            export_to_folder(dataset, Path(folder))

    return run


def counted(dataset: Dataset) -> tuple[int, int]:
    asked = 0

    def count(execute, *arguments):  # type: ignore[no-untyped-def]
        nonlocal asked
        asked += 1
        return execute(*arguments)

    with tempfile.TemporaryDirectory() as folder, connection.execute_wrapper(count):
        files = export_to_folder(dataset, Path(folder))
    return asked, files


def lab() -> Dataset:
    folder = Folder.objects.create(name="bench", path=_folder.name, time_zone="UTC")
    dataset = Dataset.objects.create(name="bench", slug="bench")
    for cell_id in range(10_001, 10_001 + CELLS):
        cell = WetCell.objects.create(cell_id=cell_id)
        DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name=f"cell {cell_id}")
        half_cycles(imported_test(folder, cell_id))
    return dataset


def add_filter(dataset: Dataset, low: float, high: float) -> None:
    chosen = DatasetFilter.objects.create(dataset=dataset, name=f"{low} to {high} V")
    FilterRange.objects.create(
        filter=chosen, polarity="discharge", attribute="end_voltage", minimum=low, maximum=high
    )


def half_cycles(test: CyclingTest) -> None:
    """CCCV cycles that fade; every other discharge ends at 3.0 V, the others at 3.1 V."""
    place = np.arange(2 * CYCLES)
    charges = place % 2 == 0
    end = np.where(charges, 4.2, np.where(place // 2 % 2 == 0, 3.0, 3.1))
    columns = {
        "test_id": [test.pk] * len(place),
        "polarity": np.where(charges, "charge", "discharge").tolist(),
        "ordinal": place.tolist(),
        "cycle_count": (place // 2 + 1).tolist(),
        "first_row": place.tolist(),
        "last_row": place.tolist(),
        "start_time_second": (3600.0 * place).tolist(),
        "duration_second": [3500.0] * len(place),
        "capacity_ah": (0.24 - 1e-5 * place).tolist(),
        "energy_wh": (0.9 - 4e-5 * place).tolist(),
        "mean_voltage_volt": np.where(charges, 3.9, 3.6).tolist(),
        "constant_current_ampere": [0.24] * len(place),
        "end_current_ampere": np.where(charges, 0.012, 0.24).tolist(),
        "end_voltage_volt": end.tolist(),
    }
    rows = zip(*columns.values(), strict=True)
    HalfCycle.objects.bulk_create(
        [HalfCycle(**dict(zip(columns, row, strict=True))) for row in rows], batch_size=500
    )


def bare_query() -> None:
    list(HalfCycle.objects.values_list())


def tensors(folder: Path) -> None:
    rng = np.random.default_rng(2)
    whole = np.lib.format.open_memmap(
        folder / "all.npy", "w+", np.float32, (TENSOR_CELLS * ROWS, POINTS)
    )
    shards = []
    size = CELLS_PER_SHARD * ROWS
    for first in range(0, TENSOR_CELLS, CELLS_PER_SHARD):
        values = rng.normal(0.2, 1e-4, (size, POINTS)).astype(np.float32)
        whole[first * ROWS : first * ROWS + size] = values
        index = np.repeat(np.arange(first, first + CELLS_PER_SHARD), ROWS)
        shards.append(folder / f"{first}.safetensors")
        shards[-1].write_bytes(encode({"cell_index": index, "cc_capacity": values}))
    whole.flush()
    some = rng.choice(TENSOR_CELLS, 20, replace=False)

    def mapped_npy() -> object:
        array = np.load(folder / "all.npy", mmap_mode="r")
        return [array[cell * ROWS : (cell + 1) * ROWS].copy() for cell in some]

    def mapped_shards() -> object:
        found = []
        for cell in some:
            shard, place = divmod(int(cell), CELLS_PER_SHARD)
            curves = read_safetensors(shards[shard])["cc_capacity"]
            found.append(curves[place * ROWS : (place + 1) * ROWS].copy())
        return found

    for label, run in ((".npy", mapped_npy), ("shards", mapped_shards)):
        wall, processor = timed(run, 20)
        print(f"20 random of {TENSOR_CELLS} cells, {label:8} {1000 * wall:8.1f} ms wall "
              f"{1000 * processor:8.1f} ms CPU")  # fmt: skip


if __name__ == "__main__":
    main()
