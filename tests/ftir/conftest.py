"""The demonstration's mixtures, a calibration of them, and the synthetic reference set."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ftir import confidence, demonstration
from ftir.archive import Fitted
from ftir.calibration import Samples, fit


@pytest.fixture(scope="session")
def samples() -> Samples:
    """Few unknown mixtures and every third wavenumber: enough to test with, and quick."""
    full = demonstration.samples(unknown=60)
    return replace(
        full,
        wavenumber_per_cm=full.wavenumber_per_cm[::2],
        absorbance=full.absorbance[:, ::2],
        unknown_absorbance=full.unknown_absorbance[:, ::2],
    ).checked()


@pytest.fixture(scope="session")
def fitted(samples) -> Fitted:
    known, unknown = confidence.cross_validate(samples, fit, count=8)
    return Fitted(fit(samples), confidence.learn(samples, known, unknown))


@pytest.fixture(scope="session")
def bench(pytestconfig):
    """``bench("hard")``: labelled and unlabelled samples, and the arrays of the file."""
    from tests.conftest import REAL_DATA

    def load(level: str):
        path = Path(REAL_DATA) / "bench" / f"ftir_{level}.npz"
        if not path.is_file():
            pytest.skip(f"reference set is absent: {path}")
        arrays = np.load(path)
        return (
            Samples(
                tuple(str(name) for name in arrays["components"]),
                arrays["wavenumber_per_cm"],
                arrays["labelled_absorbance"].astype(float),
                arrays["labelled_mass_ratio"],
                arrays["unlabelled_absorbance"].astype(float),
            ).checked(),
            arrays,
        )

    return load


@pytest.fixture
def mixture():
    """``mixture([…], seed=1, grid=…)``: wavenumbers and a made-up measurement of a mixture."""

    def make(mass_ratio, seed: int = 1, grid=None):
        axis = np.arange(640.0, 4000.0, 1.86) if grid is None else grid
        rng = np.random.default_rng(seed)
        return axis, demonstration.measured(np.array(mass_ratio, dtype=float), rng, axis)

    return make


def as_csv(axis, absorbance) -> bytes:
    """A spectrum as a spectrometer exports it."""
    rows = "\n".join(f"{x:.3f},{y:.6f}" for x, y in zip(axis, absorbance, strict=True))
    return f"cm-1,Absorbance\n{rows}\n".encode()


@pytest.fixture
def molecules(db):
    from cells.services.materials import define_molecule

    roles = {"LiPF6": "salt", "EC": "solvent", "EMC": "solvent", "DMC": "solvent", "DEC": "solvent"}
    return {n: define_molecule(n, default_role=r) for n, r in roles.items()}


@pytest.fixture
def upload(samples):
    """``table, files`` of the demonstration's mixtures, coarse, as a person has them."""
    names = [f"mixture-{number:02d}.csv" for number in range(1, 49)]
    lines = ["file," + ",".join(samples.components)]
    for name, row in zip(names, samples.mass_ratio, strict=True):
        lines.append(name + "," + ",".join(f"{value:.4f}" for value in row))
    axis = samples.wavenumber_per_cm[::2]
    files = [
        (name, as_csv(axis, spectrum[::2]))
        for name, spectrum in zip(names, samples.absorbance, strict=True)
    ]
    unknown = [
        (f"unknown-{number}.csv", as_csv(axis, spectrum[::2]))
        for number, spectrum in enumerate(samples.unknown_absorbance[:20])
    ]
    return "\n".join(lines) + "\n", files + unknown


@pytest.fixture
def calibration(molecules, fitted, samples):
    """A fitted calibration in use, without the minutes of its report."""
    from django.core.files.base import ContentFile

    from battery_db.lib.storage import storage
    from ftir import archive
    from ftir.models import Calibration
    from ftir.services import calibrations, compositions

    made = calibrations.start("Ours", samples.components)
    made.archive_name = f"ftir/calibrations/test-{id(made)}.npz"
    storage("series").save(made.archive_name, ContentFile(archive.dump(fitted)))
    made.state, made.in_use = Calibration.State.READY, True
    made.save()
    compositions._load.cache_clear()
    return made
