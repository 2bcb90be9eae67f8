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
