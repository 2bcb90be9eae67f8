"""Points of spectra as Parquet: one table per file, a column says which spectrum."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from battery_db.lib.errors import UnreadableFile
from battery_db.lib.spectra import Spectrum

COLUMNS = ("spectrum", "frequency_hertz", "real_impedance_ohm", "imaginary_impedance_ohm")


def frame_of(spectra: Sequence[Spectrum]) -> pl.DataFrame:
    """All points, in BDF columns, with ``spectrum`` counting from 1."""
    counts = [len(spectrum) for spectrum in spectra]
    impedance = np.concatenate([spectrum.impedance_ohm for spectrum in spectra])
    return pl.DataFrame(
        {
            "spectrum": np.repeat(np.arange(1, len(spectra) + 1, dtype=np.int32), counts),
            "frequency_hertz": np.concatenate([s.frequency_hz for s in spectra]),
            "real_impedance_ohm": impedance.real,
            "imaginary_impedance_ohm": impedance.imag,
        }
    )


def write_points(
    spectra: Sequence[Spectrum], target: IO[bytes], metadata: Mapping[str, str]
) -> None:
    table = frame_of(spectra).to_arrow()
    table = table.replace_schema_metadata({k.encode(): v.encode() for k, v in metadata.items()})
    pq.write_table(table, target, compression="zstd", row_group_size=20_000)


def read_points(source: Path | IO[bytes], numbers: Iterable[int]) -> dict[int, pl.DataFrame]:
    """The points of the spectra ``numbers``, each in the order measured.

    Raises UnreadableFile when the stored table is damaged or lacks one of them.
    """
    wanted = sorted(set(numbers))
    try:
        table = pq.read_table(source, filters=[("spectrum", "in", wanted)])
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFile(
            f"The stored points can not be read: {error}",
            fix="Import the file again; the nightly run does so by itself.",
        ) from error
    frame = pl.DataFrame(pl.from_arrow(table))
    found = {
        int(key[0]): part.drop("spectrum")
        for key, part in frame.group_by("spectrum", maintain_order=True)
    }
    lost = [number for number in wanted if number not in found]
    if lost:
        raise UnreadableFile(
            f"The stored points of spectrum {lost[0]} are not there.",
            fix="Import the file again; the nightly run does so by itself.",
        )
    return found


def digest_of(spectrum: Spectrum) -> str:
    """SHA-256 of the frequencies and impedances, in their order, whatever is masked."""
    parts = (spectrum.frequency_hz, spectrum.impedance_ohm.real, spectrum.impedance_ohm.imag)
    # Added to zero, so that -0.0, which a table does not keep, is as good as 0.0.
    return hashlib.sha256(b"".join((0.0 + p).astype("<f8").tobytes() for p in parts)).hexdigest()


def spectrum_of(frame: pl.DataFrame, masked: Iterable[int], name: str = "") -> Spectrum:
    """A spectrum of stored points, without those a person has masked."""
    mask = np.ones(frame.height, bool)
    mask[[place for place in masked if 0 <= place < frame.height]] = False
    impedance = frame["real_impedance_ohm"].to_numpy() + 1j * (
        frame["imaginary_impedance_ohm"].to_numpy()
    )
    return Spectrum(frame["frequency_hertz"].to_numpy(), impedance, mask, name)
