"""Impedance files with known truth, as a scan leaves them."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cells.models import FileMetadata, Folder, RawFile

FREQUENCY = np.logspace(4, -2, 43)
CIRCUIT = "R0-ZARC1-CPE0"


def impedance(growth: float = 1.0) -> np.ndarray:
    """0.02 Ω, an arc of 0.05 Ω at 10 Hz, and a diffusion tail."""
    omega = 2j * np.pi * FREQUENCY
    return 0.02 + 0.05 * growth / (1 + (omega / (2 * np.pi * 10)) ** 0.85) + 0.01 / (omega**0.5)


def eis_text(*growths: float) -> bytes:
    """One sweep per growth, one after the other, with frequency, Z' and Z'' of each point."""
    lines = ["Frequency/Hz,Z'/Ohm,Z''/Ohm"]
    for growth in growths or (1.0,):
        z = impedance(growth)
        lines += [f"{f!r},{a!r},{b!r}" for f, a, b in
                  zip(FREQUENCY.tolist(), z.real.tolist(), z.imag.tolist(), strict=True)]  # fmt: skip
    return "\n".join([*lines, ""]).encode()


def add_file(
    folder: Folder,
    name: str,
    content: bytes,
    *,
    cell_id: int | None = 10001,
    start_cycle: int | None = None,
    experiment: str = FileMetadata.Experiment.IMPEDANCE,
) -> RawFile:
    """The rows that a scan and a reading of the name write for a settled file."""
    path = Path(folder.path) / name
    path.write_bytes(content)
    os.utime(path, (1.6e9, 1.6e9))
    found = path.stat()
    file, _ = RawFile.objects.update_or_create(
        folder=folder,
        path=name,
        defaults={
            "name": name,
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "modified_at": datetime.fromtimestamp(1.6e9, tz=UTC),
            "changed_at": datetime.fromtimestamp(1.6e9, tz=UTC),
            "sha256": hashlib.sha256(content).hexdigest(),
            "state": RawFile.State.STABLE,
        },
    )
    FileMetadata.objects.update_or_create(
        file=file,
        defaults={
            "experiment": experiment,
            "cell_id": cell_id,
            "start_cycle": start_cycle,
            "is_valid": cell_id is not None,
        },
    )
    return file
