"""Small cycler files with known truth, and a watched folder to put them in."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cells.models import FileMetadata, Folder, RawFile

FIRST_CLOCK_S = 1.7e9  # Unix time


def cccv_cycles(
    cycles: int, *, capacity_ah: float = 0.2, fade: float = 0.001, rate: float = 1.0
) -> pl.DataFrame:
    """Cycles of a linear cell: charge to 4.2 V with a hold, rest, discharge to 3.0 V, rest.

    Cycle n has the capacity ``capacity_ah * (1 - fade * n)`` exactly.
    """
    parts = []
    time = 0.0
    current = rate * capacity_ah
    for cycle in range(1, cycles + 1):
        capacity = capacity_ah * (1 - fade * cycle)
        seconds = 3600 * capacity / current
        steps = (
            ("cc_charge", current, 3.0, 4.2, seconds * 0.9, 40),
            ("cv_charge", None, 4.2, 4.2, seconds * 0.2, 20),
            ("rest", 0.0, 4.15, 4.15, 600, 3),
            ("cc_discharge", -current, 4.2, 3.0, seconds, 40),
            ("rest", 0.0, 3.2, 3.2, 600, 3),
        )
        for step_id, (kind, amps, first_volt, last_volt, span, points) in enumerate(steps, 1):
            t = np.linspace(0, span, points)
            amperes = current * (1 - t / span) if amps is None else np.full(points, amps)
            parts.append(
                pl.DataFrame(
                    {
                        "test_time_second": time + t,
                        "voltage_volt": np.linspace(first_volt, last_volt, points),
                        "current_ampere": amperes,
                        "cycle_count": np.full(points, cycle),
                        "step_id": np.full(points, step_id),
                        "step_count": np.full(points, 5 * (cycle - 1) + step_id),
                        "step_type": [kind] * points,
                        "unix_time_second": FIRST_CLOCK_S + time + t,
                    }
                )
            )
            time += span + 1
    return pl.concat(parts)


@pytest.fixture
def folder(db, tmp_path) -> Folder:
    path = tmp_path / "cyclers"
    path.mkdir()
    return Folder.objects.create(name="Rack 1", path=str(path), time_zone="UTC")


@pytest.fixture
def lab_file(folder):
    """``lab_file("a.bdf.csv", frame_or_bytes, cell_id=10001, start_cycle=0)`` as a scan leaves it."""

    def make(
        name: str,
        content: pl.DataFrame | bytes,
        *,
        cell_id: int = 10001,
        start_cycle: int | None = 0,
        experiment: str = FileMetadata.Experiment.CYCLING,
    ) -> RawFile:
        path = Path(folder.path) / name
        if isinstance(content, pl.DataFrame):
            content = recorded_after(content, start_cycle or 0)
        data = content if isinstance(content, bytes) else content.write_csv().encode()
        path.write_bytes(data)
        os.utime(path, (1.6e9, 1.6e9))
        file = scanned(folder, path)
        FileMetadata.objects.update_or_create(
            file=file,
            defaults={
                "experiment": experiment,
                "cell_id": cell_id,
                "start_cycle": start_cycle,
                "is_valid": True,
            },
        )
        return file

    return make


def recorded_after(frame: pl.DataFrame, cycles: int) -> pl.DataFrame:
    """Let cycles of ``cccv_cycles`` be recorded when a cell has done ``cycles`` before."""
    if "unix_time_second" not in frame.columns or frame["unix_time_second"][0] != FIRST_CLOCK_S:
        return frame
    return frame.with_columns(pl.col("unix_time_second") + 10_000.0 * cycles)


def scanned(folder: Folder, path: Path) -> RawFile:
    """The row that a scan writes for a settled file."""
    found = path.stat()
    file, _ = RawFile.objects.update_or_create(
        folder=folder,
        path=path.name,
        defaults={
            "name": path.name,
            "size": found.st_size,
            "modified_at": datetime.fromtimestamp(found.st_mtime, UTC),
            "mtime_ns": found.st_mtime_ns,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "state": RawFile.State.STABLE,
            "changed_at": datetime.now(UTC),
        },
    )
    return file
